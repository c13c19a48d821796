//! The base in a git revision, read by the `git` command.
//!
//! Only commands that read objects: no checkout, so no filters, hooks or attributes. The repository is named, so that git does
//! not look for one in the change's files; configuration of user and system, the caller's `GIT_*` variables, replaced objects
//! and downloads of missing objects are switched off.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::error::BaseError;
use super::location::Location;
use super::process::Process;
use super::tree_file::{FileKind, TreeFile, shown};
use crate::model::is_hex;

/// Longest name of a revision, and most bytes of a listing, of one of a whole tree, and of a message.
const MAX_NAME: usize = 1024;
const MAX_LISTING: u64 = 64 << 10;
const MAX_TREE: u64 = 64 << 20;
const MAX_MESSAGE: u64 = 4096;

/// A commit of a repository.
#[derive(Debug)]
pub(super) struct Revision {
    git_dir: PathBuf,
    process: Process,
    commit: String,
}

/// An entry of a tree.
struct Entry {
    mode: String,
    object: String,
}

impl Revision {
    /// Resolves a name to a commit.
    pub(super) fn open(name: &str, location: &Location, process: &Process) -> Result<Self, BaseError> {
        let is_name = !name.is_empty() && name.len() <= MAX_NAME && !name.chars().any(char::is_control);
        if !is_name || name.starts_with('-') {
            return Err(BaseError::NotARevision(name.chars().take(100).collect()));
        }
        let top = location.top.as_ref().ok_or_else(|| BaseError::NoRepository(location.named.clone()))?;
        let mut revision = Self { git_dir: top.join(".git"), process: process.clone(), commit: String::new() };
        let wanted = format!("{name}^{{commit}}");
        let found =
            revision.git("find the revision", &["rev-parse", "--verify", "--end-of-options", &wanted], MAX_LISTING);
        let found = match found {
            Err(BaseError::Git { why, .. }) if why.contains("Needed a single revision") => {
                return Err(BaseError::UnknownRevision(name.to_owned()));
            }
            other => String::from_utf8_lossy(&other?).trim().to_owned(),
        };
        if !(is_hex(&found, 40) || is_hex(&found, 64)) {
            return Err(BaseError::UnknownRevision(name.to_owned()));
        }
        revision.commit = found;
        Ok(revision)
    }

    /// The repository of a place, which may have no commit yet.
    pub(super) fn without_commit(location: &Location, process: &Process) -> Option<Self> {
        let git_dir = location.top.as_ref()?.join(".git");
        Some(Self { git_dir, process: process.clone(), commit: String::new() })
    }

    pub(super) fn commit(&self) -> &str {
        &self.commit
    }

    pub(super) fn read(&self, path: &str, most: u64) -> Result<Vec<u8>, BaseError> {
        let base = self.commit.clone();
        let unreadable = |why: String| BaseError::Unreadable { base: base.clone(), path: path.to_owned(), why };
        let Some(entry) = self.entry(path)? else {
            return match self.link_above(path)? {
                Some(link) => Err(unreadable(format!("{link} is a symbolic link"))),
                None => Err(BaseError::NoFile { base: base.clone(), path: path.to_owned() }),
            };
        };
        match entry.mode.as_str() {
            "100644" | "100755" | "100664" => {}
            "120000" => return Err(unreadable("it is a symbolic link".into())),
            _ => return Err(unreadable("it is not a regular file".into())),
        }
        let bytes =
            self.git("read an object of the base", &["cat-file", "blob", &entry.object], most.saturating_add(1));
        match bytes? {
            bytes if bytes.len() as u64 > most => Err(unreadable(format!("it is larger than {} KiB", most >> 10))),
            bytes => Ok(bytes),
        }
    }

    /// Every file of the commit, by its path.
    pub(super) fn files(&self) -> Result<BTreeMap<String, TreeFile>, BaseError> {
        let arguments = ["ls-tree", "-r", "-z", "--full-tree", &self.commit];
        let doing = "list the files of a revision";
        let listing = self.git(doing, &arguments, MAX_TREE)?;
        if listing.len() as u64 == MAX_TREE {
            return Err(BaseError::Git { doing, why: format!("the list is longer than {} MiB", MAX_TREE >> 20) });
        }
        let file = |line: &[u8]| {
            let at = line.iter().position(|b| *b == b'\t')?;
            let (about, path) = (std::str::from_utf8(&line[..at]).ok()?, &line[at + 1..]);
            let mut words = about.split(' ');
            let (mode, _, object) = (words.next()?, words.next()?, words.next()?);
            let kind = match mode {
                "120000" => FileKind::Link,
                "160000" => FileKind::Repository,
                _ => FileKind::Regular,
            };
            Some((shown(path), TreeFile { kind, content: format!("{mode} {object}") }))
        };
        let lines = listing.split(|b| *b == 0).filter(|line| !line.is_empty());
        let unreadable = || BaseError::Git { doing, why: "its answer cannot be read".into() };
        let mut all = BTreeMap::new();
        for line in lines {
            let (path, file) = file(line).ok_or_else(unreadable)?;
            // A name that is no text could hide another one that is written as it is shown.
            if let Some(other) = all.insert(path, file) {
                return Err(BaseError::Git {
                    doing,
                    why: format!("two files have the same name as text ({})", other.content),
                });
            }
        }
        Ok(all)
    }

