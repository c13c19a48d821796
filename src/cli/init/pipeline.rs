//! The CI file of a forge: the example of the documentation, for the description at hand.

use std::path::{Path, PathBuf};

use super::forge::Forge;
use super::look_around::Surroundings;
use crate::cli::error::usage_error;
use crate::cli::files::create;

const GITHUB: &str = include_str!("../../../examples/ci/github.yaml");
const GITLAB: &str = include_str!("../../../examples/ci/gitlab.yaml");
/// The description in the examples.
const EXAMPLE: &str = "environments/tsd/environment.yaml";

/// A CI file.
pub(super) struct Pipeline {
    pub(super) file: PathBuf,
    pub(super) text: String,
    /// What remains to be done.
    pub(super) remark: &'static str,
}

/// The file of a forge.
pub(super) fn of(forge: Forge, around: &Surroundings) -> Option<Pipeline> {
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
        Forge::None => return None,
    };
    let description = around.below.join("environment.yaml");
    // The path is part of YAML, and of a command line in quotes.
    let path_is_plain =
        description.to_str().is_some_and(|p| p.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c)));
    let description = if path_is_plain { description } else { PathBuf::from("environment.yaml") };
    let text = text.replace(EXAMPLE, &description.display().to_string());
    Some(Pipeline { file: around.top.join(path), text, remark })
}

/// Refuses to write through links in the places of the file's folders.
pub(super) fn refuse_links(pipeline: &Pipeline) -> anyhow::Result<()> {
    let folders = pipeline.file.ancestors().skip(1).filter(|f| !f.as_os_str().is_empty());
    match folders.into_iter().find(|folder| folder.is_symlink()) {
        Some(link) => {
            let why = format!(
                "{} is a symbolic link; nothing is written through it (--forge none leaves it out)",
                link.display()
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
