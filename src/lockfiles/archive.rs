//! Archives of packages in the project, which are somebody's and no folders of its own. Pure.

/// Ends of names by which pip and npm know archives.
const ENDS: [&str; 7] = [".whl", ".zip", ".tgz", ".tar", ".tbz", ".txz", ".tlz"];

/// Returns true if a path could be that of an archive, also with extras and the like behind it.
pub(super) fn is_archive(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric());
    ENDS.iter().any(|end| path.match_indices(end).any(|(at, _)| ends(&path[at + end.len()..])))
}
