//! Translates an engine's errors into reasons with advice. Pure.

use bollard::errors::Error;

use crate::engine::words::{chain, find, reason};
use crate::engine::{EngineError, Leftover};

/// Messages of exhausted resources, and their explanations.
const CAPACITY: [(&[&str], &str); 6] = [
    (
        &["no space left on device"],
        "the disk of the container engine is full; free space, or remove unused images and volumes",
    ),
    (
        &["could not find free subnet"],
        "the engine has no free subnet left; remove unused environments (`dayfly reap --orphans --idle 1h`) and networks",
    ),
    (
        &["could not find an available", "address pool"],
        "the engine has no free subnet left; remove unused environments (`dayfly reap --orphans --idle 1h`) and networks",
    ),
    (&["no available ip"], "a network has no free address left"),
    (&["cannot allocate memory"], "this host has no memory left"),
    (&["too many open files"], "the engine has too many files open; raise its LimitNOFILE"),
];

/// Returns the engine's message, in one line.
pub fn words(error: &Error) -> String {
    let text = match error {
        Error::DockerResponseServerError { message, .. } => message.clone(),
        Error::DockerStreamError { error } => error.clone(),
        Error::RequestTimeoutError => "the engine did not answer in time".into(),
        other => chain(other),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the HTTP status, if the engine answered.
pub fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Returns true if the name is in use, which podman 4 reports with status 500.
pub fn is_name_in_use(error: &Error) -> bool {
    status(error) == Some(409) || words(error).contains("already in use")
}

/// Explains which resource is exhausted, if the message says so.
pub fn capacity(words: &str) -> Option<String> {
    find(&CAPACITY, words).map(|means| format!("{means} (the engine says: {words})"))
}

/// Builds the error of a failed operation; `what` is a verb phrase.
pub fn failed(what: &str, words: &str, leftover: Leftover) -> EngineError {
    match capacity(words) {
        Some(what) => EngineError::Capacity(what),
        None => EngineError::Api { what: what.to_owned(), detail: reason(words), leftover },
    }
}

/// Builds the error of a container that could not be created or started.
pub fn not_started(unit: &str, words: &str) -> EngineError {
    match capacity(words) {
        Some(what) => EngineError::Capacity(what),
        None => EngineError::Start { unit: unit.to_owned(), reason: reason(words), leftover: Leftover::Removable },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explains_a_missing_command() {
        let said = r#"runc: runc create failed: unable to start container process: exec: "nope": executable file not found in $PATH"#;
        let EngineError::Start { unit, reason, .. } = not_started("web", said) else { unreachable!() };
        assert_eq!(unit, "web");
        assert!(reason.starts_with("its command is not in the image") && reason.contains("\"nope\""), "{reason}");
    }

    #[test]
    fn classifies_a_full_disk_and_exhausted_subnets_as_capacity() {
        for said in [
            "write /x: no space left on device",
            "could not find free subnet from subnet pools",
            "could not find an available, non-overlapping IPv4 address pool among the defaults",
        ] {
            assert!(
                matches!(failed("create network x", said, Leftover::Removable), EngineError::Capacity(_)),
                "{said}"
            );
        }
    }
}
