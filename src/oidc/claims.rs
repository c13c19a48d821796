//! What a verified token says about its job. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The systems whose tokens are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Forge {
    /// GitHub, or GitHub Enterprise Server.
    GitHub,
    /// GitLab.
    GitLab,
}

/// The identity of a CI job, as its forge signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// URL of the repository.
    pub repository: String,
    /// Number of the pull request, if the job belongs to one.
    pub pr: Option<u32>,
    /// Commit that the job checked out. On GitHub, a pull request's job has a merge commit here.
    pub commit: Option<String>,
    /// User who triggered the job.
    pub actor: Option<String>,
}

/// Claims of both forges; each sets its own.
#[derive(Deserialize)]
pub(super) struct RawClaims {
    pub iss: String,
    pub aud: Value,
    pub exp: i64,
    pub nbf: Option<i64>,
    pub iat: Option<i64>,
    repository: Option<String>,
    actor: Option<String>,
    project_path: Option<String>,
    user_login: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    ref_path: Option<String>,
    sha: Option<String>,
}

impl RawClaims {
    /// True if the token was issued for this audience.
    pub fn is_for(&self, audience: &str) -> bool {
        match &self.aud {
            Value::String(one) => one == audience,
            // A token for several recipients could be replayed by any of them.
            Value::Array(all) => matches!(all.as_slice(), [Value::String(one)] if one == audience),
            _ => false,
        }
    }

    /// Reads a forge's claims; none if the repository is missing.
    pub fn read(self, forge: Forge, server: &str) -> Option<Claims> {
        let (path, reference, prefix, actor) = match forge {
            Forge::GitHub => (self.repository, self.reference, "refs/pull/", self.actor),
            Forge::GitLab => (self.project_path, self.ref_path, "refs/merge-requests/", self.user_login),
        };
        let path = path.filter(|p| !p.is_empty())?;
        let pr = reference.as_deref().and_then(|r| r.strip_prefix(prefix)?.split('/').next()?.parse().ok());
        Some(Claims { repository: format!("{}/{path}", server.trim_end_matches('/')), pr, commit: self.sha, actor })
    }
}
