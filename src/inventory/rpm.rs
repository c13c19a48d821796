//! rpm's database (SQLite). Pure.

use super::debian::{self, Control};
use super::sqlite::{self, Value};
use crate::packages::SourcePackage;

/// Most packages of a database.
const MAX_PACKAGES: usize = 100_000;
/// Most bytes of the paths that are kept of all packages.
const MAX_PATHS: usize = 64 << 20;
/// Most bytes of the paths that are looked at.
const MAX_LOOKED_AT: usize = 1 << 30;
/// Most entries of a header.
const MAX_ENTRIES: usize = 65_536;
/// Longest path in bytes.
const MAX_PATH: usize = 4096;

/// Numbers of what a header says.
const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const SOURCE: u32 = 1044;
const FOLDER_OF: u32 = 1116;
const FILES: u32 = 1117;
const FOLDERS: u32 = 1118;
/// Kinds of values.
const INT32: u32 = 4;
const TEXT: u32 = 6;
const TEXTS: u32 = 8;

/// What a database says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Database {
    pub packages: Vec<Control>,
    /// Files of the packages, of those that have a role or may be programs.
    pub files: Vec<String>,
    /// What cannot be read.
    pub gaps: Vec<String>,
}

impl Database {
    /// Bytes of memory, about.
    pub(super) fn weight(&self) -> usize {
        let texts = self.files.iter().chain(&self.gaps).map(|t| t.len() + 24).sum::<usize>();
        self.packages.iter().map(Control::weight).sum::<usize>() + texts
    }
}

/// Reads a database.
pub(super) fn parse(bytes: &[u8]) -> Result<Database, String> {
    let (mut out, mut kept, mut left) = (Database::default(), 0, MAX_LOOKED_AT);
    sqlite::rows(bytes, "Packages", &mut |row| {
        let header = match row {
            [_, Value::Bytes(blob), ..] => Header::open(blob),
            _ => None,
        };
        let Some(header) = header else {
            out.gaps.push("the header of a package cannot be read".into());
            return Ok(());
        };
        match header.package() {
            // Keys that signatures are verified with.
            Ok(package) if package.name == "gpg-pubkey" => {}
            Ok(package) => {
                header.files(&mut left, &mut |path| {
                    kept += path.len() + 24;
                    if kept <= MAX_PATHS {
                        out.files.push(path);
                    }
                });
                out.packages.push(package);
            }
            Err(why) => out.gaps.push(why),
        }
        if kept > MAX_PATHS || left == 0 || out.packages.len() + out.gaps.len() > MAX_PACKAGES {
            return Err("it has too many packages or files".into());
        }
        Ok(())
    })?;
    if out.packages.is_empty() && out.gaps.is_empty() { Err("it has no package".into()) } else { Ok(out) }
}

/// What rpm knows about one package: entries (number, kind, offset and count, 4 bytes each, the highest first), and their values.
struct Header<'a> {
    entries: &'a [u8],
    values: &'a [u8],
}

impl<'a> Header<'a> {
    fn open(blob: &'a [u8]) -> Option<Self> {
        let count = usize::try_from(number(blob, 0)?).ok().filter(|c| *c <= MAX_ENTRIES)?;
        let length = usize::try_from(number(blob, 4)?).ok()?;
        let (entries, values) = blob.get(8..)?.split_at_checked(count * 16)?;
        (values.len() == length).then_some(Self { entries, values })
    }

    /// The values of an entry from its first on, and their count.
    fn entry(&self, wanted: u32, kind: u32) -> Option<(&'a [u8], usize)> {
        let is_it = |e: &&[u8]| number(e, 0) == Some(wanted) && number(e, 4) == Some(kind);
        let entry = self.entries.chunks_exact(16).find(is_it)?;
        let at = usize::try_from(number(entry, 8)?).ok()?;
        Some((self.values.get(at..)?, usize::try_from(number(entry, 12)?).ok()?))
    }

    fn text(&self, wanted: u32) -> Option<String> {
        let (values, _) = self.entry(wanted, TEXT)?;
        let text = values.split(|b| *b == 0).next()?;
        Some(String::from_utf8_lossy(&text[..text.len().min(MAX_PATH)]).into_owned())
    }

    fn texts(&self, wanted: u32) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (values, count) = self.entry(wanted, TEXTS).unwrap_or((&[], 0));
        values.split(|b| *b == 0).take(count)
    }

    fn package(&self) -> Result<Control, String> {
        let name = self.text(NAME).ok_or("a package has no name")?;
        let begin: String = name.chars().take(60).collect();
        let (Some(version), Some(release)) = (self.text(VERSION), self.text(RELEASE)) else {
            return Err(format!("{begin:?} has no version"));
        };
        let epoch = self.entry(EPOCH, INT32).and_then(|(values, _)| number(values, 0));
        let epoch = epoch.map(|e| format!("{e}:")).unwrap_or_default();
        // `bash-5.1.8-6.el9.src.rpm`; it has the epoch of its packages.
        let source = self.text(SOURCE).and_then(|file| {
            let name = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))?;
            let (name, release) = name.rsplit_once('-')?;
            let (name, version) = name.rsplit_once('-')?;
            Some(SourcePackage { name: name.to_owned(), version: format!("{epoch}{version}-{release}") })
        });
        Ok(Control { name, version: format!("{epoch}{version}-{release}"), source })
    }

    /// Passes the paths of its files, of those that have a role or may be programs, until `left` bytes of paths were looked at.
    fn files(&self, left: &mut usize, each: &mut dyn FnMut(String)) {
        let folders: Vec<&[u8]> = self.texts(FOLDERS).collect();
        let (folder_of, _) = self.entry(FOLDER_OF, INT32).unwrap_or((&[], 0));
        for (file, index) in self.texts(FILES).zip(folder_of.chunks_exact(4)) {
            let folder = number(index, 0).and_then(|i| folders.get(usize::try_from(i).ok()?));
            let Some(folder) = folder.filter(|f| f.len() + file.len() <= MAX_PATH) else { continue };
            *left = left.saturating_sub(folder.len() + file.len());
            if *left == 0 {
                return;
            }
            if let Some(path) = debian::owned(&[*folder, file].concat()) {
                each(path);
            }
        }
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
pub(super) mod tests;
