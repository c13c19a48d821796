//! From an engine's own words to a reason with what to do. Pure.

use bollard::errors::Error;

use crate::engine::{EngineError, Leftover};

/// What an engine says when something is missing, and what that means here. The first match counts.
const REASONS: [(&[&str], &str); 14] = [
    (&["executable file not found"], "its command is not in the image"),
    (&["exec format error"], "its program is for another processor, or its script lacks the `#!` line"),
    (&["no such file or directory", "exec"], "its command, or the interpreter that it names, is not in the image"),
    (&["permission denied", "exec"], "its command is not executable for the user that it runs as"),
    (
        &["rlimit"],
        "the engine may not set its default limits (ulimits): set `default_ulimits = []` under `[containers]` in containers.conf",
    ),
    (
        &["disable_ipv6"],
        "the engine may not switch off IPv6 in the container; update the engine, or boot with ipv6.disable=1",
    ),
    (
        &["cgroup", "permission denied"],
        "the engine may not set limits: for rootless engines, delegate the cpu, memory and pids controllers to the user's systemd session",
    ),
    (
        &["cgroup"],
        "the engine could not set limits; check that its cgroup manager fits the host (`podman info`, `docker info`)",
    ),
    (&["unable to find user"], "the user it is to run as is not in the image; set `security.user` to a number"),
    (
        &["no matching entries in passwd"],
        "the user it is to run as is not in the image; set `security.user` to a number",
    ),
    (&["address already in use"], "an address or port is taken"),
    (&["already allocated"], "an address is taken by another container"),
    (&["no such image"], "its image was removed meanwhile; run again to fetch it"),
    (&["is not running"], "it does not run"),
];

/// Signs that something ran out, and what.
const CAPACITY: [(&[&str], &str); 6] = [
    (
        &["no space left on device"],
        "the disk of the container engine is full; free space, or remove unused images and volumes",
    ),
    (
        &["could not find free subnet"],
        "the engine has no free subnet left; remove unused environments (`dayfly reap`) and networks",
    ),
    (
        &["could not find an available", "address pool"],
        "the engine has no free subnet left; remove unused environments (`dayfly reap`) and networks",
    ),
    (&["no available ip"], "a network has no free address left"),
    (&["cannot allocate memory"], "this host has no memory left"),
    (&["too many open files"], "the engine has too many files open; raise its LimitNOFILE"),
];

/// The engine's own words, in one line.
pub fn words(error: &Error) -> String {
    let text = match error {
        Error::DockerResponseServerError { message, .. } => message.clone(),
        Error::DockerStreamError { error } => error.clone(),
        Error::RequestTimeoutError => "the engine did not answer in time".into(),
        other => chain(other),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An error with all that it came from, each part once.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

/// HTTP status, where the engine answered with one.
pub fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// What ran out, if that is what the words say.
pub fn capacity(words: &str) -> Option<String> {
    find(&CAPACITY, words).map(|means| format!("{means} (the engine says: {words})"))
}

/// The reason behind the words, with the words.
pub fn reason(words: &str) -> String {
    match find(&REASONS, words) {
        Some(means) => format!("{means} (the engine says: {words})"),
        None => words.to_owned(),
    }
}

/// What the words mean by this table: the first entry all of whose signs are in them.
pub fn find(table: &[(&[&str], &'static str)], words: &str) -> Option<&'static str> {
    let words = words.to_lowercase();
    table.iter().find(|(signs, _)| signs.iter().all(|s| words.contains(s))).map(|(_, means)| *means)
}

/// An operation that failed; `what` is a verb phrase.
pub fn failed(what: &str, words: &str, leftover: Leftover) -> EngineError {
    match capacity(words) {
        Some(what) => EngineError::Capacity(what),
        None => EngineError::Api { what: what.to_owned(), detail: reason(words), leftover },
    }
}

/// A container that could not be made or started.
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
    fn a_missing_command_is_named_as_such() {
        let said = r#"runc: runc create failed: unable to start container process: exec: "nope": executable file not found in $PATH"#;
        let EngineError::Start { unit, reason, .. } = not_started("web", said) else { unreachable!() };
        assert_eq!(unit, "web");
        assert!(reason.starts_with("its command is not in the image") && reason.contains("\"nope\""), "{reason}");
    }

    #[test]
    fn a_full_disk_and_spent_subnets_are_want_of_capacity() {
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

    #[test]
    fn unknown_words_are_passed_on_as_they_are() {
        assert_eq!(reason("something odd"), "something odd");
    }
}
