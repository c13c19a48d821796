//! From the API server's own words to a reason with what to do. Pure.

use kube::Error;
use kube::core::response::Status;

use crate::engine::words::{chain, find};
use crate::engine::{EngineError, Leftover};
use crate::render::kubernetes::RenderError;

/// What the API server says when it refuses, and what that means here. The first match counts.
const REFUSALS: [(&[&str], &str); 6] = [
    (
        &["violates podsecurity"],
        "the cluster's Pod Security refuses it: give the service a numeric `security.user`, or drop what it asks for under `security`",
    ),
    (&["admission webhook"], "an admission webhook of the cluster refuses it; its owner can say why"),
    (&["validatingadmissionpolicy"], "an admission policy of the cluster refuses it; its owner can say why"),
    (&["unable to create new content in namespace", "being terminated"], "its namespace is being removed"),
    (
        &["is forbidden: user", "cannot"],
        "this user may not do it: grant what manifests/install/rbac-cli.yaml grants (`dayfly doctor --engine kubernetes` lists what is missing)",
    ),
    (&["unauthorized"], "the cluster does not accept the credentials of this context: log in again"),
];

/// Signs that something ran out.
const CAPACITY: [&[&str]; 3] = [&["exceeded quota"], &["maximum", "usage per"], &["no space left"]];

/// The words of an error, in one line.
pub fn words(error: &Error) -> String {
    let text = match error {
        Error::Api(status) => status.message.clone(),
        other => chain(other),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The API server's answer, where there was one.
pub fn status(error: &Error) -> Option<&Status> {
    match error {
        Error::Api(status) => Some(status),
        _ => None,
    }
}

/// It is not there.
pub fn is_missing(error: &Error) -> bool {
    status(error).is_some_and(Status::is_not_found)
}

/// Somebody was faster.
pub fn is_conflict(error: &Error) -> bool {
    status(error).is_some_and(|s| s.is_conflict() || s.is_already_exists())
}

/// There is one of that name.
pub fn is_there_already(error: &Error) -> bool {
    status(error).is_some_and(Status::is_already_exists)
}

/// Nobody has counted yet what is used of a new quota, or what has just gone still counts. The environment's own quota has
/// room for everything in it; another one may be full in earnest.
pub fn is_uncounted(words: &str) -> bool {
    ["status unknown for quota", "exceeded quota: dayfly,"].iter().any(|late| words.contains(late))
}

/// The reason behind the words, with the words.
pub fn reason(words: &str) -> String {
    match find(&REFUSALS, words) {
        Some(means) => format!("{means} (the cluster says: {words})"),
        None => words.to_owned(),
    }
}

/// What ran out, if that is what the words say.
pub fn capacity(words: &str) -> Option<String> {
    let lower = words.to_lowercase();
    let short = CAPACITY.iter().any(|signs| signs.iter().all(|s| lower.contains(s)));
    short.then(|| format!("the cluster has no room for it: {words}"))
}

/// An operation that failed; `what` is a verb phrase.
pub fn failed(what: &str, error: &Error, leftover: Leftover) -> EngineError {
    refused(what, &words(error), leftover)
}

/// As `failed`, from words.
pub fn refused(what: &str, words: &str, leftover: Leftover) -> EngineError {
    match capacity(words) {
        Some(what) => EngineError::Capacity(what),
        None => EngineError::Api { what: what.to_owned(), detail: reason(words), leftover },
    }
}

/// A pod or Job that could not be made.
pub fn not_started(unit: &str, words: &str) -> EngineError {
    match capacity(words) {
        Some(what) => EngineError::Capacity(format!("{unit}: {what}")),
        None => EngineError::Start { unit: unit.to_owned(), reason: reason(words), leftover: Leftover::Removable },
    }
}

/// A template whose result cannot be sent.
pub fn unrendered(error: &RenderError) -> EngineError {
    EngineError::Unrenderable(format!("failed to {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_that_is_too_small_is_want_of_capacity() {
        let said = r#"pods "web" is forbidden: exceeded quota: dayfly, requested: limits.memory=256Mi, used: limits.memory=0, limited: limits.memory=10Mi"#;
        let EngineError::Capacity(told) = not_started("web", said) else { unreachable!() };
        assert!(told.contains("limits.memory=10Mi"), "{told}");
    }

    #[test]
    fn who_refused_is_named() {
        let reasons = [
            (r#"admission webhook "policy.example.com" denied the request: no"#, "policy.example.com"),
            (
                r#"pods "a" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true"#,
                "Pod Security",
            ),
            (r#"pods is forbidden: User "ci" cannot create resource "pods" in API group """#, "rbac-cli.yaml"),
        ];
        for (said, named) in reasons {
            assert!(reason(said).contains(named) && reason(said).contains("the cluster says"), "{said}");
        }
        assert_eq!(reason("odd"), "odd");
    }
}
