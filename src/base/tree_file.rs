//! A file of a snapshot. Data only.

/// The kind of a file in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A symbolic link.
    Link,
    /// A repository inside of the repository (a submodule).
    Repository,
}

/// A file of a snapshot: two with the same content are the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// Its kind.
    pub kind: FileKind,
    /// Mode and digest.
    pub content: String,
}

/// A path as text; bytes that are no UTF-8 are escaped.
pub(super) fn shown(path: &[u8]) -> String {
    std::str::from_utf8(path).map_or_else(|_| path.escape_ascii().to_string(), str::to_owned)
}
