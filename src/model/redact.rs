//! Redaction of secrets: the one mark and the one length rule. Pure.

use std::collections::BTreeMap;

/// Shortest secret in bytes that is redacted; generated secrets have at least 32. Replacing shorter text would
/// destroy ordinary words.
pub const MIN_SECRET_LENGTH: usize = 8;

/// Replaces every secret value in a text by `[secret NAME]`, also one that an excerpt cuts off (`abcdefgh…`).
pub fn redact(text: &str, secrets: &BTreeMap<String, String>) -> String {
    let mut secrets: Vec<_> = secrets.iter().filter(|(_, value)| value.len() >= MIN_SECRET_LENGTH).collect();
    // A secret that is part of another one must not break the longer one up.
    secrets.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    secrets.into_iter().fold(text.to_owned(), |text, (name, value)| {
        let mark = format!("[secret {name}]");
        let text = if text.contains(value.as_str()) { text.replace(value.as_str(), &mark) } else { text };
        match cut_off(&text, value) {
            Some(excerpt) => text.replace(&excerpt, &format!("{mark}…")),
            None => text,
        }
    })
}

/// The longest beginning of the value that the text cuts off with an ellipsis.
fn cut_off(text: &str, value: &str) -> Option<String> {
    if !text.contains('…') {
        return None;
    }
    let beginnings = (MIN_SECRET_LENGTH..value.len()).rev().filter_map(|end| value.get(..end));
    beginnings.map(|beginning| format!("{beginning}…")).find(|excerpt| text.contains(excerpt.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(all: &[(&str, &str)]) -> BTreeMap<String, String> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn replaces_secrets_by_their_names() {
        let secrets = secrets(&[("mq.api", "abc12345"), ("empty", ""), ("short", "login")]);
        let text = redact("login with abc12345 and abc12345", &secrets);
        assert_eq!(text, "login with [secret mq.api] and [secret mq.api]");
    }

    #[test]
    fn replaces_a_secret_that_an_excerpt_cuts_off() {
        let text = redact("it was abc12345… (400 bytes)", &secrets(&[("k", "abc1234567")]));
        assert_eq!(text, "it was [secret k]… (400 bytes)");
    }

    #[test]
    fn replaces_the_longer_of_two_overlapping_secrets_first() {
        let text = redact("abc1234567890", &secrets(&[("a", "abc12345"), ("b", "abc1234567890")]));
        assert_eq!(text, "[secret b]");
    }
}
