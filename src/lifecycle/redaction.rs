//! Redacts events and files. Pure.

use serde_json::Value;

use super::RunEvent;
use crate::model::Redactor;

/// Redacts a file. A binary file that holds a secret is withheld: editing would corrupt it.
pub(super) fn redact_bytes(bytes: &[u8], redactor: &Redactor) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) => redactor.redact(text).into_bytes(),
        Err(_) if !redactor.find(bytes).is_empty() => b"[withheld: holds a secret]".to_vec(),
        Err(_) => bytes.to_vec(),
    }
}

/// Redacts every text of an event.
pub(super) fn redact_event(event: RunEvent, redactor: &Redactor) -> RunEvent {
    let Ok(mut value) = serde_json::to_value(&event) else { return event };
    if redact_json(&mut value, redactor) { serde_json::from_value(value).unwrap_or(event) } else { event }
}

/// Redacts every string of a JSON value; returns true if one changed.
fn redact_json(value: &mut Value, redactor: &Redactor) -> bool {
    match value {
        Value::String(text) => {
            let clean = redactor.redact(text);
            let changed = clean != *text;
            *text = clean;
            changed
        }
        Value::Array(items) => items.iter_mut().fold(false, |c, v| redact_json(v, redactor) | c),
        Value::Object(map) => map.values_mut().fold(false, |c, v| redact_json(v, redactor) | c),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn redactor(name: &str, value: &str) -> Redactor {
        Redactor::new([(name.to_owned(), value.as_bytes().to_vec())]).unwrap()
    }

    #[test]
    fn replaces_secrets_by_their_names_in_every_text_of_an_event() {
        let event = RunEvent::UnitFailed {
            unit: "api".into(),
            reason: "cannot log in with s3cr3t-value".into(),
            log: vec!["pw=s3cr3t-value".into()],
        };
        assert_eq!(
            redact_event(event, &redactor("mq.app", "s3cr3t-value")),
            RunEvent::UnitFailed {
                unit: "api".into(),
                reason: "cannot log in with [secret mq.app]".into(),
                log: vec!["pw=[secret mq.app]".into()]
            }
        );
    }

    #[test]
    fn withholds_a_binary_file_that_holds_a_secret() {
        let redactor = redactor("k", "s3cr3t-value");
        for held in [&b"\xff\xfes3cr3t-value"[..], b"\xff\xfe7333637233742d76616c7565"] {
            assert_eq!(redact_bytes(held, &redactor), b"[withheld: holds a secret]");
        }
        assert_eq!(redact_bytes(b"\xff\xfeplain", &redactor), b"\xff\xfeplain");
    }
}
