//! Records the events of a run: redacts secrets, updates and saves the facts, passes the event on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::redaction::{redact_bytes, redact_event};
use super::{RunEvent, facts};
use crate::evidence::store;
use crate::model::{Digest, Redactor};
use crate::report::Facts;
use crate::report::facts::RawFile;

/// Receives every event of a run. Clones share one journal.
#[derive(Clone)]
pub struct Journal(Arc<Mutex<Inner>>);

struct Inner {
    facts: Facts,
    redactor: Redactor,
    /// The folder of all evidence; none when facts are not saved.
    folder: Option<PathBuf>,
    raw_files: BTreeMap<String, Vec<u8>>,
    observer: Box<dyn FnMut(&RunEvent) + Send>,
    save_error: Option<String>,
}

impl Journal {
    /// Creates a journal. If `folder` (of all evidence) is given, the facts are saved below it after each event.
    pub fn new(facts: Facts, folder: Option<PathBuf>, observer: Box<dyn FnMut(&RunEvent) + Send>) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            facts,
            redactor: Redactor::default(),
            folder,
            raw_files: BTreeMap::new(),
            observer,
            save_error: None,
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces secrets by their names in everything recorded from now on.
    pub fn redact(&self, redactor: Redactor) {
        self.inner().redactor = redactor;
    }

    /// The redactor of everything recorded.
    pub fn redactor(&self) -> Redactor {
        self.inner().redactor.clone()
    }

    /// Records an event: redacts it, applies it to the facts, saves them, passes it to the observer.
    pub fn record(&self, event: RunEvent) {
        let mut inner = self.inner();
        let event = redact_event(event, &inner.redactor);
        let Inner { facts, folder, observer, save_error, .. } = &mut *inner;
        if facts::apply(facts, &event, Timestamp::now())
            && let Some(folder) = folder
            && let Err(e) = store::save_facts(folder, facts)
        {
            save_error.get_or_insert(e.to_string());
        }
        observer(&event);
    }

    /// Adds a raw file of a unit or suite (without one, of the environment), redacted.
    pub fn raw_file(&self, name: &str, media_type: &str, unit: Option<&str>, bytes: &[u8]) -> RawFile {
        let mut inner = self.inner();
        let bytes = redact_bytes(bytes, &inner.redactor);
        let sha256 = Digest::compute(&bytes).hex();
        let file = RawFile {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            size: bytes.len() as u64,
            unit: unit.map(str::to_owned),
            path: Some(format!("{}/{sha256}", store::RAW)),
            sha256: sha256.clone(),
        };
        inner.raw_files.insert(sha256, bytes);
        file
    }

    /// A copy of the current facts.
    pub fn facts(&self) -> Facts {
        self.inner().facts.clone()
    }

    /// Changes the facts directly, where no event does (the end of the run).
    pub fn update(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.inner().facts);
    }

    /// Stops saving: once sealed, the facts may only change by sealing again.
    pub fn stop_saving(&self) {
        self.inner().folder = None;
    }

    /// Raw files by SHA-256.
    pub fn raw_files(&self) -> BTreeMap<String, Vec<u8>> {
        self.inner().raw_files.clone()
    }

    /// The first error of saving the facts, if any.
    pub fn save_error(&self) -> Option<String> {
        self.inner().save_error.clone()
    }
}
