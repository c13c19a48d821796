//! Replaces the suites of a change by those of its protected base. Pure.
//!
//! Suites, and the secrets and values that they use, are the base's; services, broker and databases are the change's. Suites
//! that only the change has stay, as suites of the change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::check;
use super::diagnostic::{Diagnostic, Diagnostics, known};
use super::files;
use super::model::{Environment, Suite};
use super::needs;
use super::overrides::{BaseFile, Overrides};
use super::parse::{self, ParsedDescription};
use super::span::FieldPath;
use crate::model::{Digest, SourceRef, SuiteOrigin, SuiteSource};

/// Line and column by path in a description.
pub(super) type Locations = BTreeMap<String, (usize, usize)>;

/// A change with the suites of its base.
pub(super) struct Merged {
    /// The description to run.
    pub(super) environment: Environment,
    /// Where each suite comes from.
    pub(super) origins: BTreeMap<String, SuiteOrigin>,
    /// Places of both descriptions: those of a suite of the base are in the base.
    pub(super) locations: Locations,
    /// The included file of the places that are in one.
    pub(super) included: BTreeMap<String, String>,
}

/// Checks the description of the base with the overrides of the change, for the environment of the description `name`.
pub(super) fn parse(base: &BaseFile, name: &str, overrides: &Overrides) -> Result<ParsedDescription, Diagnostics> {
    let images = &overrides.images;
    let overrides =
        Overrides { images: vec![], ttl: None, base: None, description: Some(name.to_owned()), ..overrides.clone() };
    let parsed = parse::parse_with(Path::new(&base.name()), &base.bytes, &overrides, &|path| base.file(path)).and_then(
        |mut parsed| {
            let wanted = parsed.suite_references();
            files::select(&base.files, &wanted, &mut parsed.diagnostics);
            parsed.checked()
        },
    );
    let parsed = parsed.map_err(|d| d.in_file(&base.name()))?;
    let of_suites: Vec<Diagnostic> = images
        .iter()
        .filter(|(name, _)| parsed.environment.suites.contains_key(name))
        .map(|(name, _)| {
            let message = format!("the suite `{name}` comes from the base, and its image with it");
            Diagnostic::without_span(&format!("--image {name}"), message, "change the image in the base")
        })
        .collect();
    if of_suites.is_empty() { Ok(parsed) } else { Err(Diagnostics::new(Path::new(&base.name()), "", of_suites, 0)) }
}

/// Refuses values of the command line that neither description declares.
pub(super) fn check_declared(
    path: &Path,
    change: &Environment,
    base: &Environment,
    overrides: &Overrides,
) -> Result<(), Diagnostics> {
    let declared: BTreeSet<&str> = change.values.keys().chain(base.values.keys()).map(String::as_str).collect();
    let unknown = overrides.set.iter().filter(|(name, _)| !declared.contains(name.as_str())).map(|(name, _)| {
        let message = format!("neither the description nor its base declares a value `{name}`");
        let help = format!("{}; values are declared under `values`", known(name, declared.iter().copied()));
        Diagnostic::without_span(&format!("--set {name}"), message, help)
    });
    let list: Vec<_> = unknown.collect();
    if list.is_empty() { Ok(()) } else { Err(Diagnostics::new(path, "", list, 0)) }
}

/// Where the suites of a description come from that has no base.
pub(super) fn origins(environment: &Environment, path: &Path, bytes: &[u8]) -> BTreeMap<String, SuiteOrigin> {
    let origin = SuiteOrigin { source_ref: of_change(path, bytes), changed_in_pr: None, lost_cases: vec![] };
    environment.suites.keys().map(|name| (name.clone(), origin.clone())).collect()
}

/// Puts the base's suites in place of the change's, and checks that the change still has what they refer to.
pub(super) fn merge(
    change: Environment,
    (locations, included): (Locations, BTreeMap<String, String>),
    (path, bytes): (&Path, &[u8]),
    (base, mut parsed): (&BaseFile, ParsedDescription),
) -> Result<Merged, Diagnostics> {
    let mut environment = change.clone();
    let of_base = parsed.environment.suites.clone();
    for name in of_base.values().flat_map(|s| &s.secrets) {
        let name = name
            .strip_suffix(".pub")
            .filter(|key| !name.is_empty() && parsed.environment.secrets.contains_key(*key))
            .unwrap_or(name);
        if let Some(secret) = parsed.environment.secrets.get(name) {
            environment.secrets.insert(name.to_owned(), secret.clone());
        }
    }
    environment.suites.clone_from(&of_base);
    let units = needs::of_units(&environment);
    for name in of_base.keys().filter(|n| units.contains_key(n.as_str())) {
        let message = format!("the name of the suite `{name}` is taken by a service, broker or database");
        parsed.diagnostics.add_key(&FieldPath::root().key("suites").key(name), message, "");
    }
    check::suites_only(&environment, &parsed.secrets, &mut parsed.diagnostics);
    for diagnostic in &mut parsed.diagnostics.list {
        diagnostic.message += " in the change under test";
        diagnostic.help =
            "this suite comes from the base, and the change must still have what it refers to; to change both, \
                           change the suite in the base first"
                .to_owned();
    }
    let source = parsed.source();
    let (of_parsed, files_of_parsed) = (source.locations(), source.files());
    parsed.checked().map_err(|d| d.in_file(&base.name()))?;

    let is_of_base = |place: &str| suite_of(place).is_some_and(|s| of_base.contains_key(s));
    let mut places: Locations = locations.into_iter().filter(|(place, _)| !is_of_base(place)).collect();
    places.extend(of_parsed.into_iter().filter(|(place, _)| is_of_base(place)));
    let mut files: BTreeMap<_, _> = included.into_iter().filter(|(place, _)| !is_of_base(place)).collect();
    files.extend(files_of_parsed.into_iter().filter(|(place, _)| is_of_base(place)));
    let mut origins: BTreeMap<_, _> =
        of_base.iter().map(|(n, s)| (n.clone(), of_suite(base, s, change.suites.get(n)))).collect();
    let new = SuiteOrigin { source_ref: of_change(path, bytes), changed_in_pr: Some(true), lost_cases: vec![] };
    for (name, suite) in change.suites.into_iter().filter(|(n, _)| !of_base.contains_key(n)) {
        origins.insert(name.clone(), new.clone());
        environment.suites.insert(name, suite);
    }
    Ok(Merged { environment, origins, locations: places, included: files })
}

/// The suite that a place such as `suites.security.cases[3]` belongs to.
pub(super) fn suite_of(place: &str) -> Option<&str> {
    place.strip_prefix("suites.")?.split(['.', '[']).next()
}

fn of_change(path: &Path, bytes: &[u8]) -> SourceRef {
    let path = path.display().to_string();
    SourceRef { from: SuiteSource::Change, commit: None, path, digest: Digest::compute(bytes).hex() }
}

/// The origin of a suite of the base, compared with the change's own version of it.
fn of_suite(base: &BaseFile, suite: &Suite, own: Option<&Suite>) -> SuiteOrigin {
    let kept: BTreeSet<&str> = own.iter().flat_map(|s| &s.cases).map(|c| c.id.as_str()).collect();
    SuiteOrigin {
        source_ref: SourceRef {
            from: SuiteSource::Base,
            commit: base.commit.clone(),
            path: base.path.clone(),
            digest: base.digest().hex(),
        },
        changed_in_pr: Some(own != Some(suite)),
        lost_cases: suite.cases.iter().map(|c| c.id.clone()).filter(|id| !kept.contains(id.as_str())).collect(),
    }
}
