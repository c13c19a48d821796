//! The index of an audit as Markdown. Pure.

use std::fmt::Write as _;

use super::merge::Proof;
use super::rows::{AuditIndex, SuiteRow};
use crate::evidence::verify::outcome_name;
use crate::model::Verdict;
use crate::report::markdown::escape;

/// Longest text of others in a cell, in characters.
const MAX_TEXT: usize = 200;

/// The page; everything of it is in `index.json`, too.
pub fn page(index: &AuditIndex) -> String {
    let mut text = format!(
        "# Audit of {} to {}\n\nMade on {} by dayfly {}. `index.json` holds everything that stands here; `verify.sh` verifies the records with openssl, \
         jq and sha256sum alone.\n\n",
        index.period.from,
        index.period.until,
        index.made_on,
        env!("CARGO_PKG_VERSION")
    );
    if let Some(repository) = &index.repository {
        let _ = writeln!(text, "Changes are those of {}.\n", clean(repository));
    }
    let _ = writeln!(text, "## Findings\n");
    if index.findings.is_empty() {
        text.push_str("None: every record was verified");
        text.push_str(if index.changes.is_some() { ", and every change has a run that passed.\n" } else { ".\n" });
    }
    list(&mut text, &index.findings);
    if index.changes.is_none() {
        text.push_str("\nNo repository was given, so that nothing shows whether a change is without a record.\n");
    }
    text.push_str(&match &index.log {
        Some(log) => format!("\nThe log has {} entries of all times.\n", log.entries),
        None => "\nNo log was given, so that nothing shows whether a record was removed.\n".to_owned(),
    });
    controls(&mut text, index);
    if !index.sample.is_empty() {
        text.push_str("\n## Sample\n\n");
        list(&mut text, &index.sample);
    }
    changes(&mut text, index);
    pull_requests(&mut text, index);
    components(&mut text, index);
    runs(&mut text, index);
    decisions(&mut text, index);
    rest(&mut text, index);
    text
}

fn list(text: &mut String, items: &[String]) {
    for item in items {
        let _ = writeln!(text, "- {}", clean(item));
    }
}

fn controls(text: &mut String, index: &AuditIndex) {
    let rows = index
        .controls
        .iter()
        .map(|c| [c.id.to_owned(), c.alias.to_owned(), c.about.to_owned(), c.records.to_string(), c.shows.to_owned()]);
    table(text, "Controls", ["ISO 27001:2022", "2013", "control", "records", "these records support it by"], rows);
}

fn changes(text: &mut String, index: &AuditIndex) {
    let Some(changes) = &index.changes else { return };
    let rows = changes.iter().map(|change| {
        let record = match (change.record, change.passed) {
            (Proof::Commit, true) => "passed",
            (Proof::Commit, false) => "NOT PASSED",
            (Proof::Number, _) => "BY NUMBER ONLY",
            (Proof::None, _) => "NONE",
        };
        let runs = change.runs.join(" ");
        [
            change.commit.clone(),
            change.on.clone(),
            change.author.clone(),
            change.subject.clone(),
            record.to_owned(),
            runs,
        ]
    });
    table(text, "Changes of the main branch", ["commit", "on", "author", "subject", "record", "runs"], rows);
}

fn pull_requests(text: &mut String, index: &AuditIndex) {
    let rows = index.pull_requests.iter().map(|pr| {
        let repository = pr.repository.clone().unwrap_or_else(|| "-".to_owned());
        [repository, pr.number.to_string(), outcome_name(pr.outcome).to_owned(), pr.runs.join(" ")]
    });
    table(text, "Pull requests", ["repository", "number", "latest outcome", "runs"], rows);
}

fn components(text: &mut String, index: &AuditIndex) {
    let rows = index.components.iter().map(|of| {
        [
            of.unit.clone(),
            of.image.clone(),
            of.runs.to_string(),
            of.last_on.to_string(),
            outcome_name(of.outcome).to_owned(),
        ]
    });
    table(text, "Components", ["unit", "image", "runs", "last tested", "outcome"], rows);
}

fn runs(text: &mut String, index: &AuditIndex) {
    let rows = index.runs.iter().map(|run| {
        let verdict = |verdict| match verdict {
            Some(Verdict::Passed) => "passed",
            Some(Verdict::Failed) => "failed",
            Some(Verdict::Inconclusive) => "inconclusive",
            None => "not run",
        };
        let suite = |s: &SuiteRow| format!("{}: {}", s.name, verdict(s.verdict));
        let suites: Vec<String> = run.suites.iter().map(suite).collect();
        [
            run.id.clone(),
            run.started_on.to_string(),
            run.environment.clone(),
            run.commit.clone(),
            outcome_name(run.outcome).to_owned(),
            suites.join(", "),
            if run.removed { "yes" } else { "no" }.to_owned(),
        ]
    });
    table(text, "Runs", ["run", "began", "environment", "commit", "outcome", "suites", "environment removed"], rows);
}

fn decisions(text: &mut String, index: &AuditIndex) {
    let rows = index.decisions.iter().map(|d| {
        let answer = match (d.allowed, d.overrides.is_empty()) {
            (true, true) => "allowed",
            (true, false) => "ALLOWED BY OVERRIDE",
            (false, _) => "denied",
        };
        [d.on.to_string(), d.image.clone(), answer.to_owned(), d.unmet.join("; "), d.run.clone().unwrap_or_default()]
    });
    table(text, "Decisions of the gate", ["on", "image", "answer", "rules that are not met", "run"], rows);
}

fn rest(text: &mut String, index: &AuditIndex) {
    let rows = index.removals.iter().map(|r| {
        let complete = if r.complete { "yes" } else { "NO" };
        [r.on.to_string(), r.environment.clone(), r.reason.clone(), complete.to_owned()]
    });
    table(text, "Removals", ["on", "environment", "reason", "complete"], rows);
    let rows = index.waivers.iter().map(|w| {
        let expires = w.waiver.expires.clone().unwrap_or_else(|| "never".to_owned());
        [w.id.clone(), w.package.clone(), w.waiver.approver.clone(), w.waiver.reason.clone(), expires, w.run.clone()]
    });
    table(text, "Waivers", ["advisory", "package", "approver", "reason", "ends", "run"], rows);
}

fn table<const N: usize>(text: &mut String, title: &str, head: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "\n## {title}\n\n| {} |\n|{}", head.join(" | "), "---|".repeat(N));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.map(|cell| clean(&cell)).join(" | "));
    }
}

/// A text of others, in one line and without a meaning in Markdown. Ids, times and names stay as they are, so that one can search for
/// them.
fn clean(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " .,:/+=()-".contains(c);
    let links = text.contains("://") || text.contains("www.");
    match !links && text.len() <= MAX_TEXT && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => escape::inline(text, MAX_TEXT),
    }
}
