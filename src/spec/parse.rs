//! Parses the bytes of a description to its typed form with every diagnostic: the pure part of loading.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::diagnostic::{DiagnosticSink, Diagnostics};
use super::document::{self, SourceText};
use super::files::{Content, FileReference};
use super::kind::ENVIRONMENT;
use super::model::{Environment, Suite};
use super::secret_use::SecretUse;
use super::span::FieldPath;
use super::{Overrides, check, include, schema, step_files, template, values};

/// A description that was parsed and checked, before the files that it refers to were read.
pub struct ParsedDescription {
    /// The description; not to be used while there are errors.
    pub(super) environment: Environment,
    /// Secrets that texts name.
    pub(super) secrets: Vec<SecretUse>,
    /// Diagnostics so far.
    pub diagnostics: DiagnosticSink,
    file: PathBuf,
    text: String,
    /// The files that it includes.
    pub(super) included: BTreeMap<String, Vec<u8>>,
}

/// Parses and checks; an error holds the diagnostics that make it impossible to continue. No file can be included.
pub fn parse(file: &Path, bytes: &[u8], overrides: &Overrides) -> Result<ParsedDescription, Diagnostics> {
    parse_with(file, bytes, overrides, &|_| Err(io::ErrorKind::NotFound.into()))
}

/// As [`parse`], with the files that the description includes.
pub(super) fn parse_with(
    file: &Path,
    bytes: &[u8],
    overrides: &Overrides,
    read: include::Read<'_>,
) -> Result<ParsedDescription, Diagnostics> {
    let (mut root, mut diagnostics, include::Included { text, files: included, .. }) =
        document::tree_with_included(&ENVIRONMENT, file, bytes, read)?;
    root.drop_extensions();
    let known = values::collect(&mut root, overrides, &mut diagnostics);
    let secrets = template::expand(&mut root, &known, &mut diagnostics);
    match document::typed::<Environment>(&ENVIRONMENT, &schema::schema(), &root, &mut diagnostics) {
        Some(mut environment) => {
            check::run(&mut environment, &secrets, overrides, &mut diagnostics);
            Ok(ParsedDescription { environment, secrets, diagnostics, file: file.to_owned(), text, included })
        }
        None => Err(Diagnostics::new(file, &text, diagnostics.list, diagnostics.omitted)),
    }
}

impl ParsedDescription {
    /// The files to read: every well-formed `path` and every SQL file.
    pub fn references(&self) -> Vec<FileReference> {
        let mut wanted = Vec::new();
        let services = self.environment.services.iter().map(|(name, s)| ("services", name, &s.files));
        let jobs = self.environment.jobs.iter().map(|(name, j)| ("jobs", name, &j.files));
        let databases = self.environment.databases.iter().map(|(name, d)| ("databases", name, &d.files));
        let named = services.chain(jobs).chain(databases);
        let named = named.map(|(section, name, files)| (FieldPath::root().key(section).key(name).key("files"), files));
        let broker = self.environment.broker.iter().map(|b| (FieldPath::root().key("broker").key("files"), &b.files));
        for (at, files) in named.chain(broker) {
            for (target, source) in files.iter().filter(|(_, s)| s.text.is_none()) {
                let at = at.key(target).key("path");
                wanted.extend(source.path.iter().map(|p| FileReference {
                    at: at.clone(),
                    path: p.clone(),
                    content: Content::Any,
                }));
            }
        }
        for (name, database) in &self.environment.databases {
            let at = FieldPath::root().key("databases").key(name).key("sql");
            let sql = database.sql.iter().enumerate();
            wanted.extend(sql.map(|(i, p)| FileReference { at: at.index(i), path: p.clone(), content: Content::Sql }));
        }
        wanted.extend(self.of_suites());
        wanted.extend(self.lock_files());
        self.readable(wanted)
    }

    /// The lock files that suites scan.
    pub(super) fn lock_references(&self) -> Vec<FileReference> {
        self.readable(self.lock_files())
    }

    fn lock_files(&self) -> Vec<FileReference> {
        let of = |(name, suite): (&String, &Suite)| {
            let at = FieldPath::root().key("suites").key(name).key("scan").key("lockfiles");
            let paths = suite.scan.iter().flat_map(|scan| scan.lockfiles.clone()).enumerate();
            let reference = |(i, path)| FileReference { at: at.index(i), path, content: Content::LockFile };
            paths.map(reference).collect::<Vec<_>>()
        };
        self.environment.suites.iter().flat_map(of).collect()
    }

    /// The files that suites refer to.
    pub(super) fn suite_references(&self) -> Vec<FileReference> {
        self.readable(self.of_suites())
    }

    fn of_suites(&self) -> Vec<FileReference> {
        let of = |(name, suite)| step_files::of_suite(&FieldPath::root().key("suites").key(name), suite);
        let all = self.environment.suites.iter().map(|(name, suite)| (name.as_str(), suite)).flat_map(of);
        all.map(|(at, path)| FileReference { at, path: path.to_owned(), content: Content::Any }).collect()
    }

    fn readable(&self, mut wanted: Vec<FileReference>) -> Vec<FileReference> {
        wanted.retain(|r| check::is_inner_path(&r.path) && !self.diagnostics.is_unsound(&r.at));
        wanted
    }

    /// Marks of everything that is written, by path.
    pub fn source(&self) -> SourceText {
        SourceText { text: self.text.clone(), spans: self.diagnostics.spans.clone() }
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
