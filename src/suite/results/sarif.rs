//! Parses SARIF 2.1.0, which static analysers and scanners write.
//!
//! A result without a level has that of its rule, which it names by index or id, and without one there `warning`. A note is
//! a low finding, a warning a medium, an error a high one.

mod rules;

use serde::Deserialize;

use super::findings::{Finding, Rating, Scan, cases};
use super::json::{self, First, Kind, List, Text};
use super::limits::MAX_NAME;
use super::result_file::{Problem, ResultFile};
use super::text::cut;
use crate::spec::model::Severity;
use rules::{Component, RuleReference, Rules};

#[derive(Deserialize)]
struct Log {
    #[serde(default)]
    version: String,
    runs: List<Run>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    #[serde(default)]
    results: Option<List<SarifResult>>,
    #[serde(default)]
    invocations: Option<List<Invocation>>,
    #[serde(default)]
    external_property_file_references: Option<External>,
}

#[derive(Deserialize)]
struct Tool {
    driver: Component,
    #[serde(default)]
    extensions: Option<First<Component, 100>>,
}

#[derive(Deserialize)]
struct External {
    #[serde(default)]
    results: Option<First<serde::de::IgnoredAny, 1>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    #[serde(default)]
    execution_successful: Option<bool>,
    #[serde(default)]
    tool_execution_notifications: Option<List<Notification>>,
    #[serde(default)]
    tool_configuration_notifications: Option<List<Notification>>,
}

#[derive(Deserialize)]
struct Notification {
    #[serde(default)]
    level: Option<String>,
    #[serde(default)]
    message: Message,
}

#[derive(Default, Deserialize)]
struct Message {
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    #[serde(default)]
    rule_id: Option<String>,
    #[serde(default)]
    rule_index: Option<i64>,
    #[serde(default)]
    rule: Option<RuleReference>,
    #[serde(default)]
    level: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    message: Message,
    #[serde(default)]
    locations: Option<First<Location, 1>>,
    #[serde(default)]
    suppressions: Option<List<Suppression>>,
    #[serde(default)]
    baseline_state: Option<String>,
}

#[derive(Deserialize)]
struct Suppression {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    justification: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(default)]
    physical_location: Option<Physical>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    #[serde(default)]
    artifact_location: Option<Artifact>,
    #[serde(default)]
    region: Option<Region>,
}

#[derive(Deserialize)]
struct Artifact {
    #[serde(default)]
    uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    #[serde(default)]
    start_line: Option<Text>,
}

/// Reads one file, at most `room` cases of it.
pub(super) fn read(bytes: &[u8], room: usize, fail_on: Severity) -> ResultFile {
    let log: Log = match json::parse(bytes, "SARIF", &[("runs", Kind::Array)]) {
        Ok(log) => log,
        Err(problem) => return ResultFile { cases: vec![], problem: Some(problem) },
    };
    if log.version != "2.1.0" {
        let why = format!("it is of the SARIF version `{}`, and only 2.1.0 is read", cut(&log.version, 20));
        return ResultFile { cases: vec![], problem: Some(Problem::Unreadable(why)) };
    }
    cases(log.runs.0.into_iter().map(scan).collect(), room, fail_on)
}

fn scan(run: Run) -> Scan {
    let doubt = doubt(&run);
    let id = cut(run.tool.driver.name(), MAX_NAME);
    let rules = Rules::new(run.tool.driver, run.tool.extensions.unwrap_or_default().0);
    let results = run.results.unwrap_or_default().0;
    Scan { id, findings: results.into_iter().map(|r| finding(r, &rules)).collect(), doubt }
}

/// Why the run proves nothing, if it does not.
fn doubt(run: &Run) -> Option<String> {
    if run.external_property_file_references.as_ref().is_some_and(|e| e.results.is_some()) {
        return Some("its results are in other files, which are not read".into());
    }
    if run.results.is_none() {
        return Some("the tool wrote no list of results: it did not scan".into());
    }
    let invocations = run.invocations.iter().flat_map(|i| &i.0);
    for invocation in invocations {
        let lists = [&invocation.tool_execution_notifications, &invocation.tool_configuration_notifications];
        let error = lists.into_iter().flatten().flat_map(|l| &l.0).find(|n| n.level.as_deref() == Some("error"));
        if let Some(error) = error {
            let text = error.message.text.as_deref().unwrap_or("no text");
            return Some(format!("the tool reported an error of its own: {text}"));
        }
        if invocation.execution_successful == Some(false) {
            return Some("the tool says that it did not complete".into());
        }
    }
    None
}

fn finding(result: SarifResult, rules: &Rules) -> Finding {
    let rule = rules.find(result.rule_id.as_deref(), result.rule_index, result.rule.as_ref());
    let id = result.rule_id.or(result.rule.and_then(|r| r.id)).or(rule.map(|r| r.id.clone()));
    let id = id.unwrap_or_else(|| "finding without a rule".into());
    let text = result.message.text.unwrap_or_default();
    let title = rule.and_then(|r| r.title()).map_or_else(|| text.clone(), str::to_owned);
    let level = result.level.as_deref().or(rule.and_then(|r| r.level()));
    Finding {
        title: if title.is_empty() { id.clone() } else { title },
        rating: rating(result.kind.as_deref(), level, result.baseline_state.as_deref(), result.suppressions),
        place: result.locations.unwrap_or_default().0.into_iter().next().and_then(place),
        in_file: true,
        id,
        text,
    }
}

fn rating(
    kind: Option<&str>,
    level: Option<&str>,
    baseline: Option<&str>,
    suppressions: Option<List<Suppression>>,
) -> Rating {
    let suppressions = suppressions.unwrap_or_default().0;
    let accepted = |s: &Suppression| matches!(s.status.as_deref(), None | Some("accepted"));
    if !suppressions.is_empty() && suppressions.iter().all(accepted) {
        let why = suppressions.into_iter().find_map(|s| s.justification).unwrap_or_else(|| "no reason given".into());
        return Rating::Dismissed(format!("suppressed: {why}"));
    }
    if baseline == Some("absent") {
        return Rating::Dismissed("it is gone since the baseline".into());
    }
    match kind {
        None | Some("fail") => {}
        Some("pass" | "notApplicable" | "informational") => return Rating::Known(None),
        Some(other) => return Rating::Unknown(format!("its kind is `{}`, so a person must judge it", cut(other, 40))),
    }
    match level {
        Some("none") => Rating::Known(None),
        Some("note") => Rating::Known(Some(Severity::Low)),
        None | Some("warning") => Rating::Known(Some(Severity::Medium)),
        Some("error") => Rating::Known(Some(Severity::High)),
        Some(other) => Rating::Unknown(format!("its level is `{}`", cut(other, 40))),
    }
}

fn place(location: Location) -> Option<String> {
    let physical = location.physical_location?;
    let uri = physical.artifact_location?.uri?;
    let line = physical.region.and_then(|r| r.start_line).map(|l| format!(":{}", l.0)).unwrap_or_default();
    Some(cut(&format!("{uri}{line}"), MAX_NAME))
}
