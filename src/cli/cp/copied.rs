//! What was copied, and how much may be. Data only.

/// Most bytes of a copy.
pub const MAX_BYTES: u64 = 1 << 30;
/// Bytes that are sent or written at once.
pub const PIECE: usize = 64 * 1024;
/// Most files and folders of a copy.
pub const MAX_ENTRIES: usize = 100_000;

/// What was copied.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Regular files.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Links and special files, which are left out.
    pub skipped: usize,
}
