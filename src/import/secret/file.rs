//! Secrets in files and paths. Pure.

use super::name::{is_name, is_value};
use super::places::secrets_in;

/// Returns true if a file looks like a secret by its name, or sets one in a line.
pub fn is_in_file(path: &str, text: &str) -> bool {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    (is_name(name) && is_value(text.trim())) || is_in_lines(text)
}

fn is_in_lines(text: &str) -> bool {
    text.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().take(3).collect();
        // As in the configuration of Redis: `requirepass …`.
        let directive = matches!(words.as_slice(), [name, value] if is_name(name) && is_value(unquoted(value)));
        let pair = line.split_once(['=', ':', '>']).map(|(key, value)| (key.trim(), unquoted(value.trim())));
        // A block of YAML: its lines follow.
        let is_block = |value: &str| matches!(value, "|" | "|-" | "|+" | ">" | ">-" | ">+");
        let set =
            pair.is_some_and(|(key, value)| key.len() < 80 && is_name(key) && (is_block(value) || is_value(value)));
        directive || set || !secrets_in(line).is_empty()
    })
}

/// Returns true for a path of a request that can be written into a draft: no blanks, secrets or templates.
pub fn is_request_path(path: &str) -> bool {
    let is_plain = path.starts_with('/') && path.chars().all(|c| c.is_ascii_graphic()) && !path.contains("{{");
    is_plain && secrets_in(path).is_empty()
}

fn unquoted(value: &str) -> &str {
    value.trim_matches(['"', '\'', ','])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_lines_that_set_a_secret() {
        for line in [
            "requirepass hunter2hunter2",
            "  password: \"$ecret/hunter2\"",
            "\"apiKey\": \"hunter2\",",
            "<password>hunter2</password>",
            "tls_key: |\nclientSecret: |",
            "db = { user = 'a', password = 'hunter2' }",
            "-----BEGIN RSA PRIVATE KEY-----",
        ] {
            assert!(is_in_lines(line), "{line}");
        }
        for line in [
            "password: ${DB_PASSWORD}",
            "password = $DB_PASSWORD",
            "password_file: /run/secrets/db",
            "secret: /run/secrets/db",
            "token {{ .Values.token }}",
            "# the password must be long",
            "image: registry/token:1.2",
            "session_timeout: 30",
        ] {
            assert!(!is_in_lines(line), "{line}");
        }
    }
}
