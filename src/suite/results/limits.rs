//! Limits on what is read from result files.

/// Largest result file, in bytes.
pub(super) const MAX_FILE_BYTES: usize = 32 * 1024 * 1024;
/// Most cases of one suite.
pub(super) const MAX_CASES: usize = 50_000;
/// Deepest nesting of elements and subtests.
pub(super) const MAX_DEPTH: usize = 64;
/// Longest failure text of one case, in bytes.
pub(super) const MAX_TEXT: usize = 8 * 1024;
/// Longest name, in bytes.
pub(super) const MAX_NAME: usize = 512;
/// Most failures of one case that are kept.
pub(super) const MAX_FAILURES: usize = 20;
/// Most ignored files that are named.
pub(super) const MAX_IGNORED: usize = 20;
