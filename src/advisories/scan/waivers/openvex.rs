//! OpenVEX 0.2.0: statements that a product is not affected are read as waivers, and a scan is written as statements. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::waiver::{JUSTIFICATIONS, Products, Waiver};
use crate::findings::{Finding, ScanResult};
use crate::model::Digest;
use crate::packages::Place;

const CONTEXT: &str = "https://openvex.dev/ns/v0.2.0";

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "@context")]
    context: String,
    author: String,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    statements: Vec<Statement>,
}

#[derive(Deserialize)]
struct Statement {
    vulnerability: Vulnerability,
    #[serde(default)]
    timestamp: Option<String>,
    #[serde(default)]
    products: Vec<Product>,
    status: String,
    #[serde(default)]
    justification: Option<String>,
    #[serde(default)]
    impact_statement: Option<String>,
    #[serde(default)]
    status_notes: Option<String>,
}

#[derive(Deserialize)]
struct Vulnerability {
    name: String,
}

#[derive(Deserialize)]
struct Product {
    #[serde(rename = "@id", default)]
    id: Option<String>,
    #[serde(default)]
    identifiers: BTreeMap<String, String>,
    #[serde(default)]
    subcomponents: Vec<Product>,
}

/// Reads a document. The last statement about a vulnerability and a product counts; those that do not say that it is not affected waive
/// nothing.
pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Vec<Waiver>, String> {
    let document: Document = serde_json::from_slice(bytes).map_err(|e| {
        format!("this is not a document of OpenVEX: {}", e.to_string().chars().take(200).collect::<String>())
    })?;
    if !document.context.starts_with("https://openvex.dev/ns") {
        return Err("its @context is not that of OpenVEX".into());
    }
    let mut statements: Vec<&Statement> = document.statements.iter().collect();
    let time = |s: &Statement| s.timestamp.as_ref().or(document.timestamp.as_ref())?.parse::<Timestamp>().ok();
    statements.sort_by_key(|s| time(s));
    let mut last: BTreeMap<(&str, String), &Statement> = BTreeMap::new();
    let mut invalid = vec![];
    for statement in statements {
        let purls: Vec<String> = statement.products.iter().flat_map(purls).collect();
        if purls.is_empty() {
            let why = "it names no product by a package URL";
            invalid.push(waiver(file, &document, statement, vec![], Some(why.to_owned())));
        }
        for purl in purls {
            last.insert((statement.vulnerability.name.as_str(), purl), statement);
        }
    }
    let of = |((_, purl), statement): ((&str, String), &Statement)| {
        let why = match statement.status.as_str() {
            "not_affected" => {
                let is_known = statement.justification.as_ref().is_some_and(|j| JUSTIFICATIONS.contains(&j.as_str()));
                let says = statement.impact_statement.as_ref().is_some_and(|i| !i.trim().is_empty());
                let why = "`not_affected` needs a justification or an impact statement".to_owned();
                (!is_known && !says).then_some(why)
            }
            // Fixed in a version, and not in every version.
            "fixed" if purl.rsplit_once('@').is_some_and(|(_, version)| !version.contains('/')) => None,
            "fixed" => Some("`fixed` needs a package URL with a version".to_owned()),
            "affected" | "under_investigation" => return None,
            _ => Some("its status is none of OpenVEX".to_owned()),
        };
        Some(waiver(file, &document, statement, vec![purl], why))
    };
    Ok(last.into_iter().filter_map(of).chain(invalid).collect())
}

/// The package URLs of the parts of a product that are meant, or of the product itself.
fn purls(product: &Product) -> Vec<String> {
    let own = |p: &Product| p.identifiers.get("purl").or(p.id.as_ref()).filter(|id| id.starts_with("pkg:")).cloned();
    match product.subcomponents.as_slice() {
        [] => own(product).into_iter().collect(),
        parts => parts.iter().filter_map(own).collect(),
    }
}

