//! Parses ZAP's traditional JSON report: alerts by site, with a risk each.

use serde::Deserialize;

use super::findings::{Finding, Rating, Scan, cases};
use super::json::{self, First, Kind, List, Text};
use super::limits::{MAX_NAME, MAX_TEXT};
use super::result_file::ResultFile;
use super::text::{append, cut};
use crate::spec::model::Severity;

#[derive(Deserialize)]
struct Report {
    site: List<Site>,
}

#[derive(Deserialize)]
struct Site {
    #[serde(rename = "@name", default)]
    name: Option<String>,
    #[serde(default)]
    alerts: Option<List<Alert>>,
}

#[derive(Deserialize)]
struct Alert {
    #[serde(default)]
    pluginid: Option<Text>,
    #[serde(default)]
    alert: Option<String>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    riskcode: Option<Text>,
    #[serde(default)]
    confidence: Option<Text>,
    #[serde(default)]
    desc: Option<String>,
    #[serde(default)]
    solution: Option<String>,
    #[serde(default)]
    instances: Option<First<Instance, 10>>,
}

#[derive(Deserialize)]
struct Instance {
    #[serde(default)]
    uri: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    param: String,
}

/// Reads one file, at most `room` cases of it.
pub(super) fn read(bytes: &[u8], room: usize, fail_on: Severity) -> ResultFile {
    let report: Report = match json::parse(bytes, "ZAP", &[("site", Kind::Array)]) {
        Ok(report) => report,
        Err(problem) => return ResultFile { cases: vec![], problem: Some(problem) },
    };
    if report.site.0.is_empty() {
        return ResultFile::unreadable("ZAP reached no site, so it scanned nothing".into());
    }
    cases(report.site.0.into_iter().map(scan).collect(), room, fail_on)
}

fn scan(site: Site) -> Scan {
    Scan {
        id: cut(&site.name.unwrap_or_else(|| "site without a name".into()), MAX_NAME),
        doubt: site.alerts.is_none().then(|| "it has no list of alerts, not even an empty one".into()),
        findings: site.alerts.unwrap_or_default().0.into_iter().map(finding).collect(),
    }
}

fn finding(alert: Alert) -> Finding {
    let title = alert.name.or(alert.alert).unwrap_or_else(|| "alert without a name".into());
    let id = alert.pluginid.map_or_else(|| "ZAP".to_owned(), |p| format!("ZAP-{}", p.0));
    let code = alert.riskcode.unwrap_or_default().0;
    let rating = match (alert.confidence.unwrap_or_default().0.as_str(), code.as_str()) {
        ("0", _) => Rating::Dismissed("marked as a false positive".into()),
        (_, "0") => Rating::Known(None),
        (_, "1") => Rating::Known(Some(Severity::Low)),
        (_, "2") => Rating::Known(Some(Severity::Medium)),
        (_, "3") => Rating::Known(Some(Severity::High)),
        _ => Rating::Unknown(format!("its risk is `{}`", cut(&code, 20))),
    };
    let instances = alert.instances.unwrap_or_default().0;
    let mut text = String::new();
    for part in [alert.desc, alert.solution].into_iter().flatten() {
        append(&mut text, &format!("{}\n", without_tags(&part)), MAX_TEXT);
    }
    for Instance { uri, method, param } in &instances {
        append(&mut text, format!("{method} {uri} {param}").trim(), MAX_TEXT);
        append(&mut text, "\n", MAX_TEXT);
    }
    let place = instances.into_iter().next().map(|i| i.uri).filter(|uri| !uri.is_empty());
    Finding { id, title, rating, text, place, in_file: false }
}

/// The text of a description, which ZAP writes as paragraphs of HTML.
fn without_tags(html: &str) -> String {
    let mut text = String::new();
    for (i, part) in html.split('<').enumerate() {
        text.push_str(if i == 0 { part } else { part.split_once('>').map_or("", |(_, rest)| rest) });
    }
    text.trim().to_owned()
}
