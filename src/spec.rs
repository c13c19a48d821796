//! The description: parse, check, resolve. Reports every error at once; never touches an engine.
//!
//! Bytes → tree → templates filled in → shape against the schema → types → meaning. All of that is pure; only
//! `files` reads, and [`load`] is the one function that calls it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

pub mod check;
pub mod diagnostic;
mod files;
pub mod model;
pub mod needs;
mod overrides;
pub mod parse;
pub mod pattern;
pub mod quantity;
pub mod schema;
pub mod schema_check;
pub mod span;
pub mod template;
mod values;
pub mod yaml;

pub use diagnostic::{Diagnostic, Diagnostics};
use model::Environment;
pub use overrides::Overrides;
pub use parse::ParsedDescription;

use crate::model::Digest;

/// A description without errors, values and images filled in.
#[derive(Debug, Clone)]
pub struct ValidDescription {
    /// The description.
    pub environment: Environment,
    /// Contents of the files that it refers to, by relative path as written.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Lower-case hexadecimal SHA-256 of the description as resolved, and of those files.
    pub digest: String,
    /// Line and column, both from 1, by path such as `suites.acceptance.cases[3].steps[1]`.
    pub locations: BTreeMap<String, (usize, usize)>,
    /// The YAML file.
    pub path: PathBuf,
}

/// Reads and checks a description: a YAML file, or a folder that holds `environment.yaml`.
///
/// Errors hold every diagnostic, also those of the overrides and of files referred to.
pub fn load(path: &Path, overrides: &Overrides) -> Result<ValidDescription, Diagnostics> {
    let (path, bytes) = files::read_description(path)?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    validate(path, &bytes, overrides, |wanted, diagnostics| files::read_referenced(&folder, wanted, diagnostics))
}

/// As [`load`], of a description and files that lie elsewhere than on a disk. Pure.
pub fn load_bytes(
    path: &Path,
    bytes: &[u8],
    files: &BTreeMap<String, Vec<u8>>,
    overrides: &Overrides,
) -> Result<ValidDescription, Diagnostics> {
    validate(path.to_owned(), bytes, overrides, |wanted, diagnostics| files::select(files, wanted, diagnostics))
}

fn validate(
    path: PathBuf,
    bytes: &[u8],
    overrides: &Overrides,
    files: impl FnOnce(&[files::FileReference], &mut diagnostic::DiagnosticSink) -> BTreeMap<String, Vec<u8>>,
) -> Result<ValidDescription, Diagnostics> {
    let mut parsed = parse::parse(&path, bytes, overrides)?;
    let files = files(&parsed.references(), &mut parsed.diagnostics);
    let locations = parsed.locations();
    let environment = parsed.finish()?;
    Ok(ValidDescription { digest: digest(&environment, &files), environment, files, locations, path })
}

fn digest(environment: &Environment, files: &BTreeMap<String, Vec<u8>>) -> String {
    let hashes: BTreeMap<&str, String> =
        files.iter().map(|(name, bytes)| (name.as_str(), Digest::compute(bytes).hex())).collect();
    Digest::compute_json(&json!({ "description": environment, "files": hashes })).hex()
}