fn waiver(file: &str, document: &Document, s: &Statement, purls: Vec<String>, invalid: Option<String>) -> Waiver {
    let texts = [&s.justification, &s.impact_statement, &s.status_notes];
    Waiver {
        id: s.vulnerability.name.clone(),
        products: Products::Purls(purls),
        reason: texts.into_iter().flatten().cloned().collect::<Vec<_>>().join("; "),
        approver: document.author.clone(),
        effective_on: None,
        expires: None,
        justification: s.justification.clone(),
        place: Place { file: file.to_owned(), line: None },
        invalid,
    }
}

/// Writes a scan as a document: what is waived with a justification is not affected, what has a fix or another waiver is affected, and the
/// rest is under investigation.
pub fn render(result: &ScanResult, now: Timestamp) -> Value {
    let time = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let statements: Vec<Value> = result.findings.iter().map(statement).collect();
    let id = Digest::compute_json(&json!([time, statements])).hex();
    json!({
        "@context": CONTEXT,
        "@id": format!("https://dayfly.dev/vex/{id}"),
        "author": "dayfly scan",
        "timestamp": time,
        "version": 1,
        "tooling": format!("dayfly {}", env!("CARGO_PKG_VERSION")),
        "statements": statements,
    })
}

fn statement(finding: &Finding) -> Value {
    let generic = || format!("pkg:generic/{}@{}", finding.package, finding.version);
    let mut statement = json!({
        "vulnerability": {"name": finding.id, "aliases": finding.aliases},
        "products": [{"@id": finding.purl.clone().unwrap_or_else(generic)}],
    });
    let fix = finding.fixes_everything.as_ref().or(finding.fixed_in.first());
    let set = |statement: &mut Value, status: &str, key: &str, text: String| {
        statement["status"] = status.into();
        statement[key] = text.into();
    };
    match (&finding.waiver, fix) {
        (Some(waiver), _) => match &waiver.justification {
            Some(justification) => {
                set(&mut statement, "not_affected", "justification", justification.clone());
                statement["impact_statement"] = waiver.reason.clone().into();
            }
            None => {
                let end = waiver.expires.as_ref().map(|d| format!(" until {d}")).unwrap_or_default();
                let text = format!("Accepted{end} by {}: {}", waiver.approver, waiver.reason);
                set(&mut statement, "affected", "action_statement", text);
            }
        },
        (None, Some(version)) => {
            set(&mut statement, "affected", "action_statement", format!("Update to {version}."));
        }
        (None, None) => statement["status"] = "under_investigation".into(),
    }
    statement
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_last_statement_counts_and_must_be_justified() {
        let statement = |id: &str, status: &str, more: Value| {
            let mut s = json!({"vulnerability": {"name": id}, "products": [{"@id": "pkg:pypi/a@1"}], "status": status});
            more.as_object().unwrap().iter().for_each(|(k, v)| s[k] = v.clone());
            s
        };
        let justified = json!({"justification": "component_not_present"});
        let late = json!({"timestamp": "2026-02-01T00:00:00Z"});
        let product = json!({"impact_statement": "x", "products": [{"@id": "pkg:oci/app", "subcomponents": [{"@id": "pkg:pypi/b"}]}]});
        let text = json!({"@context": CONTEXT, "author": "a", "timestamp": "2026-01-01T00:00:00Z", "statements": [
            statement("A", "affected", late),
            statement("A", "not_affected", justified.clone()),
            statement("B", "not_affected", justified),
            statement("C", "not_affected", json!({"justification": "because"})),
            statement("D", "not_affected", product),
            statement("E", "fixed", json!({"products": [{"@id": "pkg:npm/%40s/a"}]})),
            statement("F", "fixed", json!({"products": [{"@id": "app"}]})),
        ]});
        let found = parse("vex.json", text.to_string().as_bytes()).unwrap();
        let shown: Vec<_> = found.iter().map(|w| (w.id.as_str(), w.invalid.is_some())).collect();
        assert_eq!(shown, [("B", false), ("C", true), ("D", false), ("E", true), ("F", true)]);
        assert_eq!(found[2].products, Products::Purls(vec!["pkg:pypi/b".into()]));
        assert!(parse("x", b"{\"@context\": \"x\", \"author\": \"\"}").is_err());
    }
}
