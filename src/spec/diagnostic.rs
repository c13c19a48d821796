//! Diagnostics of a description, errors and warnings: what is wrong, where, and what to do; all of them at once.
//!
//! Pure: drawing returns text, printing is the command line's work.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::span::{FieldPath, Lines, Spans};

mod render;
mod severity;
mod suggest;

pub use severity::Severity;
pub use suggest::{all_near, known, near};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The file, where it is not the description itself but an included file, that of the base, or a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Path such as `services.api.port`, or the option of the command line such as `--set size`; may be empty.
    pub path: String,
    /// Line from 1; none for the command line and for the file as a whole.
    pub line: Option<usize>,
    /// Column from 1, in characters.
    pub column: Option<usize>,
    /// The problem, one sentence without a full stop.
    pub message: String,
    /// The remedy.
    pub help: String,
    /// Bytes to point at, within one line.
    #[serde(skip)]
    mark: Option<Range<usize>>,
    /// A second place that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub also: Option<SecondPlace>,
}

/// A second place that belongs to a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecondPlace {
    /// Line from 1.
    pub line: usize,
    /// Column from 1, in characters.
    pub column: usize,
    /// What it has to do with the diagnostic, in a few words.
    pub label: String,
    /// Bytes to point at, within one line.
    #[serde(skip)]
    mark: Range<usize>,
}

impl Diagnostic {
    /// A diagnostic of a place in the text.
    pub fn at(path: &str, mark: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { mark: Some(mark), ..Self::without_span(path, message, help) }
    }

    /// A diagnostic of the command line, or of the file as a whole (with an empty path).
    pub fn without_span(path: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        let (message, help) = (message.into(), help.into());
        let severity = Severity::Error;
        Self {
            severity,
            file: None,
            path: path.into(),
            line: None,
            column: None,
            message,
            help,
            mark: None,
            also: None,
        }
    }

    /// Points at a second place as well.
    pub fn also(mut self, mark: Range<usize>, label: &str) -> Self {
        self.also = Some(SecondPlace { line: 0, column: 0, label: label.to_owned(), mark });
        self
    }

    /// The same, of a text that stands behind this many other bytes.
    pub fn shifted(mut self, by: usize) -> Self {
        let moved = |mark: &Range<usize>| mark.start + by..mark.end + by;
        self.mark = self.mark.as_ref().map(moved);
        self.also.iter_mut().for_each(|also| also.mark = moved(&also.mark));
        self
    }

    /// The same, as a warning.
    pub fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }
}

/// Every diagnostic of one description, in the order of their lines. Its `Display` is the summary line.
#[derive(Debug, Clone)]
pub struct Diagnostics {
    /// The description, as the user named it.
    pub file: PathBuf,
    /// At most [`MAX_KEPT`] diagnostics; those of the command line come first.
    pub list: Vec<Diagnostic>,
    /// Number of further diagnostics.
    pub omitted: usize,
    source: String,
}

/// More diagnostics than this are counted only.
pub const MAX_KEPT: usize = 200;

impl Diagnostics {
    /// Sorts the diagnostics and finds their lines and columns.
    pub fn new(file: &Path, source: &str, mut list: Vec<Diagnostic>, omitted: usize) -> Self {
        let lines = Lines::new(source);
        let omitted = omitted + list.len().saturating_sub(MAX_KEPT);
        list.truncate(MAX_KEPT);
        for diagnostic in &mut list {
            if let Some(mark) = &diagnostic.mark {
                let (line, column) = lines.position(mark.start);
                (diagnostic.line, diagnostic.column) = (Some(line), Some(column));
                let included = lines.file(mark.start).map(|name| file.with_file_name(name).display().to_string());
                diagnostic.file = diagnostic.file.take().or(included);
            }
            if let Some(also) = &mut diagnostic.also {
                (also.line, also.column) = lines.position(also.mark.start);
            }
        }
        list.sort_by_key(|f| (f.file.clone(), f.line, f.column));
        Self { file: file.to_owned(), list, omitted, source: source.to_owned() }
    }

    /// Names the file in every diagnostic with a place that is in no included file, for readers of the list alone.
    pub fn in_file(mut self, name: &str) -> Self {
        self.list.iter_mut().filter(|d| d.line.is_some()).for_each(|d| {
            d.file.get_or_insert_with(|| name.to_owned());
        });
        self
    }

    /// The same, without lines of the file, which may hold what must not be shown.
    pub fn without_excerpts(mut self) -> Self {
        self.source = String::new();
        self
    }