    /// The last commit that both have; none if there is none, or if the history of a shallow clone ends before it.
    pub(super) fn merge_base(&self, other: &Self) -> Option<Self> {
        let found = self.git("find the merge base", &["merge-base", &self.commit, &other.commit], MAX_LISTING).ok()?;
        let commit = String::from_utf8_lossy(&found).trim().to_owned();
        let is_commit = is_hex(&commit, 40) || is_hex(&commit, 64);
        is_commit.then(|| Self { git_dir: self.git_dir.clone(), process: self.process.clone(), commit })
    }

    /// Address of the remote `origin`, if the repository's own configuration has one. Included files are not read.
    pub(super) fn remote(&self) -> Option<String> {
        let arguments = ["config", "--local", "--no-includes", "--get", "remote.origin.url"];
        let found = self.git("read the address of the repository", &arguments, MAX_LISTING).ok()?;
        let text = String::from_utf8(found).ok()?.trim().to_owned();
        (!text.is_empty() && text.len() <= MAX_NAME && !text.chars().any(char::is_control)).then_some(text)
    }

    /// The commits on the first line of parents from this one back, that were committed in this time, as lines of fields that end
    /// with a NUL: id, parents, time (RFC 3339), author and subject.
    pub(super) fn history(&self, from: &str, until: &str) -> Result<String, BaseError> {
        let (from, until) = (format!("--since-as-filter={from}"), format!("--until={until}"));
        let format = "--format=%H%x00%P%x00%cI%x00%an%x00%s%x00";
        let arguments = ["log", "--first-parent", "--no-show-signature", &from, &until, format, &self.commit, "--"];
        let found = self.git("read the history", &arguments, MAX_TREE)?;
        if found.len() as u64 == MAX_TREE {
            let why = format!("it is longer than {} MiB", MAX_TREE >> 20);
            return Err(BaseError::Git { doing: "read the history", why });
        }
        Ok(String::from_utf8_lossy(&found).into_owned())
    }

    /// The first part of a path that is a link.
    fn link_above(&self, path: &str) -> Result<Option<String>, BaseError> {
        for (end, _) in path.match_indices('/') {
            let above = &path[..end];
            if self.entry(above)?.is_some_and(|e| e.mode == "120000") {
                return Ok(Some(above.to_owned()));
            }
        }
        Ok(None)
    }

    fn entry(&self, path: &str) -> Result<Option<Entry>, BaseError> {
        let arguments = ["ls-tree", "-z", "--full-tree", &self.commit, "--", path];
        let listing = self.git("list the files of the base", &arguments, MAX_LISTING)?;
        let listing = String::from_utf8_lossy(&listing);
        Ok(listing.split('\0').find_map(|line| {
            let (about, name) = line.split_once('\t')?;
            let mut words = about.split(' ');
            let (mode, _, object) = (words.next()?, words.next()?, words.next()?);
            (name == path).then(|| Entry { mode: mode.to_owned(), object: object.to_owned() })
        }))
    }

    /// Runs git, and returns at most `most` bytes of what it prints.
    fn git(&self, doing: &'static str, arguments: &[&str], most: u64) -> Result<Vec<u8>, BaseError> {
        let failed = |why: String| BaseError::Git { doing, why };
        let mut command = Command::new("git");
        command.args(["--no-pager", "--no-optional-locks", "--literal-pathspecs"]).arg("--git-dir").arg(&self.git_dir);
        for setting in ["core.fsmonitor=false", "core.hooksPath=/dev/null", "protocol.allow=never"] {
            command.args(["-c", setting]);
        }
        command.args(arguments).env_clear().env("PATH", &self.process.path).current_dir("/");
        command.envs([
            ("LC_ALL", "C"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
        ]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => BaseError::NoGit,
            _ => failed(e.to_string()),
        })?;
        let (read, message) = output(&mut child, most);
        let status = child.wait();
        let bytes = read.map_err(|e| failed(e.to_string()))?;
        match status {
            // It was stopped when it printed more than that.
            _ if bytes.len() as u64 == most => Ok(bytes),
            Ok(status) if status.success() => Ok(bytes),
            Ok(_) => Err(failed(message)),
            Err(e) => Err(failed(e.to_string())),
        }
    }
}

/// Reads what a process prints and its messages, both bounded.
fn output(child: &mut Child, most: u64) -> (io::Result<Vec<u8>>, String) {
    let errors = child.stderr.take();
    let messages = std::thread::spawn(move || {
        let mut bytes = vec![];
        if let Some(errors) = errors {
            let _ = errors.take(MAX_MESSAGE).read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).trim().to_owned()
    });
    let mut bytes = vec![];
    let read = match child.stdout.take() {
        Some(out) => out.take(most).read_to_end(&mut bytes).map(|_| bytes),
        None => Ok(bytes),
    };
    if !read.as_ref().is_ok_and(|b| (b.len() as u64) < most) {
        // It may have more to print, which nobody reads.
        let _ = child.kill();
    }
    (read, messages.join().unwrap_or_default())
}
