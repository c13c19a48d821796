//! Zip archives, as OSV publishes them: the files of the central directory, stored or deflated, also of the 64-bit format.
//!
//! Every length of the archive is a claim: what is read is bounded by the caller and by the archive's own size, and each file has the
//! checksum that the directory names.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;

use flate2::Crc;
use flate2::read::DeflateDecoder;

/// Longest central directory in bytes.
const MAX_DIRECTORY: u64 = 1 << 30;
/// Bytes of the record at the end, without its comment; the comment has at most 65,535.
const END: usize = 22;

/// An open archive.
pub(super) struct Archive {
    file: File,
    length: u64,
    entries: Vec<Entry>,
}

/// A file of an archive.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its path, as the archive names it.
    pub name: String,
    method: u16,
    checksum: u32,
    packed: u64,
    offset: u64,
    is_encrypted: bool,
}

impl Archive {
    /// Reads the central directory.
    pub(super) fn open(file: File, length: u64) -> Result<Self, String> {
        let mut archive = Self { file, length, entries: vec![] };
        let (offset, size) = archive.directory()?;
        if size > MAX_DIRECTORY {
            return Err("its directory is too large".into());
        }
        let directory = archive.bytes(offset, size)?;
        let mut rest = directory.as_slice();
        while !rest.is_empty() {
            archive.entries.push(entry(&mut rest).ok_or("its directory is damaged")?);
        }
        Ok(archive)
    }

    /// Its files.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The content of a file of at most `most` bytes.
    pub(super) fn read(&self, entry: &Entry, most: usize) -> Result<Vec<u8>, String> {
        if entry.is_encrypted {
            return Err("it is encrypted".into());
        }
        if entry.packed > most as u64 + 1024 {
            return Err(format!("it is larger than {} MiB", most >> 20));
        }
        // The lengths of name and extra field may differ from those of the directory.
        let local = self.bytes(entry.offset, 30)?;
        if local.get(..4) != Some(b"PK\x03\x04") {
            return Err("the archive is damaged".into());
        }
        let (name, extra) = (number(&local, 26, 2).unwrap_or(0), number(&local, 28, 2).unwrap_or(0));
        let packed = self.bytes(entry.offset + 30 + name + extra, entry.packed)?;
        let bytes = match entry.method {
            0 => packed,
            8 => {
                let mut plain = vec![];
                let read = DeflateDecoder::new(packed.as_slice()).take(most as u64 + 1).read_to_end(&mut plain);
                read.map_err(|e| format!("it cannot be decompressed: {e}"))?;
                plain
            }
            other => return Err(format!("it is compressed by method {other}; dayfly reads stored and deflated files")),
        };
        if bytes.len() > most {
            return Err(format!("it is larger than {} MiB", most >> 20));
        }
        let mut checksum = Crc::new();
        checksum.update(&bytes);
        if checksum.sum() == entry.checksum { Ok(bytes) } else { Err("its checksum is wrong".into()) }
    }

    /// Offset and length of the central directory.
    fn directory(&self) -> Result<(u64, u64), String> {
        let tail = self.length.min((END + usize::from(u16::MAX)) as u64);
        let bytes = self.bytes(self.length - tail, tail)?;
        let at = bytes.windows(4).rposition(|w| w == b"PK\x05\x06").ok_or("it is not a zip archive")?;
        let end = &bytes[at..];
        let damaged = || "it is cut off".to_owned();
        let size = number(end, 12, 4).ok_or_else(damaged)?;
        let offset = number(end, 16, 4).ok_or_else(damaged)?;
        let count = number(end, 10, 2).ok_or_else(damaged)?;
        let max = u64::from(u32::MAX);
        if size < max && offset < max && count < u64::from(u16::MAX) {
            return Ok((offset, size));
        }
        // The 64-bit record is named 20 bytes before.
        let locator = at.checked_sub(20).and_then(|at| bytes.get(at..at + 20)).filter(|l| l.starts_with(b"PK\x06\x07"));
        let Some(locator) = locator else { return Ok((offset, size)) };
        let record = self.bytes(number(locator, 8, 8).ok_or_else(damaged)?, 56)?;
        if !record.starts_with(b"PK\x06\x06") {
            return Err("it is damaged".into());
        }
        Ok((number(&record, 48, 8).ok_or_else(damaged)?, number(&record, 40, 8).ok_or_else(damaged)?))
    }

    fn bytes(&self, offset: u64, length: u64) -> Result<Vec<u8>, String> {
        // A false length must not reserve memory that the file does not have.
        if offset.checked_add(length).is_none_or(|end| end > self.length) {
            return Err("it is cut off".into());
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| "it is too large")?];
        self.file.read_exact_at(&mut bytes, offset).map_err(|e| e.to_string())?;
        Ok(bytes)
    }
}

/// An entry of the directory.
fn entry(rest: &mut &[u8]) -> Option<Entry> {
    let fixed = rest.split_off(..46)?;
    if !fixed.starts_with(b"PK\x01\x02") {
        return None;
    }
    let length = |at| Some(usize::try_from(number(fixed, at, 2)?).unwrap_or(usize::MAX));
    let name = rest.split_off(..length(28)?)?;
    let mut extra = rest.split_off(..length(30)?)?;
    rest.split_off(..length(32)?)?;
    let plain = number(fixed, 24, 4)?;
    let (mut packed, mut offset) = (number(fixed, 20, 4)?, number(fixed, 42, 4)?);
    let max = u64::from(u32::MAX);
    while extra.len() >= 4 {
        let (id, size) = (number(extra, 0, 2)?, usize::try_from(number(extra, 2, 2)?).ok()?);
        extra.split_off(..4)?;
        let field = extra.split_off(..size)?;
        if id == 1 {
            // It holds only what does not fit above, in this order.
            let mut at = if plain == max { 8 } else { 0 };
            for value in [&mut packed, &mut offset] {
                if *value == max {
                    *value = number(field, at, 8)?;
                    at += 8;
                }
            }
        }
    }
    Some(Entry {
        name: String::from_utf8_lossy(name).into_owned(),
        method: u16::try_from(number(fixed, 10, 2)?).ok()?,
        checksum: u32::try_from(number(fixed, 16, 4)?).ok()?,
        packed,
        offset,
        is_encrypted: number(fixed, 8, 2)? & 1 == 1,
    })
}

/// A little-endian number of up to 8 bytes.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let part = bytes.get(at..at.checked_add(length)?)?;
    Some(part.iter().rev().fold(0, |n, b| (n << 8) | u64::from(*b)))
}
