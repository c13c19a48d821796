//! Asks a forge which pull requests of a repository are open: every page, or none.
//!
//! Redirects are not followed, the token goes to the forge alone, and whatever is not as it should be is a failure: a list
//! that lacks something would remove what is still needed.

mod pages;

use std::collections::BTreeSet;

use hyper::StatusCode;
use hyper::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LINK, RETRY_AFTER};

use super::repository::Repository;
use crate::web::{Answer, Target, Wire, printable};
use pages::{Next, Seen};

/// Longest page, in bytes.
const LONGEST: usize = 32 << 20;
/// Most pages that are criteria for.
const MOST_PAGES: usize = 1000;
/// Of how many there are in all, as Gitea says it.
const TOTAL: &str = "x-total-count";

/// Kinds of forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ForgeKind {
    /// GitHub, also one's own
    Github,
    /// Gitea and Forgejo
    Gitea,
}

/// A repository on a forge.
pub struct Forge {
    kind: ForgeKind,
    api: String,
    /// `owner/name`.
    name: String,
    repository: Repository,
    shown: Option<HeaderValue>,
    wire: Wire,
}

/// Why the list cannot be had; completes "failed to …".
#[derive(Debug, thiserror::Error)]
#[error("ask {0} for the open pull requests: {1}")]
pub struct ForgeError(
    /// Server.
    String,
    /// Why, and what to do.
    String,
);

impl Forge {
    /// `url` is where GitHub's API or Gitea itself answers; `name` is `owner/name`. The fault is one of usage.
    pub fn new(kind: ForgeKind, url: &str, name: &str, token: Option<&str>) -> Result<Self, String> {
        let part = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if !name.split_once('/').is_some_and(|(owner, repository)| part(owner) && part(repository)) {
            return Err(format!("--repository takes OWNER/NAME with --forge, not {name:?}"));
        }
        let url = url.trim_end_matches('/');
        let target = Target::parse(url).map_err(|why| format!("--forge-url: {why}"))?;
        let (api, web) = match kind {
            ForgeKind::Github => (url.to_owned(), target.authority().trim_start_matches("api.").to_owned()),
            ForgeKind::Gitea => {
                let web = url.trim_end_matches("/api/v1");
                (format!("{web}/api/v1"), web.split_once("://").map_or(web, |(_, rest)| rest).to_owned())
            }
        };
        let repository = Repository::parse(&format!("https://{web}/{name}"));
        let repository = repository.ok_or_else(|| format!("--forge-url {url:?} names no forge"))?;
        let shown = token.map(|t| secret(kind, t)).transpose()?;
        Ok(Self { kind, api, name: name.to_owned(), repository, shown, wire: Wire::default() })
    }

    /// The repository, with its host.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The numbers of all open pull requests. Where there are several pages they are read twice: closing one moves others
    /// from page to page, and one that is missed must not be taken for closed.
    pub async fn open(&self) -> Result<BTreeSet<u32>, ForgeError> {
        let first = Target::parse(&self.url(1)).map_err(|why| ForgeError(self.api.clone(), why))?;
        let failed = |why: String| ForgeError(first.authority(), why);
        let (mut numbers, pages) = self.all(&first).await.map_err(failed)?;
        if pages > 1 {
            numbers.extend(self.all(&first).await.map_err(failed)?.0);
        }
        Ok(numbers)
    }

    fn url(&self, page: usize) -> String {
        let size = match self.kind {
            ForgeKind::Github => format!("per_page={}", pages::OF_GITHUB),
            ForgeKind::Gitea => "limit=50".into(),
        };
        format!("{}/repos/{}/pulls?state=open&{size}&page={page}", self.api, self.name)
    }

    async fn all(&self, first: &Target) -> Result<(BTreeSet<u32>, usize), String> {
        let mut seen = Seen::new(self.kind);
        let mut target = first.clone();
        loop {
            let answer = self.wire.get(&target, self.headers(), LONGEST).await.map_err(|e| e.to_string())?;
            accepted(&answer, self.shown.is_some())?;
            let total = header(&answer, TOTAL).map(|t| t.parse().map_err(|_| format!("its {TOTAL} is no number")));
            let next = seen.page(&answer.body, header(&answer, LINK.as_str()), total.transpose()?)?;
            if seen.pages() > MOST_PAGES {
                return Err(format!("there are more than {MOST_PAGES} pages"));
            }
            target = match next {
                Next::End => return Ok((seen.numbers().clone(), seen.pages())),
                Next::Number(n) => Target::parse(&self.url(n))?,
                Next::At(url) => onward(first, &url)?,
            };
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        if self.kind == ForgeKind::Github {
            let version = HeaderName::from_static("x-github-api-version");
            headers.insert(version, HeaderValue::from_static("2022-11-28"));
        }
        headers.extend(self.shown.clone().map(|shown| (AUTHORIZATION, shown)));
        headers
    }
}

fn secret(kind: ForgeKind, token: &str) -> Result<HeaderValue, String> {
    let scheme = if kind == ForgeKind::Gitea { "token" } else { "Bearer" };
    let mut value = HeaderValue::from_str(&format!("{scheme} {token}"))
        .map_err(|_| "the forge's token cannot be sent: it must be one line of ASCII".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name)?.to_str().ok()
}

/// The next page, where it is one of the same server: nobody else is shown the token or believed.
fn onward(first: &Target, url: &str) -> Result<Target, String> {
    let next = first.onward(url).map_err(|why| format!("its next page cannot be criteria for: {why}"))?;
    if next.is_same_server(first) {
        return Ok(next);
    }
    Err(format!("its next page is elsewhere, at {}: check --forge-url", next.authority()))
}

fn accepted(answer: &Answer, with_token: bool) -> Result<(), String> {
    let status = answer.status;
    let limited = status == StatusCode::TOO_MANY_REQUESTS
        || (status == StatusCode::FORBIDDEN
            && (header(answer, "x-ratelimit-remaining") == Some("0") || answer.headers.contains_key(RETRY_AFTER)));
    let what = match status {
        StatusCode::OK => return Ok(()),
        _ if limited && with_token => "it has been criteria too often: try again later",
        _ if limited => "it has been criteria too often: try again later, or give a token with DAYFLY_FORGE_TOKEN",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if with_token => {
            "the token is refused: check that it is valid and may read pull requests of this repository"
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "it wants a token: give one with DAYFLY_FORGE_TOKEN",
        StatusCode::NOT_FOUND => "it has no such repository, or shows it to nobody without the right token",
        s if s.is_redirection() => {
            "it sends elsewhere, which is not followed: give the repository's present name and --forge-url"
        }
        _ => "it does not answer as it should: try again later",
    };
    let said = pages::complaint(&answer.body).map(|said| format!(", {}", printable(&said))).unwrap_or_default();
    Err(format!("{what} ({}{said})", status.as_u16()))
}
