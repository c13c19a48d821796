//! Findings and coverage in words; names, summaries and versions in them are hostile, and each text is one harmless line. Pure.

use super::{Coverage, Database, Finding};
use crate::model::sanitize;

/// The package of a finding: `demo-web 2.1 (PyPI), brought by demo-app`.
pub fn package(finding: &Finding) -> String {
    let by: Vec<&String> = finding.brought_by.iter().filter(|b| **b != finding.package).collect();
    let by = if by.is_empty() { String::new() } else { format!(", brought by {}", join(&by)) };
    let inside = finding.vendored_in.as_ref().map(|o| format!(", a copy inside of {o}")).unwrap_or_default();
    let source = finding.source.as_ref().map(|s| format!(", of {s}")).unwrap_or_default();
    let Finding { package, version, ecosystem, .. } = finding;
    sanitize::one_line(&format!("{package} {version} ({ecosystem}{source}){inside}{by}"), 300)
}

/// The places of a finding, at most three by name.
pub fn places(finding: &Finding) -> String {
    let mut places: Vec<String> = finding.places.iter().take(3).map(ToString::to_string).collect();
    if finding.places.len() > 3 {
        places.push(format!("and {} more", finding.places.len() - 3));
    }
    sanitize::one_line(&places.join(", "), 300)
}

/// How bad it is: its severity, `MALICIOUS`, or the kind of a notice.
pub fn severity(finding: &Finding) -> String {
    let word = match &finding.notice {
        _ if finding.malicious => "MALICIOUS",
        Some(notice) => notice.as_str(),
        None => finding.severity.word(),
    };
    sanitize::one_line(word, 20)
}

/// Its ids, and what else is known of it: `PYSEC-2026-1 (CVE-2026-1), exploited`.
pub fn ids(finding: &Finding) -> String {
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
    sanitize::one_line(&format!("{}{aliases}{exploited}{accepted}", finding.id), 300)
}

/// Its summary; none if it has none.
pub fn summary(finding: &Finding) -> Option<String> {
    (!finding.summary.is_empty()).then(|| sanitize::one_line(&finding.summary, 160))
}

/// What fixes it.
pub fn fix(finding: &Finding) -> String {
    let fix = match (&finding.fixes_everything, finding.fixed_in.as_slice()) {
        (Some(all), [first, ..]) if all == first => format!("fixed in {all}, which fixes everything"),
        (Some(all), fixed) => format!("fixed in {}; {all} fixes everything", join(fixed)),
        (None, []) => "no version is known to fix it".to_owned(),
        (None, fixed) => format!("fixed in {}", join(fixed)),
    };
    sanitize::one_line(&fix, 200)
}

/// What was looked at of an ecosystem: `5 packages, 19204 advisories of 2026-11-29`.
pub fn coverage(coverage: &Coverage) -> String {
    let unit = if coverage.packages == 1 { "package" } else { "packages" };
    format!("{} {unit}, {}", coverage.packages, known(coverage))
}

/// What is known of an ecosystem: `19204 advisories of 2026-11-29`.
pub fn known(coverage: &Coverage) -> String {
    let unit = if coverage.records == 1 { "advisory" } else { "advisories" };
    let of = |at: jiff::Timestamp| format!("{} {unit} of {}", coverage.records, at.strftime("%Y-%m-%d"));
    coverage.snapshot.map_or("no advisories".to_owned(), of)
}

/// The advisories of a scan: `bundle 1764500000, signed by SHA256:…`.
pub fn database(database: &Database) -> String {
    let by = database.verified_by.as_ref().map_or("signature not checked".to_owned(), |k| format!("signed by {k}"));
    sanitize::one_line(&format!("bundle {}, {by}", database.sequence), 200)
}

fn join(all: &[impl AsRef<str>]) -> String {
    all.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}
