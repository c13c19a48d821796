//! What a project asks for: by its manifests, and by lock files that say what is explicit.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::declared::declared;
use crate::file::read_regular;
use crate::lockfiles::{self, LockFile, LockKind};
use crate::packages::{Ecosystem, Gap, Package, Place};

/// Longest manifest in bytes.
const MAX_BYTES: u64 = 4 << 20;
/// Deepest folder.
const MAX_DEPTH: usize = 16;
/// Most files and folders that are looked at.
const MAX_ENTRIES: usize = 500_000;

/// The explicit dependencies of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explicit {
    /// By ecosystem and normalised name.
    pub dependencies: BTreeMap<(Ecosystem, String), Asked>,
    /// What may hide explicit dependencies.
    pub gaps: Vec<Gap>,
}

/// An explicit dependency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Its versions in lock files.
    pub versions: BTreeSet<String>,
    /// Where it is asked for, or locked.
    pub places: BTreeSet<Place>,
}

/// Reads the explicit dependencies below a folder. An error says which file cannot be read, and why.
pub fn explicit(folder: &Path) -> Result<Explicit, String> {
    let found = lockfiles::find(folder).map_err(|e| format!("failed to {e}"))?;
    let mut out = Explicit { gaps: found.gaps, ..Explicit::default() };
    let mut folders = BTreeSet::new();
    let mut entries = 0;
    manifests(folder, 0, &mut entries, &mut folders, &mut out)?;
    let mut locked: BTreeMap<(Ecosystem, String), BTreeSet<(String, Place)>> = BTreeMap::new();
    for (file, kind) in found.files {
        let lock = lockfiles::read(&file, kind, folder).map_err(|e| format!("failed to {e}"))?;
        let has_manifest = file.parent().is_some_and(|f| folders.contains(&(f.to_owned(), kind.ecosystem())));
        for Package { ecosystem, name, version, place, .. } in &lock.packages {
            let key = (ecosystem.clone(), name.clone());
            locked.entry(key).or_default().insert((version.clone(), place.clone()));
        }
        add(lock, has_manifest, &mut out);
    }
    // A manifest names no version; the lock files beside it do.
    for (name, asked) in &mut out.dependencies {
        for (version, place) in locked.remove(name).into_iter().flatten() {
            asked.versions.insert(version);
            asked.places.insert(place);
        }
    }
    out.gaps.sort();
    Ok(out)
}

/// Adds what a lock file says is explicit.
fn add(lock: LockFile, has_manifest: bool, out: &mut Explicit) {
    let says = lock.packages.iter().any(|p| !p.brought_by.is_empty());
    let total = lock.packages.len();
    for package in lock.packages.into_iter().filter(|p| p.brought_by.contains(&p.name) || is_replaced(p)) {
        let asked = out.dependencies.entry((package.ecosystem, package.name)).or_default();
        asked.versions.insert(package.version);
        asked.places.insert(package.place);
    }
    if !says && total > 0 && !has_manifest {
        let place = Place { file: lock.path, line: None };
        let reason =
            format!("it does not say which of its {total} package(s) are explicit, and no manifest beside it does");
        out.gaps.push(Gap { place, reason });
    }
    // Something that is asked for without a version is a dependency whose name is not known here.
    if lock.kind != LockKind::Requirements || !has_manifest {
        out.gaps.extend(lock.gaps);
    }
}

/// A module of Go that replaces the one that is asked for.
fn is_replaced(package: &Package) -> bool {
    package.ecosystem == Ecosystem::go() && package.brought_by.len() == 1 && package.brought_by[0] != package.name
}

/// Reads the manifests below a folder, and notes the folders that have one, with its ecosystem.
fn manifests(
    folder: &Path,
    depth: usize,
    entries: &mut usize,
    folders: &mut BTreeSet<(std::path::PathBuf, Ecosystem)>,
    out: &mut Explicit,
) -> Result<(), String> {
    let failed = |e: &dyn std::fmt::Display| format!("failed to read {}: {e}", folder.display());
    if depth > MAX_DEPTH {
        return Err(failed(&"its folders are too deep"));
    }
    for entry in fs::read_dir(folder).map_err(|e| failed(&e))? {
        let entry = entry.map_err(|e| failed(&e))?;
        *entries += 1;
        if *entries > MAX_ENTRIES {
            return Err(failed(&"it has too many files"));
        }
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let found = entry.file_type().map_err(|e| failed(&e))?;
        if found.is_dir() {
            if !lockfiles::is_left_out(&name) {
                manifests(&path, depth + 1, entries, folders, out)?;
            }
            continue;
        }
        if declared(&name, b"").is_none() {
            continue;
        }
        let shown = path.display().to_string();
        let bytes = read_regular(&path, MAX_BYTES).map_err(|e| format!("failed to read {shown}: {e}"))?;
        let Some(read) = declared(&name, &bytes) else { continue };
        let (ecosystem, names) = read.map_err(|why| format!("failed to read {shown}: {why}"))?;
        folders.insert((folder.to_owned(), ecosystem.clone()));
        let text = String::from_utf8_lossy(&bytes);
        for name in names {
            let place = Place { file: shown.clone(), line: line_of(&text, &ecosystem, &name) };
            // Checks what somebody else wrote; the version is not used.
            match Package::new(ecosystem.clone(), &name, "0", place.clone()) {
                Ok(_) => drop(out.dependencies.entry((ecosystem.clone(), name)).or_default().places.insert(place)),
                Err(e) => out.gaps.push(Gap { place, reason: e.to_string() }),
            }
        }
    }
    Ok(())
}

/// The first line that has the name as a word.
fn line_of(text: &str, ecosystem: &Ecosystem, name: &str) -> Option<usize> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.@/".contains(c);
    let has = |line: &str| line.split(|c| !is_part(c)).any(|word| ecosystem.normalise(word) == name);
    text.lines().position(has).map(|at| at + 1)
}
