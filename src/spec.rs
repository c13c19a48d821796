//! The description: parse, check, resolve. Reports every error at once; never touches an engine.
//!
//! Bytes → tree → templates filled in → shape against the schema → types → meaning. All of that is pure; only
//! `files` reads, and [`load`] is the one function that calls it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::json;

pub mod backing;
pub mod backing_services;
mod base;
pub mod check;
pub mod diagnostic;
pub mod directive;
pub mod document;
mod files;
mod include;
pub mod kind;
pub mod model;
pub mod moment;
pub mod needs;
mod overrides;
pub mod parse;
pub mod pattern;
pub mod ports;
pub mod quantity;
pub mod routing_key;
pub mod schema;
pub mod schema_check;
pub mod secret_text;
mod secret_use;
pub mod span;
pub mod step_files;
pub mod template;
mod values;
pub mod yaml;

pub use diagnostic::{Diagnostic, Diagnostics};
use document::SourceText;
use model::Environment;
pub use overrides::{BaseFile, Overrides};
pub use parse::ParsedDescription;

use crate::model::{Digest, EnvironmentScope, SuiteOrigin};

/// A description without errors, values and images filled in.
#[derive(Debug, Clone)]
pub struct ValidDescription {
    /// The description; with a base, its suites are the base's and those that only the change has.
    pub environment: Environment,
    /// Contents of the files that it refers to, by relative path as written.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Lower-case hexadecimal SHA-256 of the description as resolved, and of those files.
    pub digest: String,
    /// Line and column, both from 1, by path such as `suites.acceptance.cases[3].steps[1]`.
    pub locations: BTreeMap<String, (usize, usize)>,
    /// The included file, relative to the description, of every place that is in one.
    pub included: BTreeMap<String, String>,
    /// The text of the YAML file and its marks, without those of suites of the base, for diagnostics that follow.
    pub source: SourceText,
    /// The YAML file.
    pub path: PathBuf,
    /// Where each suite comes from.
    pub origins: BTreeMap<String, SuiteOrigin>,
    /// Scope of the environment's name.
    pub scope: Option<EnvironmentScope>,
    /// The description of the protected base, if the suites come from one.
    pub base: Option<BaseFile>,
    /// What is allowed but probably not meant; nothing about suites of the base.
    pub warnings: Diagnostics,
}

impl ValidDescription {
    /// `path:line` of every place in the description; places of a suite of the base are in the base's.
    pub fn sources(&self) -> BTreeMap<String, String> {
        let is_of_base = |place: &str| base::suite_of(place).is_some_and(|suite| is_of_base(&self.origins, suite));
        let file = |place: &str| match (self.base.as_ref().filter(|_| is_of_base(place)), self.included.get(place)) {
            (Some(base), Some(name)) => base.name_of(name),
            (Some(base), None) => base.name(),
            (None, Some(name)) => self.path.with_file_name(name).display().to_string(),
            (None, None) => self.path.display().to_string(),
        };
        self.locations.iter().map(|(place, (line, _))| (place.clone(), format!("{}:{line}", file(place)))).collect()
    }
}

fn is_of_base(origins: &BTreeMap<String, SuiteOrigin>, suite: &str) -> bool {
    origins.get(suite).is_some_and(SuiteOrigin::is_of_base)
}

/// Path of the description that a user named: a YAML file, or a folder that holds `environment.yaml`.
pub fn file_of(path: &Path) -> PathBuf {
    files::description_file(path)
}

/// Reads and checks a description: a YAML file, or a folder that holds `environment.yaml`.
///
/// Errors hold every diagnostic, also those of the overrides and of files referred to.
pub fn load(path: &Path, overrides: &Overrides) -> Result<ValidDescription, Diagnostics> {
    let (path, bytes) = files::read_description(path)?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let included = |path: &str| files::read_included(&folder, path);
    validate(path, &bytes, overrides, &included, |wanted, diagnostics| {
        files::read_referenced(&folder, wanted, diagnostics)
    })
}

/// Reads the bytes of a document that the user names, with the path of its file.
pub fn read(path: &Path) -> Result<(PathBuf, Vec<u8>), Diagnostics> {
    files::read_description(path)
}

/// As [`load`], of a description and files that lie elsewhere than on a disk. Pure.
pub fn load_bytes(
    path: &Path,
    bytes: &[u8],
    files: &BTreeMap<String, Vec<u8>>,
    overrides: &Overrides,
) -> Result<ValidDescription, Diagnostics> {
    let included = |path: &str| files.get(path).cloned().ok_or(std::io::ErrorKind::NotFound.into());
    validate(path.to_owned(), bytes, overrides, &included, |wanted, diagnostics| {
        files::select(files, wanted, diagnostics)
    })
}

