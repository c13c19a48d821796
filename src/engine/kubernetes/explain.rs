//! Turns messages of the API server into reasons with advice. Pure.

use kube::Error;
use kube::core::response::Status;

use crate::engine::words::{chain, find};
use crate::engine::{EngineError, Leftover};
use crate::render::kubernetes::RenderError;

/// Phrases of the API server's refusals, and their meanings. The first match counts.
const REFUSALS: [(&[&str], &str); 6] = [
    (
        &["violates podsecurity"],
        "the cluster's Pod Security refuses it: give the service a numeric `security.user`, or drop what it asks for under `security`",
    ),
    (&["admission webhook"], "an admission webhook of the cluster refuses it; its owner knows why"),
    (&["validatingadmissionpolicy"], "an admission policy of the cluster refuses it; its owner knows why"),
    (&["unable to create new content in namespace", "being terminated"], "its namespace is being removed"),
    (
        &["is forbidden: user", "cannot"],
        "this user may not do it: grant what manifests/install/rbac-cli.yaml grants (`dayfly doctor --engine kubernetes` lists what is missing)",
    ),
    (&["unauthorized"], "the cluster does not accept the credentials of this context: log in again"),
];

/// Phrases for exhausted capacity.
const CAPACITY: [&[&str]; 3] = [&["exceeded quota"], &["maximum", "usage per"], &["no space left"]];

/// The message of an error, in one line.
pub fn words(error: &Error) -> String {
    let text = match error {
        Error::Api(status) => status.message.clone(),
        other => chain(other),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The API server's answer, if it answered.
pub fn status(error: &Error) -> Option<&Status> {
    match error {
        Error::Api(status) => Some(status),
        _ => None,
    }
}

/// Reports whether the object does not exist.
pub fn is_missing(error: &Error) -> bool {
    status(error).is_some_and(Status::is_not_found)
}

/// Reports whether another client changed or created the object first.
pub fn is_conflict(error: &Error) -> bool {
    status(error).is_some_and(|s| s.is_conflict() || s.is_already_exists())
}

/// Reports whether an object of that name exists.
pub fn is_there_already(error: &Error) -> bool {
    status(error).is_some_and(Status::is_already_exists)
}

/// Reports whether a quota has not counted its usage yet, or still counts deleted objects. This applies to the environment's
/// own quota, which has room for everything in it; another quota may really be exhausted.
pub fn is_uncounted(words: &str) -> bool {
    ["status unknown for quota", "exceeded quota: dayfly,"].iter().any(|late| words.contains(late))
}

/// Explains a message, and quotes it.
pub fn reason(words: &str) -> String {
    match find(&REFUSALS, words) {
        Some(means) => format!("{means} (the cluster says: {words})"),
        None => words.to_owned(),
    }
}

/// The exhausted resource, if the message names one.
pub fn capacity(words: &str) -> Option<String> {
    let lower = words.to_lowercase();
    let short = CAPACITY.iter().any(|signs| signs.iter().all(|s| lower.contains(s)));
    short.then(|| format!("the cluster has no capacity for it: {words}"))
}

/// The error of a failed operation; `what` is a verb phrase.
pub fn failed(what: &str, error: &Error, leftover: Leftover) -> EngineError {
    refused(what, &words(error), leftover)
}

/// As `failed`, from a message.
pub fn refused(what: &str, words: &str, leftover: Leftover) -> EngineError {
    match capacity(words) {
        Some(what) => EngineError::Capacity(what),
        None => EngineError::Api { what: what.to_owned(), detail: reason(words), leftover },
    }
}

/// The error of a pod or Job that could not be created.
pub fn not_started(unit: &str, words: &str) -> EngineError {
    match capacity(words) {
        Some(what) => EngineError::Capacity(format!("{unit}: {what}")),
        None => EngineError::Start { unit: unit.to_owned(), reason: reason(words), leftover: Leftover::Removable },
    }
}

/// The error of a template whose result cannot be sent.
pub fn unrendered(error: &RenderError) -> EngineError {
    EngineError::Unrenderable(format!("failed to {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_an_exceeded_quota_as_missing_capacity() {
        let said = r#"pods "web" is forbidden: exceeded quota: dayfly, requested: limits.memory=256Mi, used: limits.memory=0, limited: limits.memory=10Mi"#;
        let EngineError::Capacity(told) = not_started("web", said) else { unreachable!() };
        assert!(told.contains("limits.memory=10Mi"), "{told}");
    }

    #[test]
    fn names_the_component_that_refused() {
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
