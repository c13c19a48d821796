//! All files of a revision, or of a folder, with what tells whether one differs from that of another snapshot.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

use super::error::BaseError;
use super::folder::Folder;
use super::git::Revision;
use super::location::{Location, absolute};
use super::process::Process;
use super::tree_file::{FileKind, TreeFile, shown};
use crate::file::open_regular;
use crate::model::Digest;

/// Deepest folder.
const MAX_DEPTH: usize = 64;
/// Most files of a folder.
const MAX_FILES: usize = 500_000;

/// All files of a revision of the repository around the working folder, or of a folder.
#[derive(Debug)]
pub struct Snapshot {
    /// As the user named it.
    pub name: String,
    /// Its files by path.
    pub files: BTreeMap<String, TreeFile>,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Revision { revision: Revision, top: PathBuf },
    Folder { folder: Folder, path: PathBuf },
}

impl Snapshot {
    /// Opens a folder, if the name is absolute or begins with `.`, otherwise a revision.
    ///
    /// Files of a revision are never checked out: no filters, hooks or attributes of the repository run.
    pub fn open(name: &str, process: &Process) -> Result<Self, BaseError> {
        let first = Path::new(name).components().next();
        if matches!(first, Some(Component::RootDir | Component::CurDir | Component::ParentDir)) {
            let named = process.folder.join(name);
            let not = |e: io::Error| BaseError::NotAFolder { folder: named.display().to_string(), why: e.to_string() };
            let path = named.canonicalize().map_err(not)?;
            let mut files = BTreeMap::new();
            walk(&path, &path, 0, &mut files).map_err(not)?;
            let folder = Folder::of(path.clone());
            return Ok(Self { name: name.to_owned(), files, source: Source::Folder { folder, path } });
        }
        // Any name in the working folder does.
        let location = Location::find(Path::new("dependencies.yaml"), &process.folder)?;
        let revision = Revision::open(name, &location, process)?;
        let top = location.top.unwrap_or_default();
        Ok(Self { name: name.to_owned(), files: revision.files()?, source: Source::Revision { revision, top } })
    }

    /// The commit; none of a folder.
    pub fn commit(&self) -> Option<&str> {
        match &self.source {
            Source::Revision { revision, .. } => Some(revision.commit()),
            Source::Folder { .. } => None,
        }
    }

    /// Reads a regular file of at most `most` bytes.
    pub fn read(&self, path: &str, most: u64) -> Result<Vec<u8>, BaseError> {
        match &self.source {
            Source::Revision { revision, .. } => revision.read(path, most),
            Source::Folder { folder, .. } => folder.read(path, most),
        }
    }

    /// Path below the top of this snapshot of a file on this machine; none if it lies elsewhere.
    pub fn inner_path(&self, file: &Path, process: &Process) -> Option<String> {
        let (Source::Revision { top, .. } | Source::Folder { path: top, .. }) = &self.source;
        let file = absolute(file, &process.folder);
        // Also through links: a file must not count as somebody else's because of its name.
        [file.canonicalize().ok(), Some(file)].into_iter().flatten().find_map(|file| {
            let inner = file.strip_prefix(top).ok()?.to_str()?;
            (!inner.is_empty()).then(|| inner.to_owned())
        })
    }

    /// Where the change of `self` on top of `base` begins: their merge base, or `base` itself for folders.
    ///
    /// A folder inside that of the change, which may have brought it, is refused.
    pub fn begin(&self, base: &Self) -> Result<Option<Self>, BaseError> {
        match (&base.source, &self.source) {
            (Source::Folder { path: base, .. }, Source::Folder { path, .. }) if base.starts_with(path) => {
                Err(BaseError::OfTheChange(base.display().to_string()))
            }
            (Source::Folder { .. }, Source::Folder { .. }) => Ok(None),
            (Source::Revision { revision: of, top }, Source::Revision { revision, .. }) => {
                let from = of.merge_base(revision);
                let from = from.ok_or_else(|| BaseError::NoMergeBase(base.name.clone(), self.name.clone()))?;
                if from.commit() == of.commit() {
                    return Ok(None);
                }
                let (name, files) = (from.commit().to_owned(), from.files()?);
                Ok(Some(Self { name, files, source: Source::Revision { revision: from, top: top.clone() } }))
            }
            _ => Err(BaseError::DifferentKinds(base.name.clone(), self.name.clone())),
        }
    }
}

fn walk(top: &Path, folder: &Path, depth: usize, files: &mut BTreeMap<String, TreeFile>) -> io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(io::Error::other("its folders are too deep"));
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if files.len() >= MAX_FILES {
            return Err(io::Error::other("it has too many files"));
        }
        let (path, found) = (entry.path(), entry.file_type()?);
        if found.is_dir() {
            if entry.file_name() != ".git" {
                walk(top, &path, depth + 1, files)?;
            }
            continue;
        }
        let file = if found.is_symlink() {
            let target = fs::read_link(&path)?;
            TreeFile { kind: FileKind::Link, content: shown(target.as_os_str().as_bytes()) }
        } else {
            TreeFile { kind: FileKind::Regular, content: content(&path)? }
        };
        let inner = path.strip_prefix(top).unwrap_or(&path);
        if files.insert(shown(inner.as_os_str().as_bytes()), file).is_some() {
            return Err(io::Error::other("two of its files have the same name as text"));
        }
    }
    Ok(())
}

/// The mode and the digest of a file: `true sha256:…` for a program.
fn content(path: &Path) -> io::Result<String> {
    let (mut file, _) = open_regular(path)?;
    let is_program = file.metadata()?.permissions().mode() & 0o100 != 0;
    Ok(format!("{is_program} {}", Digest::compute_from_reader(&mut file)?))
}
