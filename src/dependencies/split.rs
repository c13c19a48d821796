//! The commands that split a mixed change. Pure.

use super::change::PathChange;
use crate::model::sanitize;

/// Most files of a command.
const MAX_FILES: usize = 100;

/// Commands that make a branch with the dependencies of a change alone; none if files alone do not split it, or if a name could not be
/// shown as it is.
pub fn commands(paths: &[PathChange], from: &str, head: &str) -> Vec<String> {
    let wanted: Vec<&PathChange> = paths.iter().filter(|p| p.kind.is_dependency()).collect();
    let is_plain =
        |p: &&PathChange| p.code.is_empty() && sanitize::inert(&p.path) == p.path && !p.path.contains(['\n', '\t']);
    if wanted.is_empty() || wanted.len() > MAX_FILES || !wanted.iter().all(is_plain) {
        return vec![];
    }
    let files: Vec<String> = wanted.iter().map(|p| quoted(&p.path)).collect();
    let files = files.join(" ");
    vec![
        format!("git switch --create dependencies {from}"),
        format!("git --literal-pathspecs restore --source={head} --staged --worktree -- {files}"),
        "git commit --message 'Update dependencies'".to_owned(),
    ]
}

/// A word of a shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dependencies::PathKind;

    #[test]
    fn names_are_quoted_and_what_cannot_be_split_has_no_commands() {
        let path = |path: &str, kind, code: &[&str]| PathChange {
            path: path.to_owned(),
            kind,
            code: code.iter().map(|c| (*c).to_owned()).collect(),
        };
        let (lock, code) = (path("a b'c/Cargo.lock", PathKind::Lock, &[]), path("src/x.rs", PathKind::Code, &[]));
        let shown = commands(&[lock.clone(), code.clone()], "c0ffee", "beef");
        assert!(shown[1].ends_with(r"--source=beef --staged --worktree -- 'a b'\''c/Cargo.lock'"), "{shown:?}");
        assert!(commands(&[lock.clone(), path("package.json", PathKind::Manifest, &["scripts"])], "a", "b").is_empty());
        assert!(commands(&[path("a\u{1b}/Cargo.lock", PathKind::Lock, &[])], "a", "b").is_empty());
        assert!(commands(&[code], "a", "b").is_empty());
    }
}
