//! Findings as SARIF 2.1.0, within GitHub's limit of results. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::findings::Rating;
use crate::findings::{Finding, ScanResult};
use crate::model::{Digest, Verdict, sanitize};
use crate::packages::Place;

/// Most results of a run that GitHub takes.
const MAX_RESULTS: usize = 25_000;

/// Renders the findings; those that could not be shown are counted in a notification.
pub fn render(result: &ScanResult) -> Value {
    let shown = &result.findings[..result.findings.len().min(MAX_RESULTS)];
    let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
    let mut described = vec![];
    for finding in shown {
        let next = rules.len();
        rules.entry(&finding.id).or_insert_with(|| {
            described.push(rule(finding));
            next
        });
    }
    let results: Vec<Value> = shown.iter().map(|f| one(f, rules.get(f.id.as_str()).copied().unwrap_or(0))).collect();
    let mut notes: Vec<Value> =
        result.reasons.iter().map(|r| json!({"level": "warning", "message": {"text": r}})).collect();
    if shown.len() < result.findings.len() {
        let more = result.findings.len() - shown.len();
        notes.push(json!({"level": "error", "message": {"text": format!("{more} more finding(s) are left out")}}));
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "dayfly scan",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": described,
            }},
            "invocations": [{
                "executionSuccessful": result.verdict != Verdict::Inconclusive,
                "toolExecutionNotifications": notes,
            }],
            "results": results,
        }],
    })
}

fn rule(finding: &Finding) -> Value {
    let text = if finding.summary.is_empty() { &finding.id } else { &finding.summary };
    // GitHub sorts by this number; 0.1 stands for what has none.
    let score = finding.score.map_or(if finding.malicious { 10.0 } else { fallback(finding.severity) }, f64::from);
    json!({
        "id": finding.id,
        "shortDescription": {"text": text},
        "fullDescription": {"text": text},
        "helpUri": format!("https://osv.dev/vulnerability/{}", finding.id),
        "defaultConfiguration": {"level": level(finding)},
        "properties": {"security-severity": format!("{score:.1}"), "tags": ["security", "dependencies"]},
    })
}

fn fallback(rating: Rating) -> f64 {
    match rating {
        Rating::Critical => 9.0,
        Rating::High => 7.0,
        Rating::Medium => 4.0,
        Rating::Low | Rating::Unknown => 0.1,
        Rating::None => 0.0,
    }
}

fn one(finding: &Finding, index: usize) -> Value {
    let Finding { id, package, version, .. } = finding;
    let fix = match (&finding.fixes_everything, finding.fixed_in.is_empty()) {
        (Some(version), _) => format!(" {version} fixes everything that is known."),
        (None, false) => format!(" It is fixed in {}.", finding.fixed_in.join(", ")),
        (None, true) => " No version is known to fix it.".to_owned(),
    };
    let text = sanitize::one_line(
        &format!("{package} {version}: {id}. {}.{fix}", finding.summary.trim_end_matches('.')),
        1000,
    );
    let waived = finding.waiver.iter().map(|w| {
        let text = sanitize::one_line(&format!("{}: {}", w.approver, w.reason), 1000);
        json!({"kind": "external", "status": "accepted", "justification": text})
    });
    let print = Digest::compute(format!("{id}\0{}\0{package}\0{version}", finding.ecosystem)).hex();
    json!({
        "ruleId": id,
        "ruleIndex": index,
        "level": level(finding),
        "message": {"text": text},
        "locations": finding.places.iter().take(10).map(location).collect::<Vec<_>>(),
        "partialFingerprints": {"dayfly/v1": print},
        "suppressions": waived.collect::<Vec<_>>(),
        "properties": {"purl": finding.purl, "aliases": finding.aliases, "fails": finding.fails},
    })
}

fn location(place: &Place) -> Value {
    let file = place.file.trim_start_matches("./").split('/').map(encode).collect::<Vec<_>>().join("/");
    json!({"physicalLocation": {"artifactLocation": {"uri": file}, "region": {"startLine": place.line.unwrap_or(1)}}})
}

fn encode(part: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~@+".contains(&b);
    part.bytes().map(|b| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn level(finding: &Finding) -> &'static str {
    match finding.severity {
        _ if finding.malicious => "error",
        _ if finding.notice.is_some() => "note",
        Rating::High | Rating::Critical => "error",
        Rating::Medium | Rating::Unknown => "warning",
        Rating::Low | Rating::None => "note",
    }
}
