//! Tells how much a log line says about a cause. Pure.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::spec::backing::KindName;

/// How much a line says, from a warning to a refusal that names who was refused what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Telling {
    /// A warning.
    Warning,
    /// An error of any kind.
    Error,
    /// A peer was not reached, or not trusted.
    Unreachable,
    /// The process gave up: the last line of a traceback, a panic, a fatal error.
    Fatal,
    /// The system refused a resource: memory, space, a port, a file.
    Resource,
    /// A server refused a client, or lacks what it asked for.
    Refused,
}

/// Phrases of clients and servers, in any case.
const PHRASES: [(Telling, &[&str]); 3] = [
    (
        Telling::Refused,
        &[
            "access_refused",
            "accessrefused",
            "access refused",
            "login refused",
            "refused for user",
            "invalid credentials",
            "authenticationerror",
            "authentication failed",
            "permission denied for ",
            "insufficientprivilege",
            "no pg_hba.conf entry",
            "not_found - no ",
            "exception not_found",
            "precondition_failed",
            "not_allowed",
            "resource_locked",
            "channelclosedbybroker",
            "connectionclosedbybroker",
            "does not exist",
            "undefinedtable",
            "undefinedcolumn",
        ],
    ),
    (
        Telling::Resource,
        &[
            "no space left",
            "out of memory",
            "cannot allocate memory",
            "memoryerror",
            "oom-kill",
            "read-only file system",
            "permission denied",
            "permissionerror",
            "operation not permitted",
            "address already in use",
            "address in use",
            "eaddrinuse",
            "too many open files",
            "modulenotfounderror",
            "command not found",
        ],
    ),
    (
        Telling::Unreachable,
        &[
            "connection refused",
            "connectionrefused",
            "econnrefused",
            "connection reset",
            "connection timed out",
            "connect timeout",
            "no route to host",
            "is unreachable",
            "name or service not known",
            "name resolution",
            "could not translate host name",
            "no such host",
            "enotfound",
            "eai_again",
            "gaierror",
            "certificate verify failed",
            "certificate has expired",
            "self-signed certificate",
            "self signed certificate",
            "unknown ca",
            "unknown authority",
            "unknownissuer",
            "hostname mismatch",
            "handshake failure",
            "x509:",
        ],
    ),
];

/// Words that name the level of a line, or the kind of what was thrown.
const WORDS: [(Telling, &str); 11] = [
    (Telling::Fatal, "fatal"),
    (Telling::Fatal, "critical"),
    (Telling::Fatal, "panic"),
    (Telling::Fatal, "panicked"),
    (Telling::Fatal, "emerg"),
    (Telling::Error, "traceback"),
    (Telling::Error, "exception"),
    (Telling::Error, "error"),
    (Telling::Error, "err"),
    (Telling::Warning, "warning"),
    (Telling::Warning, "warn"),
];

/// The beginning of a Python traceback.
const TRACEBACK: &str = "Traceback (most recent call last)";

struct Tables {
    phrases: AhoCorasick,
    phrase_of: Vec<Telling>,
    words: AhoCorasick,
}

static TABLES: LazyLock<Option<Tables>> = LazyLock::new(|| {
    let phrases = PHRASES.iter().flat_map(|(telling, all)| all.iter().map(|p| (*telling, *p)));
    let refusals = KindName::ALL.into_iter().flat_map(|kind| kind.about().refusals);
    let phrases = phrases.chain(refusals.map(|(said, _)| (Telling::Refused, *said)));
    let (phrase_of, texts): (Vec<_>, Vec<_>) = phrases.unzip();
    let any_case = |texts: &[&str]| AhoCorasick::builder().ascii_case_insensitive(true).build(texts).ok();
    Some(Tables { phrases: any_case(&texts)?, phrase_of, words: any_case(&WORDS.map(|(_, word)| word))? })
});

/// Reads the lines of one log in order.
#[derive(Debug, Default)]
pub struct Reader {
    in_traceback: bool,
}

impl Reader {
    /// Returns true if the lines read last are those of a traceback that goes on.
    pub fn in_traceback(&self) -> bool {
        self.in_traceback
    }

    /// What the next line tells; none if it tells nothing.
    pub fn read(&mut self, line: &str) -> Option<Telling> {
        if line.contains(TRACEBACK) {
            self.in_traceback = true;
            return None;
        }
        let inside = self.in_traceback && (line.starts_with([' ', '\t']) || line.trim().is_empty());
        if inside {
            return None;
        }
        let ends = std::mem::take(&mut self.in_traceback);
        telling(line).max(ends.then_some(Telling::Fatal))
    }
}

