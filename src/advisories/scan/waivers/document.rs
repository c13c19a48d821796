//! Waivers in dayfly's own format. Pure.

use std::path::Path;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::waiver::{JUSTIFICATIONS, Products, Waiver};
use crate::packages::{Ecosystem, Place};
use crate::spec::diagnostic::{DiagnosticSink, Diagnostics};
use crate::spec::document::{self, SourceText};
use crate::spec::kind::WAIVERS;
use crate::spec::span::FieldPath;

/// Where the schema says it is from.
pub const ID: &str = "https://dayfly.dev/v1alpha1/waivers.schema.json";

/// A file of waivers: `apiVersion: dayfly.dev/v1alpha1`, `kind: DependencyWaivers`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaiverDocument {
    /// Always `dayfly.dev/v1alpha1`.
    pub api_version: String,
    /// Always `DependencyWaivers`.
    pub kind: String,
    /// The waivers.
    pub waivers: Vec<Entry>,
}

/// A finding that somebody accepts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// An id of the advisory, or an alias.
    #[schemars(example = &"CVE-2024-3094")]
    pub id: String,
    /// The package.
    pub package: String,
    /// Its ecosystem, such as `PyPI` (default: any).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecosystem: Option<String>,
    /// Versions that are accepted (default: all).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// Why it is accepted.
    pub reason: String,
    /// Name of the person who accepts it.
    pub approver: String,
    /// The last day on which it is accepted.
    #[schemars(example = &"2026-12-31")]
    pub expires: String,
    /// The first day on which it is accepted (default: any).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_on: Option<String>,
    /// Why the project is not affected, in a word of OpenVEX.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
}

/// Parses and checks a file of waivers.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Waiver>, Diagnostics> {
    let (root, mut diagnostics, text) = document::tree(&WAIVERS, path, bytes)?;
    let found = document::typed::<WaiverDocument>(&WAIVERS, &schema(), &root, &mut diagnostics);
    let waivers = found.as_ref().map(|d| waivers(path, d, &mut diagnostics)).unwrap_or_default();
    if !diagnostics.list.is_empty() {
        return Err(Diagnostics::new(path, &text, diagnostics.list, diagnostics.omitted));
    }
    let locations = SourceText { text, spans: diagnostics.spans }.locations();
    let with_line = |(i, mut waiver): (usize, Waiver)| {
        waiver.place.line = locations.get(&format!("waivers[{i}]")).map(|(line, _)| *line);
        waiver
    };
    Ok(waivers.into_iter().enumerate().map(with_line).collect())
}

fn waivers(path: &Path, document: &WaiverDocument, diagnostics: &mut DiagnosticSink) -> Vec<Waiver> {
    let root = FieldPath::root();
    let mut all = vec![];
    for (i, entry) in document.waivers.iter().enumerate() {
        let at = root.key("waivers").index(i);
        for (field, text) in
            [("id", &entry.id), ("package", &entry.package), ("reason", &entry.reason), ("approver", &entry.approver)]
        {
            if text.trim().is_empty() {
                diagnostics.add(
                    &at.key(field),
                    format!("`{field}` is empty"),
                    "a waiver says what is accepted, why and by whom",
                );
            }
        }
        let ecosystem = entry.ecosystem.as_ref().and_then(|text| match text.parse::<Ecosystem>() {
            Ok(ecosystem) => Some(ecosystem),
            Err(_) => {
                let help = "write the name that the OSV schema has for it, such as `PyPI` or `npm`";
                diagnostics.add(&at.key("ecosystem"), format!("`{text}` is not an ecosystem"), help);
                None
            }
        });
        let expires = date(&at.key("expires"), &entry.expires, diagnostics);
        let effective_on = entry.effective_on.as_ref().and_then(|t| date(&at.key("effectiveOn"), t, diagnostics));
        if expires.zip(effective_on).is_some_and(|(end, begin)| end < begin) {
            diagnostics.add(&at.key("expires"), "the waiver ends before it begins", "write a day after `effectiveOn`");
        }
        if let Some(word) = entry.justification.as_ref().filter(|j| !JUSTIFICATIONS.contains(&j.as_str())) {
            let help = format!("write one of `{}`", JUSTIFICATIONS.join("`, `"));
            diagnostics.add(&at.key("justification"), format!("`{word}` is not a justification of OpenVEX"), help);
        }
        all.push(Waiver {
            id: entry.id.trim().to_owned(),
            products: Products::Package {
                ecosystem,
                name: entry.package.trim().to_owned(),
                versions: entry.versions.clone(),
            },
            reason: entry.reason.clone(),
            approver: entry.approver.clone(),
            effective_on,
            expires,
            justification: entry.justification.clone(),
            place: Place { file: path.display().to_string(), line: None },
            invalid: None,
        });
    }
    all
}

fn date(at: &FieldPath, text: &str, diagnostics: &mut DiagnosticSink) -> Option<Date> {
    let date = text.parse::<Date>().ok();
    if date.is_none() {
        diagnostics.add(at, format!("`{text}` is not a day"), "write year, month and day, such as `2026-12-31`");
    }
    date
}

/// The JSON Schema of a file of waivers.
pub fn schema() -> Value {
    document::schema_of::<WaiverDocument>(&WAIVERS, ID, "dayfly waivers of findings in dependencies")
}
