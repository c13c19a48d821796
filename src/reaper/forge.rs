//! Lists the open pull requests of a repository on a forge: all pages, or an error.
//!
//! Does not follow redirects, sends the token only to the forge, and fails on anything unexpected: an incomplete list would
//! remove environments that are still needed.

mod kind;
mod pages;

use std::collections::BTreeSet;

use hyper::StatusCode;
use hyper::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LINK, RETRY_AFTER};

use crate::model::Repository;
use crate::web::{Answer, Target, Wire, printable};
use pages::{NextPage, PageReader};

pub use kind::ForgeKind;

/// Maximum size of a page, in bytes.
const MAX_PAGE_BYTES: usize = 32 << 20;
/// Maximum number of pages.
const MAX_PAGES: usize = 1000;
/// Gitea's header with the total number of pull requests.
const TOTAL: &str = "x-total-count";

/// A repository on a forge.
pub struct Forge {
    kind: ForgeKind,
    api: String,
    /// `owner/name`.
    name: String,
    repository: Repository,
    authorization: Option<HeaderValue>,
    wire: Wire,
}

/// Why the list is not available; completes "failed to …".
#[derive(Debug, thiserror::Error)]
#[error("ask {0} for the open pull requests: {1}")]
pub struct ForgeError(
    /// Server.
    String,
    /// Why, and what to do.
    String,
);

impl Forge {
    /// `url` is the address of GitHub's API or of Gitea; `name` is `owner/name`. Errors are usage errors.
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
        let repository = repository.ok_or_else(|| format!("--forge-url {url:?} is not the address of a forge"))?;
        let authorization = token.map(|t| authorization(kind, t)).transpose()?;
        Ok(Self { kind, api, name: name.to_owned(), repository, authorization, wire: Wire::default() })
    }

    /// The repository, with its host.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The numbers of all open pull requests. Several pages are read twice: closing one pull request moves others between
    /// pages, and a missed one must not count as closed.
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
            ForgeKind::Github => format!("per_page={}", pages::GITHUB_PAGE_SIZE),
            ForgeKind::Gitea => "limit=50".into(),
        };
        format!("{}/repos/{}/pulls?state=open&{size}&page={page}", self.api, self.name)
    }

    async fn all(&self, first: &Target) -> Result<(BTreeSet<u32>, usize), String> {
        let mut reader = PageReader::new(self.kind);
        let mut target = first.clone();
        loop {
            let answer = self.wire.get(&target, self.headers(), MAX_PAGE_BYTES).await.map_err(|e| e.to_string())?;
            check_status(&answer, self.authorization.is_some())?;
            let total =
                header(&answer, TOTAL).map(|t| t.parse().map_err(|_| format!("its header {TOTAL} is not a number")));
            let next = reader.page(&answer.body, header(&answer, LINK.as_str()), total.transpose()?)?;
            if reader.pages() > MAX_PAGES {
                return Err(format!("there are more than {MAX_PAGES} pages"));
            }
            target = match next {
                NextPage::End => return Ok((reader.numbers().clone(), reader.pages())),
                NextPage::Number(n) => Target::parse(&self.url(n))?,
                NextPage::At(url) => next_target(first, &url)?,
            };
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        if self.kind == ForgeKind::Github {
            let version = HeaderName::from_static("x-github-api-version");
            headers.insert(version, HeaderValue::from_static("2022-11-28"));
        }
        headers.extend(self.authorization.clone().map(|value| (AUTHORIZATION, value)));
        headers
    }
}

fn authorization(kind: ForgeKind, token: &str) -> Result<HeaderValue, String> {
    let scheme = if kind == ForgeKind::Gitea { "token" } else { "Bearer" };
    let mut value = HeaderValue::from_str(&format!("{scheme} {token}"))
        .map_err(|_| "the forge's token cannot be sent: it must be one line of ASCII".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.get(name)?.to_str().ok()
}

/// The address of the next page, which must be on the same server: no other gets the token.
fn next_target(first: &Target, url: &str) -> Result<Target, String> {
    let next = first.onward(url).map_err(|why| format!("the address of its next page is invalid: {why}"))?;
    if next.is_same_server(first) {
        return Ok(next);
    }
    Err(format!("its next page is on another server, {}: check --forge-url", next.authority()))
}

fn check_status(answer: &Answer, with_token: bool) -> Result<(), String> {
    let status = answer.status;
    let limited = status == StatusCode::TOO_MANY_REQUESTS
        || (status == StatusCode::FORBIDDEN
            && (header(answer, "x-ratelimit-remaining") == Some("0") || answer.headers.contains_key(RETRY_AFTER)));
    let what = match status {
        StatusCode::OK => return Ok(()),
        _ if limited && with_token => "rate limit exceeded: try again later",
        _ if limited => "rate limit exceeded: try again later, or set a token in DAYFLY_FORGE_TOKEN",
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if with_token => {
            "the token was refused: check that it is valid and may read pull requests of this repository"
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "it requires a token: set one in DAYFLY_FORGE_TOKEN",
        StatusCode::NOT_FOUND => "it has no such repository, or hides it without the right token",
        s if s.is_redirection() => {
            "it redirects, which dayfly does not follow: use the repository's current name and --forge-url"
        }
        _ => "unexpected answer: try again later",
    };
    let said = pages::error_message(&answer.body).map(|said| format!(", {}", printable(&said))).unwrap_or_default();
    Err(format!("{what} ({}{said})", status.as_u16()))
}