/// What a line tells on its own.
pub fn telling(line: &str) -> Option<Telling> {
    let tables = TABLES.as_ref()?;
    let phrases = tables.phrases.find_overlapping_iter(line).map(|m| tables.phrase_of[m.pattern().as_usize()]);
    let words = tables.words.find_overlapping_iter(line);
    let words = words.filter(|m| stands_alone(line, m.start(), m.end())).map(|m| WORDS[m.pattern().as_usize()].0);
    phrases.chain(words).max()
}

/// Returns true if the word is a word of its own, or the end of a name such as `KeyError`, and says that something happened.
fn stands_alone(line: &str, start: usize, end: usize) -> bool {
    let (before, word, after) = (&line[..start], &line[start..end], &line[end..]);
    if after.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '/') {
        return false;
    }
    let of_a_name = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    if of_a_name && !(word.starts_with(char::is_uppercase) && before.ends_with(char::is_lowercase)) {
        return false;
    }
    // Only the end is looked at: a line may hold thousands of such words.
    let ends = |n: &str| {
        before.len() >= n.len() && before.as_bytes()[before.len() - n.len()..].eq_ignore_ascii_case(n.as_bytes())
    };
    let nothing_before = ["no ", "0 ", "without ", "/"].into_iter().any(ends);
    !nothing_before && !is_nothing(after)
}

/// Returns true for `=0`, `": null` and the like.
fn is_nothing(after: &str) -> bool {
    let value = after.trim_start_matches(['"', '\'', ' ']);
    let Some(value) = value.strip_prefix([':', '=']).filter(|_| value.len() < after.len() || !value.starts_with(": "))
    else {
        return false;
    };
    let value = value.trim_start();
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '.');
    ["0", "null", "None", "none", "false", "False", "\"\"", "nil", "<nil>"]
        .iter()
        .any(|nothing| value.strip_prefix(nothing).is_some_and(ends))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_clients_and_servers_say() {
        for (line, expected) in [
            (
                r#"[error] <0.1.0> operation basic.publish caused a channel exception access_refused: "access to exchange 'ex' in vhost 'v' refused for user 'a'""#,
                Telling::Refused,
            ),
            (r#"{"event": "broker away", "user": "file-api", "error": "ChannelAccessRefused"}"#, Telling::Refused),
            (
                r#"2024-01-01 00:00:00.000 UTC [1] FATAL:  password authentication failed for user "app""#,
                Telling::Refused,
            ),
            (r#"ERROR:  permission denied for table orders"#, Telling::Refused),
            (r#"ERROR:  relation "orders" does not exist at character 13"#, Telling::Refused),
            ("OSError: [Errno 30] Read-only file system: '/data/x'", Telling::Resource),
            ("bind: address already in use", Telling::Resource),
            ("panic: runtime error: index out of range", Telling::Fatal),
            ("dial tcp: lookup mq: no such host", Telling::Unreachable),
            ("ssl.SSLCertVerificationError: certificate verify failed: Hostname mismatch", Telling::Unreachable),
            ("KeyError: 'PORT'", Telling::Error),
            ("level=error msg=\"cannot write\"", Telling::Error),
            ("npm ERR! missing script", Telling::Error),
            ("2024-01-01 00:00:00 [warning] <0.2.0> overloaded", Telling::Warning),
        ] {
            assert_eq!(telling(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn finds_nothing_in_ordinary_lines() {
        for line in [
            "listening on 8080",
            "GET /errors/404 200",
            "GET /v1/error HTTP/1.1\" 200",
            "finished with 0 errors",
            "done: no error",
            r#"{"event": "request", "status": 200, "error": null}"#,
            "error=0 warnings=0",
            "errors: none",
            "terror",
            "",
        ] {
            assert_eq!(telling(line), None, "{line}");
        }
    }

    #[test]
    fn a_traceback_tells_by_its_last_line() {
        let mut reader = Reader::default();
        let lines = [TRACEBACK, "  File \"x.py\", line 1, in <module>", "    error()", "shop.Broken: no stock", "on"];
        assert_eq!(lines.map(|line| reader.read(line)), [None, None, None, Some(Telling::Fatal), None]);
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_read(line in ".{0,200}", around in "(error|warn|é|:|=| |null|0){0,12}") {
            telling(&line);
            Reader::default().read(&around);
        }
    }
}
