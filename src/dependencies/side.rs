//! Reads one side of a change: its lock files, and the files that they include.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::base::{FileKind, Snapshot};
use crate::lockfiles::{self, LockError, LockKind};
use crate::packages::{Gap, Package, Place};

/// Longest lock file in bytes.
const MAX_BYTES: u64 = 64 << 20;
/// Most lock files.
const MAX_LOCKS: usize = 1000;

/// What one side depends on.
#[derive(Debug, Default)]
pub struct Side {
    /// Packages by lock file.
    pub locks: BTreeMap<String, Vec<Package>>,
    /// What cannot be looked up.
    pub gaps: Vec<Gap>,
    /// Files that lock files include.
    pub included: BTreeSet<String>,
}

impl Side {
    /// All packages.
    pub fn packages(&self) -> impl Iterator<Item = &Package> {
        self.locks.values().flatten()
    }
}

/// Reads the lock files of a snapshot. With `lenient`, one that cannot be read is a gap: nothing of it is known then.
pub fn read(snapshot: &Snapshot, lenient: bool) -> Result<Side, String> {
    let mut side = Side::default();
    let mut kinds = vec![];
    for (path, file) in &snapshot.files {
        let Some(found) = lockfiles::candidate(Path::new(path)) else { continue };
        let gap = |reason: String| Gap { place: Place { file: path.clone(), line: None }, reason };
        match found {
            // Another content of it is another gap.
            Err(why) => side.gaps.push(gap(format!("{why} ({})", file.content))),
            Ok(_) if file.kind != FileKind::Regular => {
                side.gaps.push(gap(format!("it is a link, or no ordinary file, and is not read ({})", file.content)));
            }
            Ok(kind) => kinds.push((path.as_str(), kind)),
        }
    }
    if kinds.len() > MAX_LOCKS {
        return Err(format!("{} has more than {MAX_LOCKS} lock files", snapshot.name));
    }
    for (path, kind) in without_doubles(snapshot, kinds)? {
        match lock(snapshot, path, kind, &mut side.included) {
            Ok(found) => {
                side.gaps.extend(found.gaps);
                side.locks.insert(path.to_owned(), found.packages);
            }
            Err(why) if lenient => {
                side.gaps.push(Gap { place: Place { file: path.to_owned(), line: None }, reason: why });
            }
            Err(why) => return Err(why),
        }
    }
    Ok(side)
}

fn lock(
    snapshot: &Snapshot,
    path: &str,
    kind: LockKind,
    included: &mut BTreeSet<String>,
) -> Result<lockfiles::LockFile, String> {
    let bytes = snapshot.read(path, MAX_BYTES).map_err(|e| e.to_string())?;
    let all = RefCell::new(vec![]);
    let mut include = |from: &str, target: &str| {
        let path = inner(from, target).ok_or_else(|| "it is outside of the repository".to_owned())?;
        let bytes = snapshot.read(&path, MAX_BYTES).map_err(|e| e.to_string())?;
        let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text")?;
        all.borrow_mut().push(path.clone());
        Ok((path, text.trim_start_matches('\u{feff}').to_owned()))
    };
    let found =
        lockfiles::parse_with(path, kind, &bytes, &mut include).map_err(|e: LockError| format!("failed to {e}"));
    included.extend(all.take());
    found
}

/// A path relative to a file, below the top.
fn inner(from: &str, target: &str) -> Option<String> {
    let mut out = PathBuf::new();
    for part in Path::new(from).parent()?.join(target).components() {
        match part {
            Component::Normal(part) => out.push(part),
            Component::CurDir => {}
            Component::ParentDir if out.pop() => {}
            _ => return None,
        }
    }
    out.to_str().filter(|p| !p.contains(':')).map(str::to_owned)
}

/// Of `go.mod` and `go.sum` in one folder, one says what is built.
fn without_doubles<'a>(
    snapshot: &Snapshot,
    kinds: Vec<(&'a str, LockKind)>,
) -> Result<Vec<(&'a str, LockKind)>, String> {
    let folder = |path: &str| Path::new(path).parent().map(Path::to_owned);
    let mut complete = BTreeMap::new();
    for (path, _) in kinds.iter().filter(|(_, kind)| *kind == LockKind::GoMod) {
        let bytes = snapshot.read(path, MAX_BYTES).map_err(|e| e.to_string())?;
        let has_sum = kinds.iter().any(|(p, k)| *k == LockKind::GoSum && folder(p) == folder(path));
        let is_complete = lockfiles::go_mod_is_complete(&String::from_utf8_lossy(&bytes)) || !has_sum;
        complete.insert(folder(path), is_complete);
    }
    let keep = |(path, kind): &(&str, LockKind)| match (kind, complete.get(&folder(path))) {
        (LockKind::GoMod, Some(is_complete)) => *is_complete,
        (LockKind::GoSum, Some(is_complete)) => !is_complete,
        _ => true,
    };
    Ok(kinds.into_iter().filter(keep).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_included_file_lies_below_the_top() {
        let of = |from: &str, target: &str| inner(from, target);
        assert_eq!(of("dev/requirements.txt", "../base.txt").as_deref(), Some("base.txt"));
        assert_eq!(of("requirements.txt", "./a/../b.txt").as_deref(), Some("b.txt"));
        for outside in ["../base.txt", "/etc/passwd", "a/../../b.txt", "file:b.txt"] {
            assert_eq!(of("requirements.txt", outside), None, "{outside}");
        }
    }
}
