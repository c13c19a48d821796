//! The list of crates that `cargo auditable` writes into programs. Pure.

use std::io::Read as _;

use flate2::read::ZlibDecoder;
use serde::Deserialize;

use super::super::named::Named;
use super::elf::section;

/// Longest list in bytes.
const MAX_LIST: u64 = 8 << 20;

#[derive(Deserialize)]
struct List {
    packages: Vec<Crate>,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    kind: Option<String>,
}

/// The crates of a program, without the project's own and those that only its build needed; none without a readable list.
pub(super) fn parse(program: &[u8]) -> Option<Vec<Named>> {
    let packed = section(program, ".dep-v0")?;
    let mut list = vec![];
    ZlibDecoder::new(packed).take(MAX_LIST + 1).read_to_end(&mut list).ok()?;
    if list.len() as u64 > MAX_LIST {
        return None;
    }
    let list: List = serde_json::from_slice(&list).ok()?;
    let is_inside = |c: &Crate| c.source != "local" && c.kind.as_deref() != Some("build");
    Some(list.packages.into_iter().filter(is_inside).map(|c| Named { name: c.name, version: c.version }).collect())
}
