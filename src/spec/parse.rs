//! Parses the bytes of a description to its typed form with every diagnostic: the pure part of loading.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, DiagnosticSink, Diagnostics};
use super::files::FileReference;
use super::model::{API_VERSION, Environment, KIND};
use super::span::{FieldPath, Lines, NodeSpan};
use super::template::SecretUse;
use super::yaml::Node;
use super::{Overrides, check, schema, schema_check, template, values, yaml};

/// A description that was parsed and checked, before the files that it refers to were read.
pub struct ParsedDescription {
    /// The description; not to be used while there are errors.
    pub(super) environment: Environment,
    /// Secrets that steps name.
    pub(super) secrets: Vec<SecretUse>,
    /// Diagnostics so far.
    pub diagnostics: DiagnosticSink,
    file: PathBuf,
    text: String,
}

/// Parses and checks; an error holds the diagnostics that make it impossible to continue.
pub fn parse(file: &Path, bytes: &[u8], overrides: &Overrides) -> Result<ParsedDescription, Diagnostics> {
    let text = String::from_utf8_lossy(if bytes.len() > yaml::MAX_BYTES { &[] } else { bytes }).into_owned();
    let stop = |list: Vec<Diagnostic>| Diagnostics::new(file, &text, list, 0);
    let (mut root, repeated) = yaml::parse(bytes).map_err(stop)?;
    if let Some(diagnostic) = foreign(&root) {
        return Err(stop(vec![diagnostic]));
    }
    let Some(spans) = yaml::spans(&root) else {
        let help = "use shorter keys and fewer levels";
        return Err(stop(vec![Diagnostic::without_span(
            "",
            "the paths of the description are too long to handle",
            help,
        )]));
    };
    let mut diagnostics = DiagnosticSink::new(spans);
    repeated.into_iter().for_each(|f| diagnostics.push(f));
    let known = values::collect(&mut root, overrides, &mut diagnostics);
    let secrets = template::expand(&mut root, &known, &mut diagnostics);
    let json = schema_check::check(&schema::schema(), &root, &mut diagnostics);
    match serde_json::from_value::<Environment>(json) {
        Ok(mut environment) => {
            check::run(&mut environment, &secrets, overrides, &mut diagnostics);
            Ok(ParsedDescription { environment, secrets, diagnostics, file: file.to_owned(), text })
        }
        Err(e) => {
            diagnostics.push(Diagnostic::without_span(
                "",
                format!("the description cannot be read: {e}"),
                "compare it with `dayfly schema`",
            ));
            Err(Diagnostics::new(file, &text, diagnostics.list, diagnostics.omitted))
        }
    }
}

/// Gives a file of another program one diagnostic, instead of one for each of its keys.
fn foreign(root: &Node) -> Option<Diagnostic> {
    let is = |key: &str, value: &str| root.get(key).and_then(Node::text) == Some(value);
    let ours = root.get("apiVersion").and_then(Node::text).is_some_and(|v| v.starts_with("dayfly"));
    if ours || is("kind", KIND) {
        return None;
    }
    let message = "this is not a description of an environment";
    let help = format!("it must contain `apiVersion: {API_VERSION}` and `kind: {KIND}`");
    Some(Diagnostic::at("", root.mark.clone(), message, help))
}

impl ParsedDescription {
    /// The files to read: every well-formed `path` and every SQL file.
    pub fn references(&self) -> Vec<FileReference> {
        let mut wanted = Vec::new();
        for (name, service) in &self.environment.services {
            let at = FieldPath::root().key("services").key(name).key("files");
            for (target, source) in service.files.iter().filter(|(_, s)| s.text.is_none()) {
                let at = at.key(target).key("path");
                wanted.extend(source.path.iter().map(|p| FileReference {
                    at: at.clone(),
                    path: p.clone(),
                    is_sql: false,
                }));
            }
        }
        for (name, database) in &self.environment.databases {
            let at = FieldPath::root().key("databases").key(name).key("sql");
            let sql = database.sql.iter().enumerate();
            wanted.extend(sql.map(|(i, p)| FileReference { at: at.index(i), path: p.clone(), is_sql: true }));
        }
        wanted.retain(|r| check::is_inner_path(&r.path) && !self.diagnostics.is_unsound(&r.at));
        wanted
    }

    /// Line and column by path.
    pub fn locations(&self) -> BTreeMap<String, (usize, usize)> {
        let lines = Lines::new(&self.text);
        let start = |s: &NodeSpan| s.key.as_ref().map_or(s.value.start, |k| k.start);
        self.diagnostics.spans.iter().map(|(path, s)| (path.clone(), lines.position(start(s)))).collect()
    }

    /// The description, if nothing is wrong with it.
    pub fn finish(self) -> Result<Environment, Diagnostics> {
        self.checked().map(|s| s.environment)
    }

    /// Itself, if nothing is wrong with it so far.
    pub(super) fn checked(self) -> Result<Self, Diagnostics> {
        if self.diagnostics.list.is_empty() {
            return Ok(self);
        }
        Err(Diagnostics::new(&self.file, &self.text, self.diagnostics.list, self.diagnostics.omitted))
    }
}
