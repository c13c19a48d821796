//! The index of a bundle, and its pages. Pure.
//!
//! Keys and values are sorted by key and cut into pages, each compressed (zlib). The index lists for each page its first key
//! (length: 2 bytes), the length of its compressed and of its plain bytes (4 bytes each) and its SHA-256. A page is a sequence of
//! key (length: 2 bytes) and value (length: 4 bytes). Numbers are little endian.

use std::io::Read as _;

use flate2::read::ZlibDecoder;

use super::error::BundleError;
use crate::model::Digest;

/// Plain bytes after which a page ends; a larger value has a page of its own.
pub(super) const PAGE: usize = 32 << 10;
/// Longest value, and so the longest page.
pub(super) const MAX_VALUE: usize = 64 << 20;
/// Bytes of an entry without its key.
const ENTRY: usize = 2 + 4 + 4 + 32;

/// A page of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageRef {
    pub first: Vec<u8>,
    pub offset: u64,
    pub length: u32,
    pub plain: u32,
    pub digest: [u8; 32],
}

/// Appends the entry of a page.
pub(super) fn push(index: &mut Vec<u8>, page: &PageRef) {
    index.extend_from_slice(&u16::try_from(page.first.len()).unwrap_or(u16::MAX).to_le_bytes());
    index.extend_from_slice(&page.first);
    index.extend_from_slice(&page.length.to_le_bytes());
    index.extend_from_slice(&page.plain.to_le_bytes());
    index.extend_from_slice(&page.digest);
}

/// Reads an index; pages follow each other from offset 0.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<PageRef>, BundleError> {
    let mut rest = bytes;
    let mut pages = Vec::with_capacity(bytes.len() / (ENTRY + 16));
    let mut offset = 0;
    while !rest.is_empty() {
        let cut = || damaged("its index is cut off");
        let key_length = usize::from(u16::from_le_bytes(take(&mut rest).ok_or_else(cut)?));
        let first = rest.split_off(..key_length).ok_or_else(cut)?.to_vec();
        let length = u32::from_le_bytes(take(&mut rest).ok_or_else(cut)?);
        let plain = u32::from_le_bytes(take(&mut rest).ok_or_else(cut)?);
        let digest = take(&mut rest).ok_or_else(cut)?;
        pages.push(PageRef { first, offset, length, plain, digest });
        offset += u64::from(length);
    }
    if pages.is_sorted_by(|a, b| a.first < b.first) { Ok(pages) } else { Err(damaged("its index is not sorted")) }
}

/// Opens a page: checks its digest and its length.
pub(super) fn open(page: &PageRef, bytes: &[u8]) -> Result<Vec<u8>, BundleError> {
    if Digest::compute(bytes).as_bytes() != &page.digest {
        return Err(damaged("a page differs from the digest in the index"));
    }
    let length = usize::try_from(page.plain).unwrap_or(usize::MAX);
    if length > MAX_VALUE + PAGE {
        return Err(damaged("a page is too large"));
    }
    let mut plain = Vec::with_capacity(length);
    let mut limited = ZlibDecoder::new(bytes).take(u64::from(page.plain) + 1);
    limited.read_to_end(&mut plain).map_err(|_| damaged("a page cannot be decompressed"))?;
    if plain.len() == length { Ok(plain) } else { Err(damaged("a page has another length than in the index")) }
}

/// The value of a key in an opened page.
pub(super) fn find<'a>(page: &'a [u8], key: &[u8]) -> Result<Option<&'a [u8]>, BundleError> {
    let mut found = None;
    each(page, |k, value| {
        if k == key {
            found = Some(value);
        }
    })?;
    Ok(found)
}

/// Calls for each key and value of an opened page.
pub(super) fn each<'a>(page: &'a [u8], mut call: impl FnMut(&'a [u8], &'a [u8])) -> Result<(), BundleError> {
    let mut rest = page;
    while !rest.is_empty() {
        let cut = || damaged("a page is cut off");
        let key_length = usize::from(u16::from_le_bytes(take(&mut rest).ok_or_else(cut)?));
        let key = rest.split_off(..key_length).ok_or_else(cut)?;
        let length = u32::from_le_bytes(take(&mut rest).ok_or_else(cut)?);
        let value = rest.split_off(..usize::try_from(length).unwrap_or(usize::MAX)).ok_or_else(cut)?;
        call(key, value);
    }
    Ok(())
}

pub(super) fn damaged(what: &str) -> BundleError {
    BundleError::Damaged(what.to_owned())
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    rest.split_off(..N)?.try_into().ok()
}
