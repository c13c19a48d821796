//! Writes a bundle.

use std::collections::BTreeMap;
use std::io::{Seek as _, SeekFrom, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::error::BundleError;
use super::header::{Header, PREDICATE, STATEMENT, Statement, Subject, SubjectDigest};
use super::index::{MAX_VALUE, PAGE, PageRef, push};
use super::reader::MAGIC;
use crate::evidence::{SigningKey, dsse};
use crate::model::Digest;

/// Values by the bytes of their keys.
pub type Contents = BTreeMap<Vec<u8>, Vec<u8>>;

/// Writes a bundle, signed if there is a key; the lengths in the header are filled in.
pub fn write(
    contents: &Contents,
    header: Header,
    key: Option<&SigningKey>,
    out: &mut impl Write,
) -> Result<(), BundleError> {
    let mut pages = tempfile::tempfile().map_err(BundleError::writing)?;
    let (mut index, mut offset) = (vec![], 0);
    let mut page = Page::default();
    for (key, value) in contents {
        if value.len() > MAX_VALUE || key.len() > usize::from(u16::MAX) {
            let name = String::from_utf8_lossy(key).replace('\0', " ").chars().take(100).collect::<String>();
            return Err(BundleError::TooLarge(format!(
                "the advisories of {name:?} take more than {} MiB",
                MAX_VALUE >> 20
            )));
        }
        if !page.plain.is_empty() && page.plain.len() + value.len() > PAGE {
            offset = std::mem::take(&mut page).finish(offset, &mut index, &mut pages)?;
        }
        page.add(key, value);
    }
    if !page.plain.is_empty() {
        offset = page.finish(offset, &mut index, &mut pages)?;
    }
    let statement = Statement {
        kind: STATEMENT.into(),
        subject: [Subject { name: "index".into(), digest: SubjectDigest { sha256: Digest::compute(&index).hex() } }],
        predicate_type: PREDICATE.into(),
        predicate: Header { index_length: index.len() as u64, pages_length: offset, ..header },
    };
    let unwritable = |e: serde_json::Error| BundleError::writing(e.into());
    let payload = serde_json::to_value(&statement).map_err(unwritable)?.to_string();
    let envelope = serde_json::to_vec(&dsse::wrap(payload.as_bytes(), key)).map_err(unwritable)?;
    let length = u32::try_from(envelope.len()).map_err(|_| BundleError::TooLarge("its header is too large".into()))?;
    pages.seek(SeekFrom::Start(0)).map_err(BundleError::writing)?;
    let mut write = || {
        for part in [MAGIC, &length.to_le_bytes(), &envelope, &index] {
            out.write_all(part)?;
        }
        std::io::copy(&mut pages, out)?;
        out.flush()
    };
    write().map_err(BundleError::writing)
}

#[derive(Default)]
struct Page {
    first: Vec<u8>,
    plain: Vec<u8>,
}

impl Page {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        if self.plain.is_empty() {
            self.first = key.to_vec();
        }
        // Checked by the caller.
        self.plain.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_le_bytes());
        self.plain.extend_from_slice(key);
        self.plain.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.plain.extend_from_slice(value);
    }

    /// Writes the page and its entry; returns the offset of the next one.
    fn finish(self, offset: u64, index: &mut Vec<u8>, out: &mut impl Write) -> Result<u64, BundleError> {
        let mut encoder = ZlibEncoder::new(vec![], Compression::default());
        let compress = encoder.write_all(&self.plain).and_then(|()| encoder.finish());
        let bytes = compress.map_err(BundleError::writing)?;
        let too_large = |_| BundleError::TooLarge("a page is too large".into());
        let page = PageRef {
            first: self.first,
            offset,
            length: u32::try_from(bytes.len()).map_err(too_large)?,
            plain: u32::try_from(self.plain.len()).map_err(too_large)?,
            digest: *Digest::compute(&bytes).as_bytes(),
        };
        push(index, &page);
        out.write_all(&bytes).map_err(BundleError::writing)?;
        Ok(offset + u64::from(page.length))
    }
}
