//! Parses the vulnerabilities of a CycloneDX BOM or VEX in JSON.

use serde::Deserialize;

use super::findings::{Finding, Rating, Scan, cases};
use super::json::{self, First, Kind, List};
use super::limits::MAX_NAME;
use super::result_file::ResultFile;
use super::text::cut;
use crate::spec::model::Severity;

#[derive(Deserialize)]
struct Bom {
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    vulnerabilities: Option<List<Vulnerability>>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    component: Option<Component>,
}

#[derive(Deserialize)]
struct Component {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    recommendation: Option<String>,
    #[serde(default)]
    ratings: Option<List<RatingOf>>,
    #[serde(default)]
    analysis: Option<Analysis>,
    #[serde(default)]
    affects: Option<First<Affected, 1>>,
}

#[derive(Deserialize)]
struct RatingOf {
    #[serde(default)]
    severity: Option<String>,
    #[serde(default)]
    score: Option<f64>,
    #[serde(default)]
    method: Option<String>,
}

#[derive(Deserialize)]
struct Analysis {
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    justification: Option<String>,
    #[serde(default)]
    detail: Option<String>,
}

#[derive(Deserialize)]
struct Affected {
    #[serde(rename = "ref", default)]
    reference: Option<String>,
}

/// Reads one file, at most `room` cases of it.
pub(super) fn read(bytes: &[u8], room: usize, fail_on: Severity) -> ResultFile {
    let bom: Bom = match json::parse(bytes, "CycloneDX", &[("bomFormat", Kind::Other)]) {
        Ok(bom) => bom,
        Err(problem) => return ResultFile { cases: vec![], problem: Some(problem) },
    };
    let name = bom.metadata.and_then(|m| m.component).and_then(|c| c.name);
    let id = name.map_or_else(|| "vulnerabilities".to_owned(), |n| format!("vulnerabilities of {n}"));
    // A BOM lists components, and says nothing about vulnerabilities unless somebody looked for them. An empty list is taken for
    // a scan, although some writers (Trivy without `--scanners vuln`) write one without looking.
    let doubt =
        bom.vulnerabilities.is_none().then(|| "it has no list of vulnerabilities, not even an empty one".into());
    let findings = bom.vulnerabilities.unwrap_or_default().0.into_iter().map(finding).collect();
    cases(vec![Scan { id: cut(&id, MAX_NAME), findings, doubt }], room, fail_on)
}

fn finding(v: Vulnerability) -> Finding {
    let id = v.id.unwrap_or_else(|| "vulnerability without an id".into());
    let rating = rating(v.analysis, v.ratings.unwrap_or_default().0);
    let texts = [v.description, v.detail, v.recommendation];
    let text = texts.into_iter().flatten().collect::<Vec<_>>().join("\n");
    Finding {
        title: text.lines().next().filter(|l| !l.trim().is_empty()).unwrap_or(&id).to_owned(),
        place: v.affects.unwrap_or_default().0.into_iter().next().and_then(|a| a.reference),
        in_file: false,
        id,
        rating,
        text,
    }
}

fn rating(analysis: Option<Analysis>, ratings: Vec<RatingOf>) -> Rating {
    if let Some(Analysis { state: Some(state), justification, detail }) = analysis
        && matches!(state.as_str(), "not_affected" | "false_positive" | "resolved" | "resolved_with_pedigree")
    {
        let why = [justification, detail].into_iter().flatten().collect::<Vec<_>>().join(": ");
        return Rating::Dismissed(if why.is_empty() { state } else { format!("{state}: {why}") });
    }
    match ratings.iter().filter_map(severity).max() {
        Some(worst) => Rating::Known(worst),
        None => Rating::Unknown("its severity is not known".into()),
    }
}

/// The severity of one rating; none if it has none, and an inner none if it is for information.
fn severity(rating: &RatingOf) -> Option<Option<Severity>> {
    let cvss = rating.method.as_deref().is_none_or(|m| m.starts_with("CVSS"));
    match (rating.severity.as_deref(), rating.score) {
        (Some("critical"), _) => Some(Some(Severity::Critical)),
        (Some("high"), _) => Some(Some(Severity::High)),
        (Some("medium"), _) => Some(Some(Severity::Medium)),
        (Some("low"), _) => Some(Some(Severity::Low)),
        (Some("info" | "none"), _) => Some(None),
        (_, Some(score)) if cvss && (0.0..=10.0).contains(&score) => Some(match score {
            s if s >= 9.0 => Some(Severity::Critical),
            s if s >= 7.0 => Some(Severity::High),
            s if s >= 4.0 => Some(Severity::Medium),
            s if s > 0.0 => Some(Severity::Low),
            _ => None,
        }),
        _ => None,
    }
}
