//! Addresses of the change and the job of a run, for people to follow. Pure.

use serde::{Deserialize, Serialize};

use crate::model::is_hex;

/// Longest address that becomes a link.
const MAX_LENGTH: usize = 500;

/// Addresses of what a run is about; each begins with `https://`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Links {
    /// The repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The pull request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<String>,
    /// The head commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The CI job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

/// Forges whose addresses of pull requests and commits are known.
#[derive(Clone, Copy)]
enum Forge {
    GitHub,
    GitLab,
}

impl Links {
    /// The links of a change and its job. Pull request and commit have one if the address of the repository or of the job
    /// shows the kind of forge.
    pub fn of(repository: Option<&str>, pull_request: u32, commit: &str, job: Option<&str>) -> Self {
        let job = job.and_then(https);
        let repository = repository.and_then(https);
        let repository = repository.map(|url| url.trim_end_matches('/').trim_end_matches(".git").to_owned());
        let forge = repository.as_deref().and_then(|url| forge(url, job.as_deref()));
        let below = |path: String| repository.as_ref().map(|url| format!("{url}/{path}"));
        let number = pull_request;
        let is_id = (7..=64).contains(&commit.len()) && is_hex(commit, commit.len());
        let pull_request = forge.filter(|_| number > 0).and_then(|forge| {
            below(match forge {
                Forge::GitHub => format!("pull/{number}"),
                Forge::GitLab => format!("-/merge_requests/{number}"),
            })
        });
        let commit = forge.filter(|_| is_id).and_then(|forge| {
            below(match forge {
                Forge::GitHub => format!("commit/{commit}"),
                Forge::GitLab => format!("-/commit/{commit}"),
            })
        });
        Self { repository, pull_request, commit, job }
    }

    /// The links as far as they are fit to be followed: a report may have been written by anybody.
    pub fn checked(&self) -> Self {
        let of = |link: &Option<String>| link.as_deref().and_then(https);
        Self {
            repository: of(&self.repository),
            pull_request: of(&self.pull_request),
            commit: of(&self.commit),
            job: of(&self.job),
        }
    }

    /// Every link with its label.
    pub fn labelled(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("repository", &self.repository),
            ("pull request", &self.pull_request),
            ("commit", &self.commit),
            ("job", &self.job),
        ];
        all.into_iter().filter_map(|(label, link)| Some((label, link.as_deref()?)))
    }

    /// Returns true if there is none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The forge of a repository, by its well-known host, or by its own job's address.
fn forge(repository: &str, job: Option<&str>) -> Option<Forge> {
    let of_job = job.and_then(|job| job.strip_prefix(repository)).unwrap_or_default();
    match host(repository) {
        "github.com" => Some(Forge::GitHub),
        "gitlab.com" => Some(Forge::GitLab),
        _ if of_job.starts_with("/actions/runs/") => Some(Forge::GitHub),
        _ if of_job.starts_with("/-/jobs/") => Some(Forge::GitLab),
        _ => None,
    }
}

fn host(url: &str) -> &str {
    url.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default()
}

/// An `https` address that is safe as a link in any format: no credentials, and no character with a meaning in Markdown or HTML.
pub fn https(text: &str) -> Option<String> {
    let host = host(text);
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    let has_host = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        && host.split_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_ok());
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#=&%+,".contains(&b);
    (has_host && text.len() <= MAX_LENGTH && text.bytes().all(plain)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(repository: &str, job: &str) -> Links {
        Links::of(Some(repository), 7, "4d1f0c2", Some(job))
    }

    #[test]
    fn the_job_or_a_well_known_host_shows_the_kind_of_forge() {
        let of = |repository: &str, job: &str| links(repository, job).pull_request.unwrap_or_default();
        assert_eq!(of("https://github.com/a/b.git", ""), "https://github.com/a/b/pull/7");
        let own = "https://git.test/a/b";
        assert_eq!(of(own, "https://git.test/a/b/actions/runs/1"), "https://git.test/a/b/pull/7");
        assert_eq!(of(own, "https://git.test/a/b/-/jobs/1"), "https://git.test/a/b/-/merge_requests/7");
        assert_eq!(of(own, "https://ci.test/a/b/-/jobs/1"), "");
        assert_eq!(
            links("https://gitlab.com/a/b", "").commit.as_deref(),
            Some("https://gitlab.com/a/b/-/commit/4d1f0c2")
        );
        assert_eq!(links("a/b", ""), Links::default());
    }

    #[test]
    fn only_plain_https_addresses_are_links() {
        assert!(https("https://ci.test:8443/a/b?x=1&y=%20#z").is_some());
        for unsafe_address in [
            "http://ci.test/",
            "javascript:alert(1)",
            "https://",
            "https://user:password@ci.test/",
            "https://ci.test/<script>",
            "https://ci.test/)[x](https://evil.test",
            "https://ci.test/\u{202e}",
            "https://ci.test/a b",
            "https://ci.test:port/",
        ] {
            assert_eq!(https(unsafe_address), None, "{unsafe_address}");
        }
        assert_eq!(https(&format!("https://ci.test/{}", "a".repeat(MAX_LENGTH))), None);
    }
}
