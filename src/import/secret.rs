//! What looks like a secret, and the names of the secrets that take its place. Pure.

use std::collections::BTreeMap;
use std::ops::Range;

/// Words that make the name of a variable look like a secret's.
const SECRET: [&str; 15] = [
    "password",
    "passwd",
    "pass",
    "pwd",
    "passphrase",
    "secret",
    "secrets",
    "token",
    "apikey",
    "credential",
    "credentials",
    "salt",
    "fernet",
    "pepper",
    "cookie",
];
/// Words before `key` that do.
const KEYS: [&str; 12] = [
    "api",
    "access",
    "secret",
    "private",
    "encryption",
    "signing",
    "jwt",
    "master",
    "fernet",
    "auth",
    "license",
    "session",
];
/// Last words that tell of something about a secret.
const ABOUT: [&str; 22] = [
    "file",
    "path",
    "ttl",
    "lifetime",
    "expiry",
    "expires",
    "expiration",
    "age",
    "length",
    "name",
    "header",
    "algorithm",
    "timeout",
    "issuer",
    "enabled",
    "user",
    "username",
    "host",
    "port",
    "url",
    "id",
    "interval",
];

/// Returns true if a variable of this name probably holds a secret.
pub(super) fn is_name(name: &str) -> bool {
    let words = words(name);
    let last = words.last().map(String::as_str).unwrap_or_default();
    let key =
        words.windows(2).any(|pair| KEYS.contains(&pair[0].as_str()) && matches!(pair[1].as_str(), "key" | "keys"));
    !ABOUT.contains(&last) && (key || words.iter().any(|word| SECRET.contains(&word.as_str())))
}

/// Returns true for values that no secret has: a switch or a small number.
pub(super) fn is_harmless(value: &str) -> bool {
    let small = value.len() <= 5 && value.bytes().all(|b| b.is_ascii_digit());
    !value.is_empty()
        && (small
            || matches!(value.to_ascii_lowercase().as_str(), "true" | "false" | "yes" | "no" | "on" | "off" | "none"))
}

/// Lower-case words of a name; `apiToken` has two.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars().take(200) {
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && before.is_ascii_lowercase()) {
            words.push(String::new());
        }
        if let (Some(word), true) = (words.last_mut(), c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The place of the password in the first address that has one: `scheme://user:password@host`.
pub(super) fn password_in(value: &str) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(found) = value[from..].find("://") {
        let start = from + found + 3;
        let authority = value[start..].find(['/', '?', '#', ' ', ',']).map_or(value.len(), |end| start + end);
        // A password may hold the characters that end an authority: then the last `@` before the next blank counts, unless
        // a port comes before.
        let blank = value[start..].find([' ', ',']).map_or(value.len(), |end| start + end);
        let has_port =
            value[start..authority].rsplit_once(':').is_some_and(|(_, p)| p.bytes().all(|b| b.is_ascii_digit()));
        let beyond = || if has_port { None } else { value[start..blank].rfind('@') };
        let end = value[start..authority].rfind('@').or_else(beyond).map(|at| start + at);
        if let Some((colon, at)) = end.and_then(|at| Some((start + value[start..at].find(':')? + 1, at)))
            && colon < at
        {
            return Some(colon..at);
        }
        from = start;
    }
    None
}

/// Names of the draft's secrets, by the value that each takes the place of.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    of_value: BTreeMap<String, String>,
    /// Names to declare under `secrets`.
    pub(super) declared: Vec<String>,
}

impl Secrets {
    /// A value that stands for a password of the broker or of a database.
    pub(super) fn known(&mut self, value: &str, name: &str) {
        if !value.is_empty() {
            self.of_value.entry(value.to_owned()).or_insert_with(|| name.to_owned());
        }
    }

    /// The secret in place of a value; another one for each value, and for each variable if there is none.
    pub(super) fn of(&mut self, variable: &str, value: &str) -> String {
        let key = if value.is_empty() { format!("\0{variable}") } else { value.to_owned() };
        if let Some(name) = self.of_value.get(&key) {
            return name.clone();
        }
        let name = self.fresh(variable);
        self.declared.push(name.clone());
        self.of_value.insert(key, name.clone());
        name
    }

    /// Declares a secret of this name, which names a file.
    pub(super) fn named(&mut self, name: &str) -> String {
        let name = plain(name, true);
        if !self.declared.contains(&name) {
            self.declared.push(name.clone());
        }
        name
    }

    fn fresh(&self, variable: &str) -> String {
        let base = plain(variable, false);
        let mut name = base.clone();
        let mut number = 2;
        while self.declared.contains(&name) {
            name = format!("{base}-{number}");
            number += 1;
        }
        name
    }
}

/// A legal name of a secret.
fn plain(text: &str, keep: bool) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || (keep && c == '_');
    let text: String = text.chars().map(|c| if legal(c) { c } else { '-' }).take(50).collect();
    let text = if keep { text } else { text.to_ascii_lowercase() };
    let text = text.trim_matches(['-', '_']).to_owned();
    if text.is_empty() { "secret".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_secrets_from_what_is_about_them() {
        for name in [
            "POSTGRES_PASSWORD",
            "apiToken",
            "AWS_SECRET_ACCESS_KEY",
            "SECRET_KEY",
            "smtp.pass",
            "AIRFLOW__CORE__FERNET_KEY",
        ] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "DB_PASSWORD_FILE",
            "TOKEN_TTL",
            "KEYBOARD",
            "SECRET_NAME",
            "PUBLIC_KEY",
            "COMPASS",
            "CACHE_KEY",
            "DATABASE_URL",
        ] {
            assert!(!is_name(name), "{name}");
        }
        assert!(is_harmless("3600") && is_harmless("False") && !is_harmless("") && !is_harmless("123456"));
    }

    #[test]
    fn finds_passwords_in_addresses() {
        let found = |text: &str| password_in(text).map(|at| text[at].to_owned());
        assert_eq!(found("postgres://app:s3/cret@db:5432/app").as_deref(), Some("s3/cret"));
        assert_eq!(found("redis://:pw@cache/0").as_deref(), Some("pw"));
        assert_eq!(found("http://a:80/,amqp://u:p@mq").as_deref(), Some("p"));
        assert_eq!(found("http://web:8080/a@b"), None);
        assert_eq!(found("http://web:8080/"), None);
    }
}
