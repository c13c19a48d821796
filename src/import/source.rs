//! The folder of the input: reads the files that it names. No links, nothing outside, bounded.

use std::path::{Path, PathBuf};

use crate::file::read_regular;
use crate::spec::check::is_inner_path;

/// Longest file in bytes, most files, and most bytes of all.
const MAX_FILE: u64 = 256 << 10;
const MAX_FILES: usize = 200;
const MAX_ALL: usize = 8 << 20;

/// The folder around the input.
#[derive(Debug, Clone)]
pub struct Folder {
    /// The folder; none if the input has none, as from standard input.
    pub path: Option<PathBuf>,
    /// The draft is written into the same folder, so that it can name files by their paths.
    pub is_home: bool,
    read: usize,
    bytes: usize,
}

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// The content of a text file.
    Text(String),
    /// A folder.
    Folder,
    /// Nothing that can be used, and why.
    Nothing(String),
}

impl Folder {
    /// The folder of a file.
    pub fn of(file: &Path, is_home: bool) -> Self {
        Self { path: Some(file.parent().unwrap_or(Path::new("")).to_owned()), is_home, read: 0, bytes: 0 }
    }

    /// No folder.
    pub fn none() -> Self {
        Self { path: None, is_home: false, read: 0, bytes: 0 }
    }

    /// The relative path in the form that descriptions have: without `./`.
    pub(super) fn inner(path: &str) -> Option<String> {
        let path = path.trim_end_matches('/');
        let parts: Vec<&str> = path.split('/').filter(|part| *part != ".").collect();
        let path = parts.join("/");
        is_inner_path(&path).then_some(path)
    }

    /// Reads a text file by its relative path.
    pub(super) fn read(&mut self, relative: &str) -> Found {
        let Some(folder) = &self.path else { return Found::Nothing("the input has no folder".into()) };
        let Some(relative) = Self::inner(relative) else {
            return Found::Nothing("it lies outside of the folder".into());
        };
        self.read += 1;
        if self.read > MAX_FILES || self.bytes > MAX_ALL {
            return Found::Nothing(format!("there are more than {MAX_FILES} files, or {} MiB", MAX_ALL >> 20));
        }
        let mut path = folder.clone();
        for part in relative.split('/') {
            path.push(part);
            match path.symlink_metadata() {
                Err(_) => return Found::Nothing("there is no such file".into()),
                Ok(found) if found.is_symlink() => {
                    return Found::Nothing("it is, or lies behind, a symbolic link".into());
                }
                Ok(_) => {}
            }
        }
        if path.is_dir() {
            return Found::Folder;
        }
        match read_regular(&path, MAX_FILE).map(String::from_utf8) {
            Ok(Ok(text)) => {
                self.bytes += text.len();
                Found::Text(text)
            }
            Ok(Err(_)) => Found::Nothing("it is not UTF-8 text".into()),
            Err(e) => Found::Nothing(e.to_string()),
        }
    }
}
