//! The result of an import.

use std::path::Path;

use super::context::Context;
use super::draft::Draft;
use super::names::description;
use super::notes::Notes;
use super::scalar::quoted;
use super::{link, write};
use crate::spec::parse::{self, ParsedDescription};
use crate::spec::{Diagnostics, Overrides};

/// A draft, and what became of the input.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The description, as YAML with comments.
    pub text: String,
    /// Services, databases and brokers of the draft.
    pub units: usize,
    /// Number of questions in the draft.
    pub questions: usize,
    /// What was mapped and dropped.
    pub notes: Notes,
}

impl Imported {
    /// Checks the draft as a description, apart from the files that it names.
    pub fn check(&self) -> Result<(), Diagnostics> {
        let parsed = parse::parse(Path::new("the draft"), self.text.as_bytes(), &Overrides::default());
        parsed.and_then(ParsedDescription::finish).map(drop)
    }

    /// The same description with another name.
    pub fn renamed(self, name: &str) -> Self {
        let name = format!("name: {}", quoted(&description(name)));
        let lines = self.text.lines().map(|line| if line.starts_with("name: ") { name.as_str() } else { line });
        Self { text: lines.collect::<Vec<_>>().join("\n") + "\n", ..self }
    }
}

/// Writes the draft. `origin` is the input as the user named it.
pub(super) fn finish(mut draft: Draft, context: Context, origin: &Path) -> Imported {
    let Context { values, secrets, mut notes, .. } = context;
    draft.values = values.0;
    draft.secrets = secrets.declared;
    link::link(&mut draft);
    draft.add_suite();
    let written = write::write(&draft, origin);
    notes.sort();
    Imported { units: draft.units().count(), text: written.text, questions: written.questions, notes }
}
