//! The effect around the notices: scrub secrets, record, save, hand on to the screen.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

use super::{RunEvent, record};
use crate::report::Facts;

/// Shown in place of anything shorter: a scrubbed text must not eat ordinary words.
const SHORTEST_SECRET: usize = 8;

/// Receives every notice of a run. Clones share the same journal.
#[derive(Clone)]
pub struct Journal(Arc<Mutex<Inner>>);

struct Inner {
    facts: Facts,
    secrets: BTreeMap<String, String>,
    folder: Option<PathBuf>,
    raw: BTreeMap<String, Vec<u8>>,
    screen: Box<dyn FnMut(&RunEvent) + Send>,
    unsaved: Option<String>,
}

impl Journal {
    /// Begins a journal; with `folder` (that of all evidence) the facts are saved below it after each step.
    pub fn new(facts: Facts, folder: Option<PathBuf>, screen: Box<dyn FnMut(&RunEvent) + Send>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            facts,
            secrets: BTreeMap::new(),
            folder,
            raw: BTreeMap::new(),
            screen,
            unsaved: None,
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on these values never pass: they are replaced by their names.
    pub fn hide(&self, secrets: &BTreeMap<String, String>) {
        self.inner().secrets.clone_from(secrets);
    }

    /// Takes a notice: scrubs it, records it, saves the facts, shows it.
    pub fn note(&self, notice: RunEvent) {
        let mut inner = self.inner();
        let notice = scrubbed(notice, &inner.secrets);
        let Inner { facts, folder, screen, unsaved, .. } = &mut *inner;
        if record::apply(facts, &notice, Timestamp::now())
            && let Some(folder) = folder
            && let Err(e) = crate::evidence::store::save_facts(folder, facts)
        {
            unsaved.get_or_insert(e.to_string());
        }
        screen(&notice);
    }

    /// Keeps a raw result by its content; secrets are replaced by their names first. Returns its SHA-256.
    pub fn keep_raw(&self, bytes: &[u8]) -> (String, u64) {
        use sha2::{Digest, Sha256};
        let mut inner = self.inner();
        let bytes = scrubbed_bytes(bytes, &inner.secrets);
        let digest = hex(&Sha256::digest(&bytes));
        let size = bytes.len() as u64;
        inner.raw.insert(digest.clone(), bytes);
        (digest, size)
    }

    /// The facts as they are now.
    pub fn facts(&self) -> Facts {
        self.inner().facts.clone()
    }

    /// Changes the facts directly, for what no notice tells (the end of the run).
    pub fn amend(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.inner().facts);
    }

    /// From now on the facts are not saved here: they are sealed, and only sealing again may change them.
    pub fn stop_saving(&self) {
        self.inner().folder = None;
    }

    /// Raw results by SHA-256.
    pub fn raw(&self) -> BTreeMap<String, Vec<u8>> {
        self.inner().raw.clone()
    }

    /// Why the facts could not be saved, if so.
    pub fn unsaved(&self) -> Option<String> {
        self.inner().unsaved.clone()
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Replaces every secret value in the text by `[secret NAME]`.
pub fn scrub(text: &str, secrets: &BTreeMap<String, String>) -> String {
    let hidden = secrets.iter().filter(|(_, v)| v.len() >= SHORTEST_SECRET);
    hidden.fold(text.to_owned(), |t, (name, value)| {
        if t.contains(value.as_str()) { t.replace(value.as_str(), &format!("[secret {name}]")) } else { t }
    })
}

fn scrubbed_bytes(bytes: &[u8], secrets: &BTreeMap<String, String>) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) => scrub(text, secrets).into_bytes(),
        // A binary result cannot be edited without breaking it; keep it only when it holds no secret.
        Err(_) if secrets.values().any(|s| s.len() >= SHORTEST_SECRET && contains(bytes, s.as_bytes())) => {
            b"[withheld: holds a secret]".to_vec()
        }
        Err(_) => bytes.to_vec(),
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w == needle)
}

fn scrubbed(notice: RunEvent, secrets: &BTreeMap<String, String>) -> RunEvent {
    let Ok(mut value) = serde_json::to_value(&notice) else { return notice };
    if walk(&mut value, secrets) { serde_json::from_value(value).unwrap_or(notice) } else { notice }
}

fn walk(value: &mut Value, secrets: &BTreeMap<String, String>) -> bool {
    match value {
        Value::String(text) => {
            let clean = scrub(text, secrets);
            let changed = clean != *text;
            *text = clean;
            changed
        }
        Value::Array(items) => items.iter_mut().fold(false, |c, v| walk(v, secrets) | c),
        Value::Object(map) => map.values_mut().fold(false, |c, v| walk(v, secrets) | c),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_replaced_by_its_name_wherever_a_notice_holds_it() {
        let secrets =
            BTreeMap::from([("mq.app".to_owned(), "s3cr3t-value".to_owned()), ("short".to_owned(), "a".to_owned())]);
        let notice = RunEvent::UnitFailed {
            unit: "api".into(),
            reason: "cannot log in with s3cr3t-value".into(),
            log: vec!["pw=s3cr3t-value".into()],
        };
        let clean = scrubbed(notice, &secrets);
        assert_eq!(
            clean,
            RunEvent::UnitFailed {
                unit: "api".into(),
                reason: "cannot log in with [secret mq.app]".into(),
                log: vec!["pw=[secret mq.app]".into()]
            }
        );
    }

    #[test]
    fn a_binary_result_that_holds_a_secret_is_withheld() {
        let secrets = BTreeMap::from([("k".to_owned(), "s3cr3t-value".to_owned())]);
        assert_eq!(scrubbed_bytes(b"\xff\xfes3cr3t-value", &secrets), b"[withheld: holds a secret]");
        assert_eq!(scrubbed_bytes(b"\xff\xfeplain", &secrets), b"\xff\xfeplain");
    }
}
