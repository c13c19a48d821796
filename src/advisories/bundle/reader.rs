//! Reads a bundle, page by page.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;

use super::error::BundleError;
use super::header::{Header, PREDICATE, STATEMENT, Statement};
use super::index::{self, PageRef, damaged};
use super::key::Key;
use crate::advisories::advisory::{Advisory, Summary};
use crate::evidence::{VerifyingKey, dsse};
use crate::file;
use crate::model::Digest;
use crate::packages::Ecosystem;

/// The first line of a bundle.
pub(super) const MAGIC: &[u8] = b"dayfly-advisories 1\n";
/// Longest envelope in bytes.
const MAX_ENVELOPE: u32 = 16 << 20;
/// Longest index in bytes.
const MAX_INDEX: u64 = 256 << 20;

/// The result of verifying a bundle's signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The signature was verified with the key of this id.
    Verified(String),
    /// No key was given; the id is what the bundle claims.
    Unchecked(Option<String>),
}

/// An open bundle. What is read of it is checked against the digests that its statement covers.
#[derive(Debug)]
pub struct Bundle {
    /// What it says about itself.
    pub header: Header,
    /// Digest of its statement, which covers all of it.
    pub digest: Digest,
    /// The result of verifying its signature.
    pub trust: Trust,
    file: File,
    pages: Vec<PageRef>,
    pages_at: u64,
    /// The page that was read last: neighbours are often asked for one after the other.
    last: Mutex<Option<(usize, Vec<u8>)>>,
}

impl Bundle {
    /// Opens a bundle. With a key, its signature must verify.
    pub fn open(path: &Path, key: Option<&VerifyingKey>) -> Result<Self, BundleError> {
        let (file, length) = file::open_regular(path).map_err(BundleError::reading)?;
        let mut start = [0; MAGIC.len() + 4];
        file.read_exact_at(&mut start, 0).map_err(|_| BundleError::Foreign)?;
        let (magic, size) = start.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(BundleError::Foreign);
        }
        let size = u32::from_le_bytes(size.try_into().map_err(|_| BundleError::Foreign)?);
        if size > MAX_ENVELOPE {
            return Err(damaged("its header is too large"));
        }
        let read = |offset: u64, length: u64| read_at(&file, offset, length);
        let envelope = read(start.len() as u64, u64::from(size))?;
        let (statement, payload, trust) = open_envelope(&envelope, key)?;
        let header = statement.predicate;
        let index_at = start.len() as u64 + u64::from(size);
        if header.index_length > MAX_INDEX {
            return Err(damaged("its index is too large"));
        }
        let whole = index_at.checked_add(header.index_length).and_then(|at| at.checked_add(header.pages_length));
        if whole != Some(length) {
            return Err(damaged("it is cut off, or has more than its header says"));
        }
        let index = read(index_at, header.index_length)?;
        if Digest::compute(&index).hex() != statement.subject[0].digest.sha256 {
            return Err(damaged("its index differs from the digest in its statement"));
        }
        let pages = index::parse(&index)?;
        let pages_at = index_at + header.index_length;
        Ok(Self { header, digest: Digest::compute(&payload), trust, file, pages, pages_at, last: Mutex::new(None) })
    }

    /// The advisories of a package, by its normalised name.
    pub fn advisories(&self, ecosystem: &Ecosystem, name: &str) -> Result<Vec<Advisory>, BundleError> {
        Ok(self.value(&Key::Package(ecosystem, name))?.unwrap_or_default())
    }

    /// The summaries of a record, and of those that have this id among their aliases.
    pub fn records(&self, id: &str) -> Result<Vec<Summary>, BundleError> {
        let others: Vec<String> = self.value(&Key::Alias(id))?.unwrap_or_default();
        let mut found = vec![];
        for id in std::iter::once(id).chain(others.iter().map(String::as_str)) {
            found.extend(self.value(&Key::Record(id))?);
        }
        Ok(found)
    }

    /// The popular names of an ecosystem, most popular first; none if they were not imported.
    pub fn popular(&self, ecosystem: &Ecosystem) -> Result<Option<Vec<String>>, BundleError> {
        self.value(&Key::Popular(ecosystem))
    }

    /// Reads every page.
    pub fn check(&self) -> Result<(), BundleError> {
        for number in 0..self.pages.len() {
            index::each(&self.page(number)?, |_, _| {})?;
        }
        Ok(())
    }

    fn value<T: DeserializeOwned>(&self, key: &Key<'_>) -> Result<Option<T>, BundleError> {
        let key = key.bytes();
        let Some(number) = self.pages.partition_point(|p| p.first <= key).checked_sub(1) else { return Ok(None) };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_none_or(|(n, _)| *n != number) {
            *last = Some((number, self.page(number)?));
        }
        let Some((_, page)) = last.as_ref() else { return Ok(None) };
        let Some(value) = index::find(page, &key)? else { return Ok(None) };
        serde_json::from_slice(value).map(Some).map_err(|e| damaged(&format!("a value cannot be read: {e}")))
    }

    fn page(&self, number: usize) -> Result<Vec<u8>, BundleError> {
        let page = self.pages.get(number).ok_or_else(|| damaged("a page is missing"))?;
        index::open(page, &read_at(&self.file, self.pages_at + page.offset, u64::from(page.length))?)
    }
}

fn read_at(file: &File, offset: u64, length: u64) -> Result<Vec<u8>, BundleError> {
    let length = usize::try_from(length).map_err(|_| damaged("a part is too large"))?;
    // A false length must not reserve memory that the file does not have.
    let present = file.metadata().map_err(BundleError::reading)?.len();
    if offset.checked_add(length as u64).is_none_or(|end| end > present) {
        return Err(damaged("it is cut off"));
    }
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, offset).map_err(BundleError::reading)?;
    Ok(bytes)
}

/// Opens an envelope; verifies its signature if there is a key.
fn open_envelope(bytes: &[u8], key: Option<&VerifyingKey>) -> Result<(Statement, Vec<u8>, Trust), BundleError> {
    let unreadable = |e: &dyn std::fmt::Display| damaged(&format!("its header cannot be read: {e}"));
    let envelope: dsse::Envelope = serde_json::from_slice(bytes).map_err(|e| unreadable(&e))?;
    let payload = STANDARD.decode(&envelope.payload).map_err(|e| unreadable(&e))?;
    let refused = |why: String| Err(BundleError::Untrusted(why));
    let trust = match (key, envelope.signatures.as_slice()) {
        (Some(key), [signature]) => {
            let bytes = STANDARD.decode(&signature.sig).unwrap_or_default();
            let is_named = signature.keyid == key.keyid();
            if !is_named || !key.accepts(&dsse::pae(&envelope.payload_type, &payload), &bytes) {
                let claimed = signature.keyid.chars().take(80).collect::<String>();
                return refused(format!("the signature is not by {}; the bundle names {claimed:?}", key.keyid()));
            }
            Trust::Verified(key.keyid())
        }
        (Some(_), []) => return refused("the bundle is not signed; import it with --key".into()),
        (Some(_), _) => return refused("the bundle has several signatures".into()),
        (None, signatures) => Trust::Unchecked(signatures.first().map(|s| s.keyid.clone())),
    };
    if envelope.payload_type != dsse::PAYLOAD_TYPE {
        return Err(damaged("its header is of another type"));
    }
    let statement: Statement = serde_json::from_slice(&payload).map_err(|e| unreadable(&e))?;
    if statement.kind != STATEMENT || statement.predicate_type != PREDICATE {
        return Err(damaged("its statement is about something else"));
    }
    Ok((statement, payload, trust))
}
