//! Messages of errors, and explanations for messages of container runtimes, which every engine passes on. Pure.

/// Engine messages and their explanations; the first match counts.
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

/// Most names in a list.
const LISTED: usize = 8;

/// Why a command cannot run in a unit whose process is in this state of the engine; none if it was never created.
pub fn not_running(unit: &str, state: Option<&str>) -> String {
    match state {
        None | Some("created" | "waiting") => format!("{unit} has not been started yet"),
        Some("exited" | "stopped" | "dead") => format!("{unit} is not running: it has ended"),
        Some(state) => format!("{unit} is not running: it is {state}"),
    }
}

/// Names in a sentence; none if there are none.
pub fn listed<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    let shown = names.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => None,
        all if all > LISTED => Some(format!("{shown} and {} more", all - LISTED)),
        _ => Some(shown),
    }
}

/// The message of an error with those of its sources, each once.
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

/// Explains a message, and quotes it.
pub fn reason(words: &str) -> String {
    match find(&REASONS, words) {
        Some(means) => format!("{means} (the engine says: {words})"),
        None => words.to_owned(),
    }
}

/// Returns the explanation of the first entry whose phrases all occur all in the message.
pub fn find(table: &[(&[&str], &'static str)], words: &str) -> Option<&'static str> {
    let words = words.to_lowercase();
    table.iter().find(|(signs, _)| signs.iter().all(|s| words.contains(s))).map(|(_, means)| *means)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_unknown_messages_on() {
        assert_eq!(reason("something odd"), "something odd");
    }
}
