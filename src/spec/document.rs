//! From the bytes of a document to its tree, and from the tree to a type: the same for every kind. Pure.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::diagnostic::{Diagnostic, DiagnosticSink, Diagnostics};
use super::include::{self, Included};
use super::kind::{DocumentKind, ENVIRONMENT, GATE_OVERRIDES, GATE_POLICY, KEYS, POLICY, REGISTER, WAIVERS};
use super::model::API_VERSION;
use super::schema_check;
use super::span::{Lines, NodeSpan, Spans};
use super::yaml::{self, Node};

/// Returns true if the bytes are a YAML document that says it is of this kind.
pub fn is(kind: &'static DocumentKind, bytes: &[u8]) -> bool {
    yaml::parse(bytes, kind).is_ok_and(|(root, _)| says(&root, kind))
}

fn says(root: &Node, kind: &DocumentKind) -> bool {
    root.get("kind").and_then(Node::text) == Some(kind.kind)
}

/// Parses the bytes of a document to its tree, its text, and a sink with the diagnostics so far. An error holds the
/// diagnostics that make it impossible to continue.
pub fn tree(
    kind: &'static DocumentKind,
    file: &Path,
    bytes: &[u8],
) -> Result<(Node, DiagnosticSink, String), Diagnostics> {
    let none = |_: &str| Err(io::ErrorKind::NotFound.into());
    tree_with_included(kind, file, bytes, &none).map(|(root, diagnostics, included)| (root, diagnostics, included.text))
}

/// As [`tree`], with the files that the document includes.
pub fn tree_with_included(
    kind: &'static DocumentKind,
    file: &Path,
    bytes: &[u8],
    read: include::Read<'_>,
) -> Result<(Node, DiagnosticSink, Included), Diagnostics> {
    let text = String::from_utf8_lossy(if bytes.len() > yaml::MAX_BYTES { &[] } else { bytes }).replace('\0', "\u{1}");
    let stop = |text: &str, list: Vec<Diagnostic>| Diagnostics::new(file, text, list, 0);
    let (mut root, repeated) = yaml::parse(bytes, kind).map_err(|list| stop(&text, list))?;
    if let Some(diagnostic) = foreign(&root, kind) {
        return Err(stop(&text, vec![diagnostic]));
    }
    let mut included = include::expand(&mut root, text, read);
    let stop = |list: Vec<Diagnostic>| stop(&included.text, list);
    let Some(spans) = yaml::spans(&root) else {
        let message = format!("the paths of the {} are too long to handle", kind.noun);
        return Err(stop(vec![Diagnostic::without_span("", message, "use shorter keys and fewer levels")]));
    };
    let mut diagnostics = DiagnosticSink::new(spans, kind.noun);
    repeated.into_iter().chain(std::mem::take(&mut included.diagnostics)).for_each(|f| diagnostics.push(f));
    Ok((root, diagnostics, included))
}

/// Checks a tree against the schema of its kind and reads its value; none after a diagnostic that says why.
pub fn typed<T: DeserializeOwned>(
    kind: &'static DocumentKind,
    schema: &Value,
    root: &Node,
    diagnostics: &mut DiagnosticSink,
) -> Option<T> {
    let json = schema_check::check(schema, root, diagnostics);
    match serde_json::from_value(json) {
        Ok(value) => Some(value),
        Err(e) => {
            let message = format!("the {} cannot be read: {e}", kind.noun);
            diagnostics.push(Diagnostic::without_span(
                "",
                message,
                format!("compare it with `{}`", kind.schema_command),
            ));
            None
        }
    }
}

/// The JSON Schema (draft 2020-12) of a kind of document with `apiVersion` and `kind`: for editors, and for the check of its shape.
pub fn schema_of<T: JsonSchema>(kind: &'static DocumentKind, id: &str, title: &str) -> Value {
    let mut schema = schemars::schema_for!(T).to_value();
    if let Some(top) = schema.as_object_mut() {
        top.insert("$id".into(), json!(id));
        top.insert("title".into(), json!(title));
    }
    for (name, value) in [("apiVersion", API_VERSION), ("kind", kind.kind)] {
        if let Some(property) = schema.pointer_mut(&format!("/properties/{name}")).and_then(Value::as_object_mut) {
            property.insert("const".into(), json!(value));
        }
    }
    schema
}

/// Gives a file of another program, or of another kind, one diagnostic instead of one for each of its keys.
fn foreign(root: &Node, kind: &DocumentKind) -> Option<Diagnostic> {
    let at = |message: String, help: String| Some(Diagnostic::at("", root.mark.clone(), message, help));
    if let Some(other) = [&ENVIRONMENT, &POLICY, &REGISTER, &WAIVERS, &GATE_POLICY, &GATE_OVERRIDES, &KEYS]
        .into_iter()
        .find(|k| **k != *kind && says(root, k))
    {
        let message = format!("this is a {}, not a {}", other.noun, kind.purpose);
        return at(message, format!("name a {} (`kind: {}`)", kind.noun, kind.kind));
    }
    let ours = root.get("apiVersion").and_then(Node::text).is_some_and(|v| v.starts_with("dayfly"));
    if ours || says(root, kind) {
        return None;
    }
    let help = format!("it must contain `apiVersion: {API_VERSION}` and `kind: {}`", kind.kind);
    let other = match (root.get("apiVersion"), root.get("kind").and_then(Node::text), root.get("services")) {
        (Some(_), Some(other), _) => format!(", but a `{other}` of another program"),
        (None, None, Some(_)) => ", but looks like a Compose file".to_owned(),
        _ => String::new(),
    };
    at(format!("this is not a {}{other}", kind.purpose), help)
}

/// The text of a document, and the marks of everything in it by path.
#[derive(Debug, Clone)]
pub struct SourceText {
    /// The text.
    pub text: String,
    /// Marks by path.
    pub spans: Spans,
}

impl SourceText {
    /// The included file of each path that is written in one, relative to the description.
    pub fn files(&self) -> BTreeMap<String, String> {
        let lines = Lines::new(&self.text);
        let file = |s: &NodeSpan| lines.file(s.key.as_ref().map_or(s.value.start, |k| k.start));
        self.spans.iter().filter_map(|(path, s)| Some((path.clone(), file(s)?.to_owned()))).collect()
    }

    /// Line and column by path, both from 1.
    pub fn locations(&self) -> BTreeMap<String, (usize, usize)> {
        let lines = Lines::new(&self.text);
        let start = |s: &NodeSpan| s.key.as_ref().map_or(s.value.start, |k| k.start);
        self.spans.iter().map(|(path, s)| (path.clone(), lines.position(start(s)))).collect()
    }
}
