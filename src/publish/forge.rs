//! Addresses, bodies and answers of each forge. Pure.

use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::content::CommitStatus;

/// Comments on a page.
pub const PAGE_SIZE: usize = 100;

/// Kind of a forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ForgeKind {
    /// GitHub or GitHub Enterprise
    Github,
    /// GitLab
    Gitlab,
    /// Gitea and Forgejo
    Gitea,
}

/// A request: method, path below the address of the API, and body.
pub type ForgeRequest = (Method, String, Value);

/// A comment, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Comment {
    /// Id.
    pub id: u64,
    /// Text.
    #[serde(default)]
    pub body: String,
    /// Author; GitLab calls it `author`.
    #[serde(alias = "author")]
    user: Option<Account>,
}

/// An account of a forge.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// Id.
    pub id: u64,
    /// `Bot` for apps of GitHub.
    #[serde(rename = "type", default)]
    kind: Option<String>,
}

impl Comment {
    /// Returns true if this account wrote it. An app of GitHub does not know its own account: for it, any app's comment counts, which
    /// no author of a change can write.
    pub fn is_by(&self, own: Option<&Account>) -> bool {
        match (own, &self.user) {
            (Some(own), Some(user)) => own.id == user.id,
            (None, Some(user)) => user.kind.as_deref() == Some("Bot"),
            (_, None) => false,
        }
    }
}

impl ForgeKind {
    /// The address of the API from what a user gives.
    pub fn api(self, url: &str) -> String {
        let url = url.trim_end_matches('/');
        match self {
            Self::Github => url.to_owned(),
            Self::Gitlab => format!("{}/api/v4", url.trim_end_matches("/api/v4")),
            Self::Gitea => format!("{}/api/v1", url.trim_end_matches("/api/v1")),
        }
    }

    /// Returns true for names of repositories: OWNER/NAME; of GitLab with groups inside one another.
    pub fn is_repository(self, name: &str) -> bool {
        let parts: Vec<&str> = name.split('/').collect();
        let is_part = |p: &&str| {
            !p.is_empty() && !p.starts_with('.') && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        let count = if self == Self::Gitlab { (2..=20).contains(&parts.len()) } else { parts.len() == 2 };
        count && parts.iter().all(is_part)
    }

    fn project(self, repository: &str) -> String {
        match self {
            Self::Gitlab => format!("/projects/{}", repository.replace('/', "%2F")),
            Self::Github | Self::Gitea => format!("/repos/{repository}"),
        }
    }

    fn thread(self, repository: &str, pr: u32) -> String {
        let project = self.project(repository);
        match self {
            Self::Gitlab => format!("{project}/merge_requests/{pr}/notes"),
            Self::Github | Self::Gitea => format!("{project}/issues/{pr}/comments"),
        }
    }

    /// A page of the comments of a pull request, from 1.
    pub fn comments(self, repository: &str, pr: u32, page: usize) -> String {
        let size = if self == Self::Gitea { "limit" } else { "per_page" };
        format!("{}?{size}={PAGE_SIZE}&page={page}", self.thread(repository, pr))
    }

    /// Writes a comment.
    pub fn create(self, repository: &str, pr: u32, body: &str) -> ForgeRequest {
        (Method::POST, self.thread(repository, pr), json!({"body": body}))
    }

    /// Replaces a comment.
    pub fn replace(self, repository: &str, pr: u32, id: u64, body: &str) -> ForgeRequest {
        let body = json!({"body": body});
        match self {
            Self::Gitlab => (Method::PUT, format!("{}/{id}", self.thread(repository, pr)), body),
            Self::Github | Self::Gitea => {
                (Method::PATCH, format!("{}/issues/comments/{id}", self.project(repository)), body)
            }
        }
    }

    /// Sets the status of a commit.
    pub fn status(self, repository: &str, commit: &str, status: &CommitStatus) -> ForgeRequest {
        let (name, failure) = match self {
            Self::Gitlab => ("name", "failed"),
            Self::Github | Self::Gitea => ("context", "failure"),
        };
        let state = if status.passed { "success" } else { failure };
        let mut body = json!({"state": state, "description": status.description});
        body[name] = json!(status.context);
        if let Some(url) = &status.url {
            body["target_url"] = json!(url);
        }
        (Method::POST, format!("{}/statuses/{commit}", self.project(repository)), body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_repositories_become_parts_of_paths() {
        for kind in [ForgeKind::Github, ForgeKind::Gitlab, ForgeKind::Gitea] {
            assert!(kind.is_repository("team/demo-1.2"));
            for name in ["demo", "team/", "/demo", "team/../x", "team/de mo", "team/demo?x", "team/a%2Fb", ""] {
                assert!(!kind.is_repository(name), "{name}");
            }
        }
        assert!(
            ForgeKind::Gitlab.is_repository("group/team/demo") && !ForgeKind::Github.is_repository("group/team/demo")
        );
        assert_eq!(
            ForgeKind::Gitlab.comments("group/team/demo", 7, 2),
            "/projects/group%2Fteam%2Fdemo/merge_requests/7/notes?per_page=100&page=2"
        );
        assert_eq!(ForgeKind::Gitea.api("https://git.example/"), "https://git.example/api/v1");
    }
}
