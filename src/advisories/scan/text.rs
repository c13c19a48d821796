//! A scan as text. Pure.

use std::fmt::Write as _;

use crate::findings::{Finding, ScanResult, WaiverUse, words};
use crate::model::{Verdict, sanitize};

/// Most findings that the text lists.
const MAX_LISTED: usize = 500;
/// Most files that the text names.
const MAX_SOURCES: usize = 5;

/// Renders the result; ends with a line end.
pub fn render(result: &ScanResult) -> String {
    let mut text = String::new();
    let mut last = None;
    for finding in result.findings.iter().take(MAX_LISTED) {
        let of = (&finding.ecosystem, &finding.package, &finding.version);
        if last != Some(of) {
            package(&mut text, finding);
            last = Some(of);
        }
        one(&mut text, finding);
    }
    if result.findings.len() > MAX_LISTED {
        writeln!(text, "… and {} more; --output json lists all", result.findings.len() - MAX_LISTED).ok();
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let more = result.sources.len().saturating_sub(MAX_SOURCES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let sources = result.sources.iter().take(MAX_SOURCES).cloned().collect::<Vec<_>>().join(", ");
    writeln!(text, "read           {}{more}", sanitize::one_line(&sources, 400)).ok();
    for c in &result.coverage {
        writeln!(text, "{:<14} {}", c.ecosystem.as_str(), words::coverage(c)).ok();
    }
    if let Some(database) = &result.database {
        writeln!(text, "advisories     {}", words::database(database)).ok();
    }
    for told in result.waivers.iter().filter_map(WaiverUse::notice) {
        writeln!(text, "{}", sanitize::one_line(&told, 400)).ok();
    }
    let title = match result.verdict {
        Verdict::Passed => "PASSED",
        Verdict::Failed => "FAILED",
        Verdict::Inconclusive => "INCONCLUSIVE",
    };
    writeln!(text, "\n{title}").ok();
    for reason in &result.reasons {
        writeln!(text, "  {}", sanitize::one_line(reason, 400)).ok();
    }
    text
}

fn package(text: &mut String, finding: &Finding) {
    writeln!(text, "{}  {}", words::package(finding), words::places(finding)).ok();
}

fn one(text: &mut String, finding: &Finding) {
    writeln!(text, "  {:<10} {}", words::severity(finding), words::ids(finding)).ok();
    for line in words::summary(finding).into_iter().chain([words::fix(finding)]) {
        writeln!(text, "             {line}").ok();
    }
}