/// The files that the suites of a base include or refer to, by path relative to its folder; only those that it includes and
/// lacks, if there are any. None if the base cannot be read, of which its
/// own diagnostics tell. Pure.
pub fn suite_files(base: &BaseFile, overrides: &Overrides) -> BTreeSet<String> {
    let overrides = Overrides { images: vec![], ttl: None, base: None, undeclared: true, ..overrides.clone() };
    let missing = RefCell::new(BTreeSet::new());
    let read = |path: &str| {
        base.file(path).inspect_err(|_| {
            missing.borrow_mut().insert(path.to_owned());
        })
    };
    let parsed = parse::parse_with(Path::new(&base.name()), &base.bytes, &overrides, &read);
    let missing = missing.take();
    if !missing.is_empty() {
        return missing;
    }
    let referred = parsed.iter().flat_map(ParsedDescription::suite_references).map(|r| r.path);
    referred.chain(parsed.iter().flat_map(|p| p.included.keys().cloned())).collect()
}

/// The lock files at these paths below a folder; without those that cannot be read, or would lead out of it.
pub fn lock_files<'a>(folder: &Path, paths: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, Vec<u8>> {
    let inner = paths.into_iter().filter(|path| check::is_inner_path(path));
    inner.filter_map(|path| Some((path.to_owned(), files::read_lock_file(folder, path).ok()?))).collect()
}

/// Most bytes of one file that a description refers to, and of all of them.
pub use files::{MAX_ALL as MAX_FILES, MAX_FILE};

fn validate(
    path: PathBuf,
    bytes: &[u8],
    overrides: &Overrides,
    included: include::Read<'_>,
    files: impl Fn(&[files::FileReference], &mut diagnostic::DiagnosticSink) -> BTreeMap<String, Vec<u8>>,
) -> Result<ValidDescription, Diagnostics> {
    let overrides = Overrides { undeclared: overrides.base.is_some(), ..overrides.clone() };
    let base = overrides.base.clone();
    let mut parsed = parse::parse_with(&path, bytes, &overrides, included)?;
    let of_base = base.as_ref().map(|b| base::parse(b, &parsed.environment.name, &overrides)).transpose()?;
    let of_change = &files;
    let mut files = of_change(&parsed.references(), &mut parsed.diagnostics);
    if let Some(of_base) = &of_base {
        // The suite is the base's, and what it looks at is the change's. A file that is missing is for the suite to tell.
        let mut unreadable = diagnostic::DiagnosticSink::new(span::Spans::default(), kind::ENVIRONMENT.noun);
        files.extend(of_change(&of_base.lock_references(), &mut unreadable));
    }
    files.extend(std::mem::take(&mut parsed.included));
    let source = parsed.source();
    let environment = parsed.finish()?;
    let (locations, included) = (source.locations(), source.files());
    let merged = match base.as_ref().zip(of_base) {
        Some((base, parsed)) => {
            base::check_declared(&path, &environment, &parsed.environment, &overrides)?;
            base::merge(environment, (locations, included), (&path, bytes), (base, parsed))?
        }
        None => base::Merged { origins: base::origins(&environment, &path, bytes), environment, locations, included },
    };
    let base::Merged { environment, origins, locations, included } = merged;
    let of_base = |place: &str| base::suite_of(place).is_some_and(|suite| is_of_base(&origins, suite));
    let source =
        SourceText { spans: source.spans.into_iter().filter(|(place, _)| !of_base(place)).collect(), ..source };
    let warnings = warnings(&path, &environment, &source);
    Ok(ValidDescription {
        digest: digest(&environment, &files, base.as_ref()),
        environment,
        files,
        locations,
        included,
        source,
        path,
        origins,
        scope: overrides.scope,
        base,
        warnings,
    })
}

/// Warnings about everything that is written in the description itself.
fn warnings(path: &Path, environment: &Environment, source: &SourceText) -> Diagnostics {
    let mut sink = diagnostic::DiagnosticSink::new(source.spans.clone(), kind::ENVIRONMENT.noun);
    check::warnings(environment, &mut sink);
    Diagnostics::new(path, &source.text, sink.list, sink.omitted)
}

fn digest(environment: &Environment, files: &BTreeMap<String, Vec<u8>>, base: Option<&BaseFile>) -> String {
    let mut whole = json!({ "description": environment, "files": hashes(files) });
    if let Some(base) = base.filter(|base| !base.files.is_empty()) {
        whole["baseFiles"] = json!(hashes(&base.files));
    }
    Digest::compute_json(&whole).hex()
}

/// Digests of files by path.
pub fn hashes(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<&str, String> {
    files.iter().map(|(name, bytes)| (name.as_str(), Digest::compute(bytes).hex())).collect()
}
