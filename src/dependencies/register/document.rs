//! The register as it is written. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::packages::Ecosystem;
use crate::spec::diagnostic::{DiagnosticSink, Diagnostics};
use crate::spec::document::{self, SourceText};
use crate::spec::kind::REGISTER;
use crate::spec::model::API_VERSION;
use crate::spec::quantity;
use crate::spec::span::FieldPath;

/// Where the schema says it is from.
pub const ID: &str = "https://dayfly.dev/v1alpha1/dependencies.schema.json";
/// Longest time between two assessments.
const LONGEST_MS: u64 = 3 * 366 * DAY_MS;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Longest text in characters.
const MAX_TEXT: usize = 2000;

/// A whole register: `apiVersion: dayfly.dev/v1alpha1`, `kind: DependencyRegister`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegisterDocument {
    /// Always `dayfly.dev/v1alpha1`.
    pub api_version: String,
    /// Always `DependencyRegister`.
    pub kind: String,
    /// How long an assessment holds (default: `365d`); the policy may want less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"365d")]
    pub reassess: Option<String>,
    /// One entry for each explicit dependency.
    #[serde(default)]
    pub dependencies: Vec<Entry>,
}

/// An explicit dependency. What is left out, or null, is a question that is open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Its ecosystem, such as `PyPI`, `npm`, `crates.io` or `Go`.
    #[schemars(example = &"PyPI")]
    pub ecosystem: String,
    /// Its name.
    pub name: String,
    /// What it is used for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The risk of using it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// What could replace it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternatives: Option<String>,
    /// The last assessment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assessed: Option<Assessment>,
    /// How long its assessment holds, in place of the register's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reassess: Option<String>,
    /// Reviews of its code: of versions, and of steps between versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviews: Vec<Review>,
}

/// A risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
}

/// Who assessed a dependency, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Assessment {
    /// Day.
    #[schemars(example = &"2026-11-30")]
    pub on: String,
    /// Person.
    pub by: String,
}

/// A review: of one `version`, or of the step `from` one `to` another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Review {
    /// The version that was read as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The version before the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The version after the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Day.
    pub on: String,
    /// Person.
    pub by: String,
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// A register that can be used: its dates, durations and names can be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Register {
    /// As it is written.
    pub document: RegisterDocument,
    /// Its file.
    pub file: String,
    /// Line of each entry, from 1.
    pub lines: Vec<usize>,
}

impl Register {
    /// Parses and checks a register.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Diagnostics> {
        let (root, mut diagnostics, text) = document::tree(&REGISTER, path, bytes)?;
        let found = document::typed::<RegisterDocument>(&REGISTER, &schema(), &root, &mut diagnostics);
        if let Some(document) = &found {
            check(document, &mut diagnostics);
        }
        match found {
            Some(document) if diagnostics.list.is_empty() => {
                let locations = SourceText { text, spans: diagnostics.spans }.locations();
                let line = |i: usize| locations.get(&format!("dependencies[{i}]")).map_or(1, |(line, _)| *line);
                let lines = (0..document.dependencies.len()).map(line).collect();
                Ok(Self { document, file: path.display().to_string(), lines })
            }
            _ => Err(Diagnostics::new(path, &text, diagnostics.list, diagnostics.omitted)),
        }
    }
}

impl Register {
    /// One without entries, where there is no file.
    pub fn empty(file: &str) -> Self {
        let (api_version, kind) = (API_VERSION.to_owned(), REGISTER.kind.to_owned());
        let document = RegisterDocument { api_version, kind, reassess: None, dependencies: vec![] };
        Self { document, file: file.to_owned(), lines: vec![] }
    }
}

impl Entry {
    /// Ecosystem and normalised name.
    pub fn key(&self) -> Option<(Ecosystem, String)> {
        let ecosystem: Ecosystem = self.ecosystem.parse().ok()?;
        let name = ecosystem.normalise(&self.name);
        Some((ecosystem, name))
    }
}

/// A duration between two assessments in days.
pub fn days(text: &str) -> Result<i64, String> {
    let ms = quantity::duration_ms(text, LONGEST_MS)?;
    Ok(i64::try_from(ms.div_ceil(DAY_MS)).unwrap_or(i64::MAX))
}

fn check(document: &RegisterDocument, diagnostics: &mut DiagnosticSink) {
    let root = FieldPath::root();
    let mut duration = |at: FieldPath, text: &Option<String>| {
        if let Some((text, Err(help))) = text.as_ref().map(|t| (t, days(t))) {
            diagnostics.add(&at, format!("`{text}` is not a valid duration"), help);
        }
    };
    duration(root.key("reassess"), &document.reassess);
    for (i, entry) in document.dependencies.iter().enumerate() {
        duration(root.key("dependencies").index(i).key("reassess"), &entry.reassess);
    }
    let mut seen = BTreeMap::new();
    for (i, entry) in document.dependencies.iter().enumerate() {
        let at = root.key("dependencies").index(i);
        match entry.key() {
            None => {
                let help = "write the name that the OSV schema has for it, such as `PyPI`, `npm`, `crates.io` or `Go`";
                diagnostics.add(&at.key("ecosystem"), format!("`{}` is not an ecosystem", entry.ecosystem), help);
            }
            Some(key) => {
                if let Some(first) = seen.insert(key, i) {
                    let message = format!("`{}` has an entry already: dependencies[{first}]", entry.name);
                    diagnostics.add(&at.key("name"), message, "keep one of them");
                }
            }
        }
        if let Some(assessed) = &entry.assessed {
            date(&at.key("assessed").key("on"), &assessed.on, diagnostics);
        }
        let texts = [("purpose", &entry.purpose), ("owner", &entry.owner), ("alternatives", &entry.alternatives)];
        for (field, text) in texts {
            if text.as_ref().is_some_and(|t| t.chars().count() > MAX_TEXT) {
                let help = format!("write at most {MAX_TEXT} characters, and link to the rest");
                diagnostics.add(&at.key(field), format!("`{field}` is too long"), help);
            }
        }
        for (k, review) in entry.reviews.iter().enumerate() {
            let at = at.key("reviews").index(k);
            date(&at.key("on"), &review.on, diagnostics);
            if !matches!((&review.version, &review.from, &review.to), (Some(_), None, None) | (None, Some(_), Some(_)))
            {
                let help = "write `version`, or `from` and `to`";
                diagnostics.add(&at, "a review is of one version, or of one step between two", help);
            }
        }
    }
}

fn date(at: &FieldPath, text: &str, diagnostics: &mut DiagnosticSink) {
    if text.parse::<Date>().is_err() {
        diagnostics.add(at, format!("`{text}` is not a day"), "write year, month and day, such as `2026-11-30`");
    }
}

/// The JSON Schema of a register, for editors and for the check of its shape.
pub fn schema() -> Value {
    document::schema_of::<RegisterDocument>(&REGISTER, ID, "dayfly register of dependencies")
}
