//! The words that all views share: outcomes, durations, departures, and text made safe to print.

use jiff::Timestamp;

use super::facts::{CaseFact, CauseKind, Facts, SuiteFact, UnitFact};
use crate::engine::EngineKind;
use crate::model::{Outcome, Verdict};
use crate::spec::model::SuiteKind;

/// The outcome in one capitalised word. A report saved while the run went on is never shown as passed.
pub fn outcome(facts: &Facts) -> &'static str {
    match facts.outcome() {
        Outcome::Passed | Outcome::Inconclusive if facts.finished.is_none() && facts.causes.is_empty() => "UNFINISHED",
        Outcome::Passed => "PASSED",
        Outcome::Failed => "FAILED",
        Outcome::Inconclusive => "INCONCLUSIVE",
        Outcome::Error => "ERROR",
        Outcome::Aborted => "ABORTED",
    }
}

/// The verdict of a case; none is a case that did not run.
pub fn verdict(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Passed) => "passed",
        Some(Verdict::Failed) => "failed",
        Some(Verdict::Inconclusive) => "inconclusive",
        None => "skipped",
    }
}

/// The verdict of a suite; none is a suite that never came to its end.
pub fn suite_verdict(suite: &SuiteFact) -> &'static str {
    suite.verdict.map_or("unfinished", |v| verdict(Some(v)))
}

/// `acceptance` or `security`.
pub fn suite_kind(kind: SuiteKind) -> &'static str {
    match kind {
        SuiteKind::Acceptance => "acceptance",
        SuiteKind::Security => "security",
    }
}

/// Id and name of a case on one line, the name only where the id does not end with it already.
pub fn case(case: &CaseFact) -> String {
    let (id, name) = (one_line(&case.id, 200), one_line(&case.name, 300));
    if id.ends_with(&name) { id } else { format!("{id} {name}") }
}

/// A cause in a few words, to stand before its sentence.
pub fn cause(kind: CauseKind) -> &'static str {
    match kind {
        CauseKind::Unexpected => "unexpected",
        CauseKind::Invalid => "invalid",
        CauseKind::NoCapacity => "no capacity",
        CauseKind::NotReady => "not ready",
        CauseKind::AcceptanceFailed => "acceptance failed",
        CauseKind::SecurityFailed => "security failed",
        CauseKind::Inconclusive => "inconclusive",
        CauseKind::NoEvidence => "no evidence",
        CauseKind::TeardownIncomplete => "teardown incomplete",
        CauseKind::Refused => "refused",
        CauseKind::Interrupted => "interrupted",
        CauseKind::Superseded => "superseded",
    }
}

/// Product and version where known, else the kind of engine.
pub fn engine(facts: &Facts) -> String {
    match (&facts.engine_info, facts.engine) {
        (Some(info), _) => one_line(&format!("{} {}", info.product, info.version), 80),
        (None, EngineKind::Local) => "local engine".into(),
        (None, EngineKind::Kubernetes) => "kubernetes".into(),
        (None, EngineKind::Fake) => "fake engine (nothing real)".into(),
    }
}

/// The commit's first 12 characters, or `no commit given`.
pub fn commit(facts: &Facts) -> String {
    let commit = one_line(&facts.change.commit, 200);
    if commit.is_empty() { "no commit given".into() } else { commit.chars().take(12).collect() }
}

/// Milliseconds for a reader: `350 ms`, `4.2 s`, `3 min 12 s`, `1 h 02 min`.
pub fn duration(ms: u64) -> String {
    let s = ms / 1000;
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{} s", s, ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
    }
}

/// Milliseconds from one to the other, none for what goes backwards.
pub fn between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millisecond().saturating_sub(from.as_millisecond())).unwrap_or(0)
}

/// How long a run or suite took, or that it has not ended.
pub fn took(from: Timestamp, to: Option<Timestamp>) -> String {
    to.map_or_else(|| "unfinished".to_owned(), |to| duration(between(from, to)))
}

/// `2026-01-02 03:04:05 UTC`.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How a unit departs from the secure defaults, in a few words each, without the reason.
pub fn departures(unit: &UnitFact) -> Vec<String> {
    let c = &unit.confinement;
    let mut found = Vec::new();
    if c.root || c.user.as_deref().is_some_and(|u| u == "0" || u.starts_with("0:")) {
        found.push("may run as root".to_owned());
    }
    if c.writable_root {
        found.push("may write to its image's files".to_owned());
    }
    if !c.capabilities.is_empty() {
        found.push(one_line(&format!("keeps {}", c.capabilities.join(", ")), 300));
    }
    found
}

/// Text in which nothing moves a cursor, hides or reorders what is read; line ends and tabs stay.
pub fn plain(text: &str) -> String {
    let mark = |c: char| if c == '\n' || c == '\t' || !is_unseen(c) { c } else { '\u{fffd}' };
    text.replace("\r\n", "\n").chars().map(mark).collect()
}

/// `plain` on one line, at most `most` characters, `…` where something was left out.
pub fn one_line(text: &str, most: usize) -> String {
    let line = plain(text).split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&line, most)
}

/// `plain`, at most `most` characters, saying what was left out.
pub fn block(text: &str, most: usize) -> String {
    let text = plain(text);
    let text = text.trim_end();
    let left = text.chars().count().saturating_sub(most);
    if left == 0 { text.to_owned() } else { format!("{} … and {left} characters more", cut(text, most)) }
}

/// Text that a CI system does not take for a command when a log shows it: GitHub obeys lines that begin with `::`,
/// and `##[` anywhere in a line.
pub fn inert(text: &str) -> String {
    let line = |line: &str| match line.trim_start().strip_prefix("::") {
        Some(rest) => format!("{}: :{rest}", &line[..line.len() - line.trim_start().len()]),
        None => line.to_owned(),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n").replace("##[", "## [")
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Control characters, and those that turn the direction of reading or take no room.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_for_readers() {
        let written = [0, 999, 1000, 59_999, 60_000, 192_000, 3_599_999, 3_600_000, 90_000_000].map(duration);
        assert_eq!(
            written,
            [
                "0 ms",
                "999 ms",
                "1.0 s",
                "59.9 s",
                "1 min 00 s",
                "3 min 12 s",
                "59 min 59 s",
                "1 h 00 min",
                "25 h 00 min"
            ]
        );
    }

    #[test]
    fn no_line_is_a_command_of_ci() {
        assert_eq!(inert("a::b\n  ::error::x\n::\n##[group]y"), "a::b\n  : :error::x\n: :\n## [group]y");
    }

    #[test]
    fn text_cannot_move_the_cursor_or_turn_the_direction_of_reading() {
        assert_eq!(plain("a\u{1b}[2Jb\r\nc\td\u{202e}e\u{9b}x"), "a\u{fffd}[2Jb\nc\td\u{fffd}e\u{fffd}x");
        assert_eq!(one_line("  a\n\n b\u{7}  ", 10), "a b\u{fffd}");
        assert_eq!(one_line("abcdef", 4), "abc…");
        assert_eq!(block("ééééé", 3), "éé… … and 2 characters more");
    }
}
