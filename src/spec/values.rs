//! The values of a description: defaults, `--set`, and those that dayfly adds (`pr`, `commit`, `environment`). Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Overrides;
use super::diagnostic::{Diagnostic, DiagnosticSink, known};
use super::span::FieldPath;
use super::template::RESERVED;
use super::yaml::{Kind, Node, plain_value};
use crate::model::EnvironmentName;

/// Longest value, in bytes.
const MAX_VALUE: usize = 4096;

/// Applies `--set` to the tree, and returns every value as the text that templates insert.
pub(super) fn collect(
    root: &mut Node,
    overrides: &Overrides,
    diagnostics: &mut DiagnosticSink,
) -> BTreeMap<String, String> {
    let own = root.get("name").and_then(Node::text).unwrap_or_default();
    let description = overrides.description.as_deref().unwrap_or(own).to_owned();
    let mut all = BTreeMap::new();
    if let Some(Kind::Map(entries)) = root.get_mut("values").map(|v| &mut v.kind) {
        for e in entries.iter() {
            check(&e.key, &e.value, diagnostics);
        }
        for (name, text) in &overrides.set {
            match entries.iter_mut().find(|e| e.key == *name) {
                Some(e) => set(name, text, &mut e.value, diagnostics),
                None if overrides.undeclared => {}
                None => undeclared(name, entries.iter().map(|e| e.key.as_str()), diagnostics),
            }
        }
        all.extend(entries.iter().filter_map(|e| Some((e.key.clone(), e.value.text()?.to_owned()))));
    } else if !overrides.undeclared {
        overrides.set.iter().for_each(|(name, _)| undeclared(name, [], diagnostics));
    }
    let pr = overrides.pr.unwrap_or(0);
    all.insert("pr".into(), pr.to_string());
    all.insert("commit".into(), overrides.commit.clone().unwrap_or_else(|| "0".repeat(40)));
    all.insert("environment".into(), EnvironmentName::new(description, pr).scoped(overrides.scope.clone()).to_string());
    all
}

fn check(name: &str, value: &Node, diagnostics: &mut DiagnosticSink) {
    let at = FieldPath::root().key("values").key(name);
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !first || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        diagnostics.add_key(
            &at,
            format!("`{name}` cannot be the name of a value"),
            "begin with a letter; use letters, digits, `-` and `_`",
        );
    } else if RESERVED.contains(&name) {
        diagnostics.add_key(
            &at,
            format!("the name `{name}` is reserved in templates"),
            "choose another name for the value",
        );
    }
    if let Some(why) = value.text().and_then(unfit) {
        diagnostics.add(&at, format!("the value `{name}` {why}"), "keep values short; put larger texts into files");
    }
}

fn unfit(text: &str) -> Option<String> {
    match text {
        _ if text.len() > MAX_VALUE => Some(format!("is longer than {MAX_VALUE} bytes")),
        _ if text.contains("{{") => Some("contains `{{`, but values cannot contain templates".to_owned()),
        _ => None,
    }
}

/// `--set` keeps the type that the default has.
fn set(name: &str, text: &str, value: &mut Node, diagnostics: &mut DiagnosticSink) {
    let default = value.to_json();
    let Kind::Scalar { text: old, plain } = &mut value.kind else { return };
    let new = plain_value(text);
    let option = format!("--set {name}");
    let wrong = match (&default, &new) {
        (Value::Number(_), Value::Number(_)) | (Value::Bool(_), Value::Bool(_)) => None,
        (Value::Number(_), _) => Some("is a number by default"),
        (Value::Bool(_), _) => Some("is `true` or `false` by default"),
        _ => {
            *plain = false;
            None
        }
    };
    if let Some(kind) = wrong {
        diagnostics.push(Diagnostic::without_span(
            &option,
            format!("the value `{name}` {kind}, not `{text}`"),
            "give a value of the same kind",
        ));
    } else if let Some(why) = unfit(text) {
        diagnostics.push(Diagnostic::without_span(
            &option,
            format!("the value `{name}` {why}"),
            "keep values short and without templates",
        ));
    } else {
        *old = text.to_owned();
    }
}

fn undeclared<'a>(name: &str, declared: impl IntoIterator<Item = &'a str>, diagnostics: &mut DiagnosticSink) {
    let message = format!("the description declares no value `{name}`");
    let help = format!("{}; values are declared under `values`", known(name, declared));
    diagnostics.push(Diagnostic::without_span(&format!("--set {name}"), message, help));
}
