//! From the bytes of a description to its typed form with every fault: the pure part of loading.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::check::{self, Checked};
use super::fault::{Diagnostic, DiagnosticSink, Faults};
use super::model::{API_VERSION, Environment, KIND};
use super::place::{self, At, Lines};
use super::tree::Node;
use super::{Overrides, schema, shape, template, tree, values};

/// A description that was parsed and checked, before the files that it refers to were read.
pub struct Draft {
    /// The description; not to be used while there are faults.
    environment: Environment,
    /// What was found so far.
    pub found: DiagnosticSink,
    file: PathBuf,
    text: String,
}

/// A file that the description refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where.
    pub at: At,
    /// Relative path as written.
    pub path: String,
    /// It is SQL, so it must be text.
    pub is_sql: bool,
}

/// Parses and checks; an error holds the faults that make it impossible to go on.
pub fn parse(file: &Path, bytes: &[u8], overrides: &Overrides) -> Result<Draft, Faults> {
    let text = String::from_utf8_lossy(if bytes.len() > tree::MAX_BYTES { &[] } else { bytes }).into_owned();
    let stop = |faults: Vec<Diagnostic>| Faults::new(file, &text, faults, 0);
    let (mut root, repeated) = tree::parse(bytes).map_err(stop)?;
    if let Some(fault) = foreign(&root) {
        return Err(stop(vec![fault]));
    }
    let Some(spots) = place::spots(&root) else {
        let help = "use shorter keys and fewer levels";
        return Err(stop(vec![Diagnostic::unplaced("", "the paths of the description are too long to handle", help)]));
    };
    let mut found = DiagnosticSink::new(spots);
    repeated.into_iter().for_each(|f| found.push(f));
    let known = values::collect(&mut root, overrides, &mut found);
    let secrets = template::expand(&mut root, &known, &mut found);
    let json = shape::check(&schema::schema(), &root, &mut found);
    match serde_json::from_value::<Environment>(json) {
        Ok(mut environment) => {
            check::run(&mut Checked { environment: &mut environment, secrets: &secrets, overrides, found: &mut found });
            Ok(Draft { environment, found, file: file.to_owned(), text })
        }
        Err(e) => {
            found.push(Diagnostic::unplaced(
                "",
                format!("the description cannot be read: {e}"),
                "compare it with `dayfly schema`",
            ));
            Err(Faults::new(file, &text, found.list, found.omitted))
        }
    }
}

/// A file of another program altogether gets one fault, not one for each of its keys.
fn foreign(root: &Node) -> Option<Diagnostic> {
    let is = |key: &str, value: &str| root.get(key).and_then(Node::text) == Some(value);
    let ours = root.get("apiVersion").and_then(Node::text).is_some_and(|v| v.starts_with("dayfly"));
    if ours || is("kind", KIND) {
        return None;
    }
    let message = "this is not a description of an environment";
    let help = format!("it must hold `apiVersion: {API_VERSION}` and `kind: {KIND}`");
    Some(Diagnostic::marked("", root.mark.clone(), message, help))
}

impl Draft {
    /// The files to read: every well-formed `path` and every SQL file.
    pub fn references(&self) -> Vec<Reference> {
        let mut wanted = Vec::new();
        for (name, service) in &self.environment.services {
            let at = At::root().key("services").key(name).key("files");
            for (target, source) in service.files.iter().filter(|(_, s)| s.text.is_none()) {
                let at = at.key(target).key("path");
                wanted.extend(source.path.iter().map(|p| Reference { at: at.clone(), path: p.clone(), is_sql: false }));
            }
        }
        for (name, database) in &self.environment.databases {
            let at = At::root().key("databases").key(name).key("sql");
            let sql = database.sql.iter().enumerate();
            wanted.extend(sql.map(|(i, p)| Reference { at: at.index(i), path: p.clone(), is_sql: true }));
        }
        wanted.retain(|r| check::is_inner_path(&r.path) && !self.found.is_unsound(&r.at));
        wanted
    }

    /// Line and column by path.
    pub fn locations(&self) -> BTreeMap<String, (usize, usize)> {
        let lines = Lines::new(&self.text);
        let start = |s: &place::Spot| s.key.as_ref().map_or(s.value.start, |k| k.start);
        self.found.spots.iter().map(|(path, s)| (path.clone(), lines.position(start(s)))).collect()
    }

    /// The description, if nothing is wrong with it.
    pub fn finish(self) -> Result<Environment, Faults> {
        if self.found.list.is_empty() {
            return Ok(self.environment);
        }
        Err(Faults::new(&self.file, &self.text, self.found.list, self.found.omitted))
    }
}
