//! A scan as text. Pure.

use std::fmt::Write as _;

use super::outcome::{Finding, ScanResult};
use super::waiver_use::WaiverUse;
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
        let known = match c.snapshot {
            Some(at) => format!("{} advisories of {}", c.records, at.strftime("%Y-%m-%d")),
            None => "no advisories".to_owned(),
        };
        writeln!(text, "{:<14} {} package(s), {known}", c.ecosystem.as_str(), c.packages).ok();
    }
    if let Some(database) = &result.database {
        let by = database.verified_by.as_ref().map_or("signature not checked".to_owned(), |k| format!("signed by {k}"));
        writeln!(text, "advisories     bundle {}, {by}", database.sequence).ok();
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
    let mut places: Vec<String> = finding.places.iter().take(3).map(ToString::to_string).collect();
    if finding.places.len() > 3 {
        places.push(format!("and {} more", finding.places.len() - 3));
    }
    let by: Vec<&String> = finding.brought_by.iter().filter(|b| **b != finding.package).collect();
    let by = if by.is_empty() { String::new() } else { format!(", brought by {}", join(&by)) };
    let inside = finding.vendored_in.as_ref().map(|o| format!(", a copy inside of {o}")).unwrap_or_default();
    let source = finding.source.as_ref().map(|s| format!(", of {s}")).unwrap_or_default();
    let Finding { package, version, ecosystem, .. } = finding;
    let what = sanitize::one_line(&format!("{package} {version} ({ecosystem}{source}){inside}{by}"), 300);
    writeln!(text, "{what}  {}", sanitize::one_line(&places.join(", "), 300)).ok();
}

fn one(text: &mut String, finding: &Finding) {
    let word = match &finding.notice {
        _ if finding.malicious => "MALICIOUS",
        Some(notice) => notice.as_str(),
        None => finding.severity.word(),
    };
    let aliases = if finding.aliases.is_empty() { String::new() } else { format!(" ({})", finding.aliases.join(", ")) };
    let exploited = if finding.exploited { ", exploited" } else { "" };
    let accepted = match (&finding.waiver, finding.leeway_until) {
        (Some(waiver), _) => {
            let end = waiver.expires.as_ref().map(|d| format!(" until {d}")).unwrap_or_default();
            format!(", waived{end}: {}", waiver.reason)
        }
        (None, Some(end)) => format!(", fails from {} on", end.strftime("%Y-%m-%d")),
        (None, None) if finding.fails => String::new(),
        (None, None) => ", accepted by the policy".to_owned(),
    };
    let head = format!("{}{aliases}{exploited}{accepted}", finding.id);
    writeln!(text, "  {:<10} {}", sanitize::one_line(word, 20), sanitize::one_line(&head, 300)).ok();
    if !finding.summary.is_empty() {
        writeln!(text, "             {}", sanitize::one_line(&finding.summary, 160)).ok();
    }
    let fix = match (&finding.fixes_everything, finding.fixed_in.as_slice()) {
        (Some(all), [first, ..]) if all == first => format!("fixed in {all}, which fixes everything"),
        (Some(all), fixed) => format!("fixed in {}; {all} fixes everything", join(fixed)),
        (None, []) => "no version is known to fix it".to_owned(),
        (None, fixed) => format!("fixed in {}", join(fixed)),
    };
    writeln!(text, "             {}", sanitize::one_line(&fix, 200)).ok();
}

fn join(all: &[impl AsRef<str>]) -> String {
    all.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}