    /// One diagnostic about the file as a whole.
    pub fn whole_file(file: &Path, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(file, "", vec![Diagnostic::without_span("", message, help)], 0)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.len() + self.omitted;
        let is_warning = |d: &Diagnostic| d.severity == Severity::Warning;
        let noun = if count > 0 && self.list.iter().all(is_warning) { "warning" } else { "error" };
        write!(f, "{count} {noun}{} in {}", if count == 1 { "" } else { "s" }, self.file.display())
    }
}

impl std::error::Error for Diagnostics {}

/// Collects diagnostics while a document is checked.
pub struct DiagnosticSink {
    /// Noun for the document as a whole.
    noun: &'static str,
    /// Marks by path.
    pub spans: Spans,
    /// Diagnostics found, at most [`MAX_KEPT`].
    pub list: Vec<Diagnostic>,
    /// Number of diagnostics beyond [`MAX_KEPT`].
    pub omitted: usize,
    /// Paths that already have a diagnostic; any other fault at or below them only follows from it.
    unsound: BTreeSet<String>,
}

impl DiagnosticSink {
    /// Nothing yet.
    pub fn new(spans: Spans, noun: &'static str) -> Self {
        Self { noun, spans, list: Vec::new(), omitted: 0, unsound: BTreeSet::new() }
    }

    /// True once further diagnostics are only counted: no more work on help for them.
    pub fn is_full(&self) -> bool {
        self.list.len() >= MAX_KEPT
    }

    /// Adds a ready-made diagnostic.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.is_full() {
            self.omitted += 1;
        } else {
            self.list.push(diagnostic);
        }
    }

    /// A path in words: the document, or the path in backticks.
    pub fn name(&self, at: &FieldPath) -> String {
        if at.as_str().is_empty() { format!("the {}", self.noun) } else { at.to_string() }
    }

    /// A diagnostic of a value, or of the nearest thing around it that is written down.
    pub fn add(&mut self, at: &FieldPath, message: impl Into<String>, help: impl Into<String>) {
        self.add_marked(at, false, message.into(), help.into());
    }

    /// A warning about a value.
    pub fn warn(&mut self, at: &FieldPath, message: impl Into<String>, help: impl Into<String>) {
        // The suites of the base are written elsewhere, and must not use up the number of warnings that are kept.
        let suite = at.as_str().strip_prefix("suites.").and_then(|place| place.split(['.', '[']).next());
        let is_own = suite.is_none_or(|name| self.spans.contains_key(&format!("suites.{name}")));
        if is_own && !self.is_unsound(at) {
            let warning = self.marked(at, false, message.into(), help.into()).warning();
            self.push(warning);
        }
    }

    /// A diagnostic of a key: the caret stands under the key.
    pub fn add_key(&mut self, at: &FieldPath, message: impl Into<String>, help: impl Into<String>) {
        self.add_marked(at, true, message.into(), help.into());
    }

    /// A diagnostic of a name that nothing has; helps with the one that was probably meant.
    pub fn add_unknown<'c>(
        &mut self,
        at: &FieldPath,
        message: String,
        name: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) {
        let help = if self.is_full() { String::new() } else { known(name, candidates) };
        self.add(at, message, help);
    }

    fn add_marked(&mut self, at: &FieldPath, key: bool, message: String, help: String) {
        if self.is_unsound(at) {
            return;
        }
        let diagnostic = self.marked(at, key, message, help);
        self.push(diagnostic);
    }

    /// A diagnostic with its place; inside of an alias also with the place where the alias stands.
    fn marked(&self, at: &FieldPath, key: bool, message: String, help: String) -> Diagnostic {
        let span = at.with_ancestors().find_map(|a| self.spans.get(a).map(|s| (a, s)));
        let Some((found, span)) = span else { return Diagnostic::at(at.as_str(), 0..0, message, help) };
        let mark = span.key.clone().filter(|_| key && found == at.as_str()).unwrap_or_else(|| span.value.clone());
        let diagnostic = Diagnostic::at(at.as_str(), mark, message, help);
        match &span.alias {
            Some(alias) => diagnostic.also(alias.clone(), "used here"),
            None => diagnostic,
        }
    }

    /// Says that what stands here is already known to be wrong.
    pub fn set_unsound(&mut self, at: &FieldPath) {
        self.unsound.insert(at.as_str().to_owned());
    }

    /// Returns true if this path or one that holds it already has a diagnostic.
    pub fn is_unsound(&self, at: &FieldPath) -> bool {
        at.with_ancestors().any(|a| self.unsound.contains(a))
    }

    /// Returns true if this is written in the description, as opposed to a default.
    pub fn is_written(&self, at: &FieldPath) -> bool {
        self.spans.contains_key(at.as_str())
    }
}
