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
