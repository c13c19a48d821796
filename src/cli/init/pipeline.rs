//! The CI file of a forge: the example of the documentation, for the description at hand.

use std::path::{Component, Path, PathBuf};

use super::forge::Forge;
use super::look_around::Surroundings;
use crate::cli::error::usage_error;
use crate::cli::files::create;
use crate::model::sanitize::one_line;

/// Longest path in a message, in characters.
const MAX_SHOWN: usize = 300;
const GITHUB: &str = include_str!("../../../examples/ci/github.yaml");
const GITLAB: &str = include_str!("../../../examples/ci/gitlab.yaml");
/// The description in the examples, and the command that builds images.
const EXAMPLE: &str = "environments/tsd/environment.yaml";
const BUILD: &str = " compose build";

/// A CI file.
pub(super) struct Pipeline {
    pub(super) file: PathBuf,
    pub(super) text: String,
    /// What remains to be done.
    pub(super) remark: &'static str,
}

/// The file of a forge, for this Compose file; none for no forge. The error says why there is none.
pub(super) fn of(forge: Forge, around: &Surroundings, compose: Option<&Path>) -> Result<Option<Pipeline>, String> {
    let (path, text, remark) = match forge {
        Forge::Github => (
            ".github/workflows/dayfly.yaml",
            GITHUB,
            "set the variables DAYFLY_URL, DAYFLY_SHA256 and DAYFLY_PUBLIC_KEY and the secret DAYFLY_SIGNING_KEY, and the step that builds images",
        ),
        Forge::Gitlab => (
            ".gitlab/dayfly.yml",
            GITLAB,
            "include it from .gitlab-ci.yml (include: .gitlab/dayfly.yml), set DAYFLY_URL, DAYFLY_SHA256, DAYFLY_PUBLIC_KEY and DAYFLY_SIGNING_KEY, and the line that builds images",
        ),
        Forge::None => return Ok(None),
    };
    let description = around.below.join("environment.yaml");
    let Some(plain) = plain(&description) else {
        let shown = one_line(&description.display().to_string(), MAX_SHOWN);
        return Err(format!(
            "the path {shown} has other characters than letters, digits and . _ - /, which a CI file cannot take: rename the folders"
        ));
    };
    let mut text = text.replace(EXAMPLE, &plain);
    // Jobs run at the top of the repository.
    let is_below = !around.below.as_os_str().is_empty();
    if let Some(file) = compose.filter(|_| is_below).and_then(|file| self::plain(&around.below.join(file))) {
        text = text.replace(BUILD, &format!(" compose --file {file} build"));
    }
    Ok(Some(Pipeline { file: around.top.join(path), text, remark }))
}

/// A path below the top of the repository that can stand in YAML and in a command line as it is.
fn plain(path: &Path) -> Option<String> {
    let is_below = path.components().all(|part| matches!(part, Component::Normal(_)));
    let is_part = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let text = path.to_str().filter(|path| is_below && path.chars().all(is_part))?;
    // Nothing takes it for an option.
    Some(if text.starts_with('-') { format!("./{text}") } else { text.to_owned() })
}

/// Refuses to write through links in the places of the file's folders.
pub(super) fn refuse_links(pipeline: &Pipeline) -> anyhow::Result<()> {
    let folders = pipeline.file.ancestors().skip(1).filter(|f| !f.as_os_str().is_empty());
    match folders.into_iter().find(|folder| folder.is_symlink()) {
        Some(link) => {
            let why = format!(
                "{} is a symbolic link; nothing is written through it (--forge none leaves it out)",
                one_line(&link.display().to_string(), MAX_SHOWN)
            );
            Err(usage_error(&why).into())
        }
        None => Ok(()),
    }
}

/// Writes the file, which must not exist, and makes its folders.
pub(super) fn write(pipeline: &Pipeline) -> anyhow::Result<()> {
    let folder = pipeline.file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .map_err(|e| usage_error(&format!("failed to create the folder {}: {e}", folder.display())))?;
    create(&pipeline.file, &pipeline.text)
}
