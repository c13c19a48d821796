//! One line of TAP, without its indentation.

use crate::suite::results::text::cut;

/// A line.
pub(super) enum Line<'a> {
    /// `1..5`, or `1..0 # SKIP reason`.
    Plan { tests: u64, reason: &'a str },
    /// `ok` or `not ok`.
    Test(TestLine),
    /// `Bail out! reason`.
    BailOut(&'a str),
    /// `# Subtest: name`.
    Subtest,
    /// A comment, a version, a pragma, or output that is not TAP.
    Other,
}

/// `not ok 3 - name # TODO reason`.
pub(super) struct TestLine {
    pub(super) ok: bool,
    pub(super) number: Option<u64>,
    pub(super) name: String,
    pub(super) directive: Option<Directive>,
    pub(super) reason: String,
}

pub(super) enum Directive {
    /// Did not run.
    Skip,
    /// Known to fail.
    Todo,
}

pub(super) fn parse(text: &str) -> Result<Line<'_>, String> {
    if let Some(version) = text.strip_prefix("TAP version ") {
        return match version.trim() {
            "12" | "13" | "14" => Ok(Line::Other),
            other => Err(format!("it is of the unknown TAP version `{}`", cut(other, 20))),
        };
    }
    if let Some(reason) = text.get(..9).filter(|t| t.eq_ignore_ascii_case("bail out!")).and(text.get(9..)) {
        return Ok(Line::BailOut(reason.trim()));
    }
    if text.starts_with("# Subtest") {
        return Ok(Line::Subtest);
    }
    if let Some(plan) = text.strip_prefix("1..") {
        return Ok(plan_line(plan));
    }
    let (ok, rest) = match (text.strip_prefix("ok"), text.strip_prefix("not ok")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return Ok(Line::Other),
    };
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        return Ok(Line::Other);
    }
    test_line(ok, rest.trim()).map(Line::Test)
}

fn plan_line(text: &str) -> Line<'_> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (tests, rest) = text.split_at(digits);
    let rest = rest.trim();
    if tests.is_empty() || !(rest.is_empty() || rest.starts_with('#')) {
        return Line::Other;
    }
    // More digits than a number has are more tests than are ever read.
    Line::Plan { tests: tests.parse().unwrap_or(u64::MAX), reason: rest.trim_start_matches('#').trim() }
}

fn test_line(ok: bool, text: &str) -> Result<TestLine, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    let (number, rest) =
        if rest.is_empty() || rest.starts_with([' ', '\t']) { (number, rest.trim_start()) } else { ("", text) };
    let number = match number {
        "" => None,
        text => Some(text.parse().map_err(|_| format!("a test has the number {}", cut(text, 40)))?),
    };
    let rest = rest.strip_prefix('-').map_or(rest, str::trim_start);
    let (name, directive, reason) = split_directive(rest);
    Ok(TestLine { ok, number, name: unescape(name), directive, reason: unescape(reason) })
}

/// Splits `name # SKIP reason`; a `#` after a backslash belongs to the name.
fn split_directive(text: &str) -> (&str, Option<Directive>, &str) {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        let begins = c == '#' && !escaped && (at == 0 || text[..at].ends_with([' ', '\t']));
        escaped = c == '\\' && !escaped;
        if !begins {
            continue;
        }
        let rest = text[at + 1..].trim_start();
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (word, reason) = rest.split_at(end);
        let directive = match word.to_ascii_uppercase().as_str() {
            "SKIP" | "SKIPPED" => Directive::Skip,
            "TODO" => Directive::Todo,
            _ => continue,
        };
        return (text[..at].trim_end(), Some(directive), reason.trim_start_matches(':').trim());
    }
    (text.trim_end(), None, "")
}

fn unescape(text: &str) -> String {
    text.replace("\\#", "#").replace("\\\\", "\\")
}
