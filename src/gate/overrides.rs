//! Overrides: somebody answers for an image that a rule denies, for a limited time. Pure.

use std::path::Path;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::policy::{End, moment};
use super::rule::Rule;
use crate::evidence::predicate::AppliedOverride;
use crate::model::Digest;
use crate::spec::diagnostic::{DiagnosticSink, Diagnostics};
use crate::spec::document as yaml;
use crate::spec::kind::GATE_OVERRIDES;
use crate::spec::span::FieldPath;

/// Where the schema says it is from.
const ID: &str = "https://dayfly.dev/v1alpha1/gate-overrides.schema.json";

/// A file of overrides: `apiVersion: dayfly.dev/v1alpha1`, `kind: GateOverrides`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OverridesDocument {
    /// Always `dayfly.dev/v1alpha1`.
    pub api_version: String,
    /// Always `GateOverrides`.
    pub kind: String,
    /// The overrides.
    pub overrides: Vec<Entry>,
}

/// Rules that do not deny some images for a limited time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Codes of rules.
    pub rules: Vec<String>,
    /// Images, by digest.
    pub images: Vec<String>,
    /// Name of the person who answers for it.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// The last day, or the end.
    #[schemars(example = &"2026-12-31")]
    pub until: String,
}

/// Overrides that can be used, and their file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// SHA-256 of the file; none without a file.
    pub digest: Option<Digest>,
    all: Vec<Override>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Override {
    rules: Vec<Rule>,
    images: Vec<String>,
    applied: AppliedOverride,
}

/// The JSON Schema of a file of overrides.
pub fn schema() -> serde_json::Value {
    yaml::schema_of::<OverridesDocument>(&GATE_OVERRIDES, ID, "dayfly overrides of the gate")
}

impl Overrides {
    /// Parses and checks a file of overrides.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Diagnostics> {
        let (root, mut diagnostics, text) = yaml::tree(&GATE_OVERRIDES, path, bytes)?;
        let found = yaml::typed::<OverridesDocument>(&GATE_OVERRIDES, &schema(), &root, &mut diagnostics);
        let all = found.map(|document| {
            let at = FieldPath::root().key("overrides");
            let each = document.overrides.iter().enumerate();
            each.filter_map(|(i, entry)| checked(&at.index(i), entry, &mut diagnostics)).collect()
        });
        match all {
            Some(all) if diagnostics.list.is_empty() => Ok(Self { digest: Some(Digest::compute(bytes)), all }),
            _ => Err(Diagnostics::new(path, &text, diagnostics.list, diagnostics.omitted)),
        }
    }

    /// The override of a rule for an image at a time: the one that ends last; and one that ended already, where none holds.
    pub fn of(&self, rule: Rule, sha256: &str, now: Timestamp) -> Result<Option<&AppliedOverride>, &AppliedOverride> {
        let concerned = self.all.iter().filter(|o| o.rules.contains(&rule) && o.images.iter().any(|i| i == sha256));
        match concerned.map(|o| &o.applied).max_by_key(|applied| applied.until) {
            Some(applied) if applied.until <= now => Err(applied),
            found => Ok(found),
        }
    }
}

fn checked(at: &FieldPath, entry: &Entry, diagnostics: &mut DiagnosticSink) -> Option<Override> {
    for (field, text) in [("approver", &entry.approver), ("reason", &entry.reason)] {
        if text.trim().is_empty() {
            diagnostics.add(
                &at.key(field),
                format!("`{field}` is empty"),
                "an override says who answers for it, and why",
            );
        }
    }
    for (field, list) in [("rules", &entry.rules), ("images", &entry.images)] {
        if list.is_empty() {
            diagnostics.add(
                &at.key(field),
                format!("`{field}` is empty"),
                "an override is for some rules and some images",
            );
        }
    }
    let mut rules = vec![];
    for (i, code) in entry.rules.iter().enumerate() {
        match code.parse() {
            Ok(rule) => rules.push(rule),
            Err(help) => {
                diagnostics.add(&at.key("rules").index(i), format!("`{code}` is not a rule"), String::clone(&help));
            }
        }
    }
    let mut images = vec![];
    for (i, text) in entry.images.iter().enumerate() {
        match text.parse::<Digest>() {
            Ok(digest) => images.push(digest.hex()),
            Err(_) => {
                let help = "write `sha256:` and 64 hexadecimal digits";
                diagnostics.add(&at.key("images").index(i), format!("`{text}` is not a digest"), help);
            }
        }
    }
    let until = moment(&at.key("until"), &entry.until, End::Last, diagnostics)?;
    let applied = AppliedOverride { approver: entry.approver.clone(), reason: entry.reason.clone(), until };
    Some(Override { rules, images, applied })
}
