//! Redacts events and files. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::RunEvent;
use crate::model::{MIN_SECRET_LENGTH, redact};

/// Redacts a file. A binary file that holds a secret is withheld: editing would corrupt it.
pub(super) fn redact_bytes(bytes: &[u8], secrets: &BTreeMap<String, String>) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) => redact(text, secrets).into_bytes(),
        Err(_) if secrets.values().any(|s| s.len() >= MIN_SECRET_LENGTH && contains(bytes, s.as_bytes())) => {
            b"[withheld: holds a secret]".to_vec()
        }
        Err(_) => bytes.to_vec(),
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}

/// Redacts every text of an event.
pub(super) fn redact_event(event: RunEvent, secrets: &BTreeMap<String, String>) -> RunEvent {
    let Ok(mut value) = serde_json::to_value(&event) else { return event };
    if redact_json(&mut value, secrets) { serde_json::from_value(value).unwrap_or(event) } else { event }
}

/// Redacts every string of a JSON value; returns true if one changed.
fn redact_json(value: &mut Value, secrets: &BTreeMap<String, String>) -> bool {
    match value {
        Value::String(text) => {
            let clean = redact(text, secrets);
            let changed = clean != *text;
            *text = clean;
            changed
        }
        Value::Array(items) => items.iter_mut().fold(false, |c, v| redact_json(v, secrets) | c),
        Value::Object(map) => map.values_mut().fold(false, |c, v| redact_json(v, secrets) | c),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_secrets_by_their_names_in_every_text_of_an_event() {
        let secrets =
            BTreeMap::from([("mq.app".to_owned(), "s3cr3t-value".to_owned()), ("short".to_owned(), "a".to_owned())]);
        let event = RunEvent::UnitFailed {
            unit: "api".into(),
            reason: "cannot log in with s3cr3t-value".into(),
            log: vec!["pw=s3cr3t-value".into()],
        };
        assert_eq!(
            redact_event(event, &secrets),
            RunEvent::UnitFailed {
                unit: "api".into(),
                reason: "cannot log in with [secret mq.app]".into(),
                log: vec!["pw=[secret mq.app]".into()]
            }
        );
    }

    #[test]
    fn withholds_a_binary_file_that_holds_a_secret() {
        let secrets = BTreeMap::from([("k".to_owned(), "s3cr3t-value".to_owned())]);
        assert_eq!(redact_bytes(b"\xff\xfes3cr3t-value", &secrets), b"[withheld: holds a secret]");
        assert_eq!(redact_bytes(b"\xff\xfeplain", &secrets), b"\xff\xfeplain");
    }
}
