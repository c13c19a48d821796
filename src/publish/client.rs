//! Sends comments and statuses to a forge. Follows no redirects, and sends the token only to the forge.

use bytes::Bytes;
use hyper::Method;
use hyper::StatusCode;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::content::{CommitStatus, marker};
use super::forge::{Account, Comment, ForgeKind, ForgeRequest, PAGE_SIZE};
use crate::web::{Answer, Target, Wire, printable};

/// Longest answer in bytes.
const MAX_BYTES: usize = 32 << 20;
/// Most pages of comments.
const MAX_PAGES: usize = 100;

/// A repository on a forge.
pub struct Client {
    kind: ForgeKind,
    api: String,
    repository: String,
    authorization: (HeaderName, HeaderValue),
    wire: Wire,
}

/// Why nothing was published; completes "failed to …".
#[derive(Debug, thiserror::Error)]
#[error("{doing} on {server}: {why}")]
pub struct PublishError {
    doing: &'static str,
    server: String,
    why: String,
}

/// What became of a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// There was none.
    Created,
    /// The one of an earlier run was replaced.
    Replaced,
}

impl Client {
    /// `url` is the address of GitHub's API, of GitLab or of Gitea; `repository` is OWNER/NAME. Errors are usage errors.
    pub fn new(kind: ForgeKind, url: &str, repository: &str, token: &str) -> Result<Self, String> {
        if !kind.is_repository(repository) {
            return Err(format!("--repository takes OWNER/NAME, not {:?}", printable(repository)));
        }
        let api = kind.api(url);
        Target::parse(&api).map_err(|why| format!("--forge-url: {why}"))?;
        let (name, value) = match kind {
            ForgeKind::Github => (AUTHORIZATION, format!("Bearer {token}")),
            ForgeKind::Gitea => (AUTHORIZATION, format!("token {token}")),
            ForgeKind::Gitlab => (HeaderName::from_static("private-token"), token.to_owned()),
        };
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| "the forge's token cannot be sent: it must be one line of ASCII".to_owned())?;
        value.set_sensitive(true);
        Ok(Self { kind, api, repository: repository.to_owned(), authorization: (name, value), wire: Wire::default() })
    }

    /// Writes the comment of this name on a pull request, in place of that of an earlier run. Only comments of the token's own account
    /// count: another's could be changed again by its author.
    pub async fn comment(&self, pr: u32, name: &str, body: &str) -> Result<Written, PublishError> {
        let failed = |why| self.failed("comment", why);
        let own = self.account().await.map_err(failed)?;
        match self.find(pr, name, own.as_ref()).await.map_err(failed)? {
            Some(id) => {
                self.send(self.kind.replace(&self.repository, pr, id, body)).await.map_err(failed)?;
                Ok(Written::Replaced)
            }
            None => {
                self.send(self.kind.create(&self.repository, pr, body)).await.map_err(failed)?;
                Ok(Written::Created)
            }
        }
    }

    /// Sets the status of a commit.
    pub async fn status(&self, commit: &str, status: &CommitStatus) -> Result<(), PublishError> {
        let request = self.kind.status(&self.repository, commit, status);
        self.send(request).await.map(drop).map_err(|why| self.failed("set the status of the commit", why))
    }

    /// The account of the token; none for an app of GitHub, which may not ask.
    async fn account(&self) -> Result<Option<Account>, String> {
        let answer = self.get("/user").await?;
        if self.kind == ForgeKind::Github && answer.status == StatusCode::FORBIDDEN {
            return Ok(None);
        }
        check_status(&answer)?;
        parse(&answer).map(Some)
    }

    async fn find(&self, pr: u32, name: &str, own: Option<&Account>) -> Result<Option<u64>, String> {
        let marker = marker(name);
        let mut last: Vec<u64> = vec![];
        for page in 1..=MAX_PAGES {
            let answer = self.get(&self.kind.comments(&self.repository, pr, page)).await?;
            check_status(&answer)?;
            let comments: Vec<Comment> = parse(&answer)?;
            if let Some(found) = comments.iter().find(|c| c.body.starts_with(&marker) && c.is_by(own)) {
                return Ok(Some(found.id));
            }
            let ids: Vec<u64> = comments.iter().map(|c| c.id).collect();
            // Gitea sends all comments at once, whatever the page.
            if ids.len() < PAGE_SIZE && self.kind != ForgeKind::Gitea || ids.is_empty() || ids == last {
                return Ok(None);
            }
            last = ids;
        }
        Err(format!("the pull request has more than {MAX_PAGES} pages of comments"))
    }

    async fn get(&self, path: &str) -> Result<Answer, String> {
        let target = Target::parse(&format!("{}{path}", self.api))?;
        self.wire.get(&target, self.headers(), MAX_BYTES).await.map_err(|e| e.to_string())
    }

    async fn send(&self, (method, path, body): ForgeRequest) -> Result<Answer, String> {
        let target = Target::parse(&format!("{}{path}", self.api))?;
        let mut headers = self.headers();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = self.post(method, &target, headers, &body).await?;
        check_status(&answer)?;
        Ok(answer)
    }

    async fn post(&self, method: Method, target: &Target, headers: HeaderMap, body: &Value) -> Result<Answer, String> {
        let body = Bytes::from(body.to_string());
        self.wire.send(method, target, headers, body, MAX_BYTES).await.map_err(|e| e.to_string())
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        if self.kind == ForgeKind::Github {
            let version = HeaderName::from_static("x-github-api-version");
            headers.insert(version, HeaderValue::from_static("2022-11-28"));
        }
        headers.insert(self.authorization.0.clone(), self.authorization.1.clone());
        headers
    }

    fn failed(&self, doing: &'static str, why: String) -> PublishError {
        let server = Target::parse(&self.api).map_or_else(|_| self.api.clone(), |target| target.authority());
        PublishError { doing, server, why }
    }
}

fn parse<T: DeserializeOwned>(answer: &Answer) -> Result<T, String> {
    serde_json::from_slice(&answer.body)
        .map_err(|e| format!("its answer cannot be read ({e}): check --forge and --forge-url"))
}

fn check_status(answer: &Answer) -> Result<(), String> {
    let what = match answer.status {
        StatusCode::OK | StatusCode::CREATED => return Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "the token was refused: check that it is valid, and may write comments and statuses of this repository"
        }
        StatusCode::NOT_FOUND => "there is no such repository, pull request or commit, or the token may not see it",
        StatusCode::TOO_MANY_REQUESTS => "rate limit exceeded: try again later",
        s if s.is_redirection() => {
            "it redirects, which dayfly does not follow: use the repository's current name and --forge-url"
        }
        _ => "unexpected answer",
    };
    let said = serde_json::from_slice::<Value>(&answer.body).ok();
    let said = said.and_then(|body| body.get("message").and_then(Value::as_str).map(printable));
    let said = said.map(|said| format!(", {said}")).unwrap_or_default();
    Err(format!("{what} ({}{said})", answer.status.as_u16()))
}
