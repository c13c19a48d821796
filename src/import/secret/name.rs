//! Names of variables, options and keys that hold secrets, and values that are none. Pure.

/// Words that make the name of a variable look like a secret's, alone or at the end of a longer word (`PGPASSWORD`).
const ENDINGS: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "secret",
    "secrets",
    "token",
    "apikey",
    "credential",
    "credentials",
    "masterauth",
];
/// Words that do so alone.
const SECRET: [&str; 6] = ["salt", "fernet", "pepper", "cookie", "mnemonic", "sig"];
/// Words that end with `pass` and are none.
const PASSES: [&str; 7] = ["compass", "bypass", "encompass", "overpass", "surpass", "trespass", "underpass"];
/// Words before `key` that do.
const KEYS: [&str; 18] = [
    "api",
    "access",
    "account",
    "admin",
    "app",
    "secret",
    "private",
    "encryption",
    "crypt",
    "hmac",
    "signing",
    "jwt",
    "master",
    "fernet",
    "auth",
    "license",
    "session",
    "webhook",
];
/// Words before a last `auth`, which then holds a user and a password.
const AUTHS: [&str; 8] = ["basic", "http", "neo4j", "proxy", "redis", "rediscli", "registry", "smtp"];
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
pub fn is_name(name: &str) -> bool {
    let words = words(name);
    let last = words.last().map(String::as_str).unwrap_or_default();
    let pair = |is: &dyn Fn(&str, &str) -> bool| words.windows(2).any(|pair| is(&pair[0], &pair[1]));
    let key = pair(&|a, b| KEYS.contains(&a) && matches!(b, "key" | "keys"));
    let auth = last == "auth" && pair(&|a, b| b == "auth" && AUTHS.contains(&a));
    // That of HashiCorp Vault is a password.
    let secret_id = last == "id" && pair(&|a, b| a == "secret" && b == "id");
    secret_id || (!ABOUT.contains(&last) && (key || auth || words.iter().any(|word| is_word(word))))
}

fn is_word(word: &str) -> bool {
    let is_pass = word.ends_with("pass") && !PASSES.contains(&word);
    is_pass || SECRET.contains(&word) || ENDINGS.iter().any(|ending| word.ends_with(ending))
}

/// Returns true for values that no secret has: a switch or a small number.
pub fn is_harmless(value: &str) -> bool {
    let small = value.len() <= 5 && value.bytes().all(|b| b.is_ascii_digit());
    let word = value.len() <= 5
        && matches!(
            value.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "none" | "null"
        );
    !value.is_empty() && (small || word)
}

/// Returns true for values that only say where a secret is.
fn is_reference(value: &str) -> bool {
    let variable = value.strip_prefix('$').is_some_and(|rest| {
        rest.starts_with(['{', '(']) || rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    });
    let is_part = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-');
    let path = value.starts_with('/') && value[1..].contains('/') && value.bytes().all(is_part);
    variable || path || value.starts_with(['<', '{', '[', '(', '%'])
}

/// Returns true for a value that a name of a secret makes one.
pub(super) fn is_value(value: &str) -> bool {
    !value.is_empty() && !is_harmless(value) && !is_reference(value)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_secrets_from_what_is_about_them() {
        for name in [
            "POSTGRES_PASSWORD",
            "PGPASSWORD",
            "requirepass",
            "masterauth",
            "VAULT_SECRET_ID",
            "MYSQL_PWD",
            "SMTPPASS",
            "accesstoken",
            "NEO4J_AUTH",
            "APP_KEY",
            "AccountKey",
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
            "BYPASS",
            "CACHE_KEY",
            "DATABASE_URL",
            "CLIENT_ID",
            "ENABLE_AUTH",
        ] {
            assert!(!is_name(name), "{name}");
        }
        assert!(is_harmless("3600") && is_harmless("False") && !is_harmless("") && !is_harmless("123456"));
    }
}
