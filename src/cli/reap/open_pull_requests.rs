//! Reads the list of open pull requests from a file or a forge. An empty list is an error without --none-open.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::super::error::usage_error;
use crate::cli::forge_token::{GITHUB, forge_token};
use crate::model::Repository;
use crate::reaper::forge::{Forge, ForgeKind};
use crate::reaper::open_pull_requests::{OpenPullRequests, parse};

/// Longest list, in bytes.
const LONGEST: u64 = 16 << 20;

/// Flags of the list of open pull requests.
#[derive(Debug, Args)]
#[command(next_help_heading = "Closed pull requests")]
pub struct OpenPullRequestArgs {
    /// Remove environments whose pull request is not in this file, one number per line (- for standard input)
    #[arg(long, groups = ["reasons", "lists"], value_name = "FILE", conflicts_with = "forge")]
    open_prs: Option<PathBuf>,
    /// Remove environments whose pull request is not open on this forge
    #[arg(long, groups = ["reasons", "lists"], value_enum, value_name = "FORGE", requires = "repository")]
    forge: Option<ForgeKind>,
    /// Repository of the pull requests, as OWNER/NAME (or, without --forge, a URL)
    #[arg(long, value_name = "REPOSITORY", requires = "lists")]
    repository: Option<String>,
    /// Base URL of the forge's API (default for github: https://api.github.com)
    #[arg(long, value_name = "URL", requires = "forge")]
    forge_url: Option<String>,
    /// File whose first line is the forge's API token (or set DAYFLY_FORGE_TOKEN)
    #[arg(long, value_name = "FILE", requires = "forge")]
    token_file: Option<PathBuf>,
    /// Accept an empty list (no open pull requests)
    #[arg(long, requires = "lists")]
    none_open: bool,
}

/// A source of the list.
pub struct ListSource<'a> {
    args: &'a OpenPullRequestArgs,
    from: Origin<'a>,
    repository: Option<Repository>,
    by_description: bool,
}

enum Origin<'a> {
    File(&'a Path),
    Forge(Box<Forge>),
}

impl OpenPullRequestArgs {
    /// The source of the list, if one is given. Invalid flags are a usage error (exit code 2).
    pub fn source(&self, by_description: bool) -> anyhow::Result<Option<ListSource<'_>>> {
        let named = self.repository.as_deref().map(|text| {
            Repository::parse(text)
                .ok_or_else(|| usage_error(&format!("invalid --repository {text:?}: expected OWNER/NAME or a URL")))
        });
        let named = named.transpose()?;
        let (from, repository) = match (&self.open_prs, self.forge) {
            (Some(file), _) => (Origin::File(file), named),
            (None, Some(kind)) => {
                let forge = self.forge(kind)?;
                let repository = forge.repository().clone();
                (Origin::Forge(Box::new(forge)), Some(repository))
            }
            (None, None) => return Ok(None),
        };
        if repository.is_none() && !by_description {
            return Err(usage_error(
                "pull request numbers are unique only within a repository: give --repository or --description to select the environments of this list",
            )
            .into());
        }
        Ok(Some(ListSource { args: self, from, repository, by_description }))
    }

    fn forge(&self, kind: ForgeKind) -> anyhow::Result<Forge> {
        let url = match (&self.forge_url, kind) {
            (Some(url), _) => url,
            (None, ForgeKind::Github) => GITHUB,
            (None, ForgeKind::Gitea) => {
                return Err(usage_error("--forge gitea needs --forge-url, such as https://git.example").into());
            }
        };
        let token = forge_token(self.token_file.as_deref())?;
        let name = self.repository.as_deref().unwrap_or_default();
        Forge::new(kind, url, name, token.as_deref()).map_err(|why| usage_error(&why).into())
    }
}

impl ListSource<'_> {
    /// Reads the list, or says why it failed.
    pub async fn read(self) -> Result<OpenPullRequests, String> {
        // Taken before the request: the list lacks pull requests opened meanwhile.
        let asked = Timestamp::now();
        let (numbers, made, source) = match &self.from {
            Origin::File(file) => {
                let (text, made, name) = text(file)?;
                (parse(&text).map_err(|why| format!("{name}: {why}"))?, made.min(asked), name)
            }
            Origin::Forge(forge) => {
                let numbers = forge.open().await.map_err(|e| format!("failed to {e}"))?;
                (numbers, asked, forge.repository().to_string())
            }
        };
        if numbers.is_empty() && !self.args.none_open {
            return Err(format!("{source} lists no pull requests; pass --none-open to accept an empty list"));
        }
        Ok(OpenPullRequests { numbers, made, repository: self.repository, by_description: self.by_description, source })
    }
}

/// Reads the text, its modification time and its display name.
fn text(file: &Path) -> Result<(String, Timestamp, String), String> {
    let piped = file == Path::new("-");
    let name = if piped { "standard input".to_owned() } else { file.display().to_string() };
    let failed = |e: std::io::Error| format!("failed to read {name}: {e}");
    let now = Timestamp::now();
    let mut text = String::new();
    let made = if piped {
        std::io::stdin().take(LONGEST + 1).read_to_string(&mut text).map_err(failed)?;
        now
    } else {
        let opened = std::fs::File::open(file).map_err(failed)?;
        let written = opened.metadata().and_then(|m| m.modified()).map_err(failed)?;
        opened.take(LONGEST + 1).read_to_string(&mut text).map_err(failed)?;
        Timestamp::try_from(written).unwrap_or(now)
    };
    if text.len() as u64 > LONGEST {
        return Err(format!("{name} is longer than {} MiB, the limit of a list of pull requests", LONGEST >> 20));
    }
    Ok((text, made, name))
}
