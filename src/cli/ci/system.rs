//! The supported CI systems. Pure.

use std::collections::BTreeMap;

/// A CI system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CiSystem {
    /// GitHub Actions.
    GitHub,
    /// GitLab CI.
    GitLab,
}

/// Returns true if a CI system, supported or not, reads the output.
pub fn in_ci(env: &BTreeMap<String, String>) -> bool {
    ["CI", "TF_BUILD", "JENKINS_URL", "TEAMCITY_VERSION"].iter().any(|key| env.contains_key(*key))
        || detect(env).is_some()
}

/// Detects the CI system by its documented variable.
pub fn detect(env: &BTreeMap<String, String>) -> Option<CiSystem> {
    let on = |key: &str| env.get(key).is_some_and(|v| v == "true");
    if on("GITHUB_ACTIONS") {
        Some(CiSystem::GitHub)
    } else if on("GITLAB_CI") {
        Some(CiSystem::GitLab)
    } else {
        None
    }
}
