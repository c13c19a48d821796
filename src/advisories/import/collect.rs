//! The whole import: sources and lists → header and values.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use jiff::Timestamp;

use super::error::ImportError;
use super::lists::{Epss, Kev, MAX_LIST, NamedList};
use super::merge::{Merge, SourceFacts};
use super::source;
use crate::advisories::bundle::{Contents, Header, Key};
use crate::file::read_regular;
use crate::model::sanitize;
use crate::packages::Ecosystem;

/// Most invalid records that are named.
const MAX_NAMED: usize = 10;

/// Files and folders to import, and options.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// Files, archives and folders with records.
    pub sources: Vec<PathBuf>,
    /// The catalogue of known exploited vulnerabilities.
    pub kev: Option<PathBuf>,
    /// The exploit prediction scores, also as `.gz`.
    pub epss: Option<PathBuf>,
    /// Lists of popular names.
    pub popular: Vec<PopularSource>,
    /// When the sources were taken; otherwise the last change of a record, for each source.
    pub snapshot: Option<Timestamp>,
    /// Leaves out records that cannot be read.
    pub skip_invalid: bool,
    /// Number of the bundle.
    pub sequence: u64,
    /// Time of the import.
    pub now: Timestamp,
}

/// A list of popular names.
#[derive(Debug, Clone)]
pub struct PopularSource {
    /// Of this ecosystem.
    pub ecosystem: Ecosystem,
    /// The file.
    pub path: PathBuf,
}

/// A bundle before it is written.
pub struct Import {
    /// What it holds.
    pub header: Header,
    /// Its values.
    pub contents: Contents,
    /// Records that were left out, with the reason.
    pub skipped: Vec<String>,
}

/// Reads all sources and lists.
pub fn import(request: &ImportRequest) -> Result<Import, ImportError> {
    let kev = request.kev.as_deref().map(|p| list("list of exploited vulnerabilities", p, Kev::parse)).transpose()?;
    let epss = request.epss.as_deref().map(|p| list("exploit prediction scores", p, Epss::parse)).transpose()?;
    let (kev, epss) = (kev.unwrap_or_default(), epss.unwrap_or_default());
    let (kev_facts, epss_facts) = (kev.facts.clone(), epss.facts.clone());
    let mut merge = Merge::new(kev, epss);
    let mut invalid = vec![];
    for path in &request.sources {
        let mut facts = SourceFacts::default();
        let count = source::read(path, &mut |name, record| {
            if let Err(why) = record.and_then(|r| merge.add(r, &mut facts)) {
                invalid.push(format!("  {}: {}", sanitize::one_line(name, 200), sanitize::one_line(&why, 300)));
            }
        })?;
        if count == 0 {
            return Err(ImportError::Empty { path: path.clone() });
        }
        merge
            .note_snapshot(&facts, request.snapshot.or(facts.newest).unwrap_or(Timestamp::UNIX_EPOCH).min(request.now));
    }
    if !invalid.is_empty() && !request.skip_invalid {
        let count = invalid.len();
        invalid.truncate(MAX_NAMED);
        return Err(ImportError::Invalid { count, first: invalid });
    }
    let ecosystems = merge.ecosystems();
    let mut header = Header {
        sequence: request.sequence,
        snapshot: ecosystems.values().map(|e| e.snapshot).min().unwrap_or(Timestamp::UNIX_EPOCH),
        created: request.now,
        sources: request.sources.iter().map(|p| sanitize::one_line(&p.display().to_string(), 300)).collect(),
        ecosystems,
        records: merge.counts(),
        kev: kev_facts,
        epss: epss_facts,
        popular: Default::default(),
        index_length: 0,
        pages_length: 0,
    };
    let mut contents = merge.contents();
    for PopularSource { ecosystem, path } in &request.popular {
        let read = list("popular names", path, |bytes| NamedList::parse(ecosystem, bytes))?;
        contents.insert(Key::Popular(ecosystem).bytes(), serde_json::json!(read.names).to_string().into_bytes());
        header.popular.insert(ecosystem.clone(), read.facts);
    }
    Ok(Import { header, contents, skipped: invalid })
}

/// Reads and parses a list; `.gz` is decompressed.
fn list<T>(what: &'static str, path: &Path, parse: impl FnOnce(&[u8]) -> Result<T, String>) -> Result<T, ImportError> {
    let fault = |why: String| ImportError::List { what, path: path.to_owned(), why };
    let mut bytes = read_regular(path, MAX_LIST).map_err(|e| fault(e.to_string()))?;
    if path.extension().is_some_and(|e| e == "gz") {
        let mut plain = vec![];
        let read = GzDecoder::new(bytes.as_slice()).take(MAX_LIST + 1).read_to_end(&mut plain);
        read.map_err(|e| fault(e.to_string()))?;
        if plain.len() as u64 > MAX_LIST {
            return Err(fault(format!("it is larger than {} MiB", MAX_LIST >> 20)));
        }
        bytes = plain;
    }
    parse(&bytes).map_err(fault)
}
