//! The job of a CI system and the change that it builds. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::system::{CiSystem, detect};

/// A CI job and the change under test; flags override all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CiJob {
    /// URL of the job.
    pub url: Option<String>,
    /// User who triggered it.
    pub actor: Option<String>,
    /// URL of the repository.
    pub repository: Option<String>,
    /// Head commit of the pull request, or the commit that is built.
    pub commit: Option<String>,
    /// Number of the pull or merge request.
    pub pr: Option<u32>,
}

/// Reads the job from the environment. `event` is the content of the file at `GITHUB_EVENT_PATH`: on a pull request
/// `GITHUB_SHA` is a merge commit, and only the event names the head.
pub fn job(env: &BTreeMap<String, String>, event: Option<&str>) -> CiJob {
    let get = |key: &str| env.get(key).map(|v| v.trim()).filter(|v| !v.is_empty()).map(str::to_owned);
    match detect(env) {
        Some(CiSystem::GitHub) => github(&get, event),
        Some(CiSystem::GitLab) => CiJob {
            url: get("CI_JOB_URL"),
            actor: get("GITLAB_USER_LOGIN"),
            repository: get("CI_PROJECT_URL"),
            // In a merged-results pipeline CI_COMMIT_SHA is a merge commit, too.
            commit: get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA").or(get("CI_COMMIT_SHA")),
            pr: get("CI_MERGE_REQUEST_IID").and_then(|n| n.parse().ok()),
        },
        None => CiJob::default(),
    }
}

fn github(get: &dyn Fn(&str) -> Option<String>, event: Option<&str>) -> CiJob {
    let event: Value = event.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let request = &event["pull_request"];
    let repository =
        get("GITHUB_SERVER_URL").zip(get("GITHUB_REPOSITORY")).map(|(server, name)| format!("{server}/{name}"));
    let run = repository.as_ref().zip(get("GITHUB_RUN_ID")).map(|(r, id)| format!("{r}/actions/runs/{id}"));
    let attempt = get("GITHUB_RUN_ATTEMPT").map(|n| format!("/attempts/{n}")).unwrap_or_default();
    let of_ref = get("GITHUB_REF").and_then(|r| r.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok());
    let number = request["number"].as_u64().and_then(|n| u32::try_from(n).ok());
    let head = request["head"]["sha"].as_str().map(str::to_owned);
    CiJob {
        url: run.map(|r| r + &attempt),
        actor: get("GITHUB_ACTOR"),
        repository,
        // Without its head a pull request has no commit to default to: the merge commit would be the wrong one.
        commit: head.or_else(|| of_ref.is_none().then(|| get("GITHUB_SHA")).flatten()),
        pr: of_ref.or(number),
    }
}
