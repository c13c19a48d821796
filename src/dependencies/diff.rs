//! Compares both sides of a change.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::change::{ChangeKind, DependencyDiff, PackageChange, PathChange};
use super::image::{self, Named};
use super::path_kind::PathKind;
use super::side::{self, Side};
use super::signal::{self, Context};
use super::{compare, judge, manifest, split};
use crate::advisories::Bundle;
use crate::advisories::scan::waivers::Waiver;
use crate::advisories::scan::{self, Database, Finding, Matches, ScanRules, Subject};
use crate::base::{BaseError, FileKind, Snapshot};
use crate::packages::{Ecosystem, Gap, Package};
use crate::policy::DependencyLimits;

/// Longest manifest, description or container file that is compared, in bytes; a longer one counts as code.
const MAX_TEXT: u64 = 4 << 20;

/// What is compared, and by which rules.
pub struct DiffRequest<'a> {
    /// The base, as it was named.
    pub base: &'a Snapshot,
    /// Where the change begins, if it is not the base.
    pub from: Option<&'a Snapshot>,
    /// The head.
    pub head: &'a Snapshot,
    /// Of the policy.
    pub limits: &'a DependencyLimits,
    /// The time.
    pub now: Timestamp,
    /// The advisories, or why they cannot be used; none without any.
    pub bundle: Option<Result<&'a Bundle, String>>,
    /// Findings that somebody accepts.
    pub waivers: &'a [Waiver],
}

/// Why sides cannot be compared. Messages are whole sentences.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// A side cannot be read.
    #[error(transparent)]
    Base(#[from] BaseError),
    /// A lock file of the head cannot be read.
    #[error("{0}")]
    Lock(String),
}

/// Compares both sides, and judges the difference.
pub fn diff(request: &DiffRequest<'_>) -> Result<DependencyDiff, DiffError> {
    let DiffRequest { head, limits, now, .. } = *request;
    let from = request.from.unwrap_or(request.base);
    // A change may mend a lock file.
    let before = side::read(from, true).map_err(DiffError::Lock)?;
    let after = side::read(head, false).map_err(DiffError::Lock)?;
    let (mut paths, mut images) = (vec![], vec![]);
    for path in differing(from, head) {
        let is_included = before.included.contains(path) || after.included.contains(path);
        let (change, named) = path_change(path, from, head, is_included && is_list(path));
        paths.push(change);
        images.extend(compare::images(path, named.0.as_ref(), named.1.as_ref()));
    }
    let packages = compare::packages(&before, &after);
    let gaps = new_gaps(&before, &after);
    let mut found = advisories(request, &packages, &before, &after, &gaps);
    let context = Context { limits, now, fixing: found.fixing(), popular: std::mem::take(&mut found.popular) };
    let signals = signal::signals(&packages, &before, &after, &context);
    let kind = kind(&paths);
    let split = match (kind, from.commit(), head.commit()) {
        (ChangeKind::Mixed, Some(from), Some(head)) => split::commands(&paths, from, head),
        _ => vec![],
    };
    let mut diff = DependencyDiff {
        verdict: crate::model::Verdict::Inconclusive,
        reasons: vec![],
        kind,
        base: request.base.name.clone(),
        head: head.name.clone(),
        from_commit: from.commit().map(str::to_owned),
        head_commit: head.commit().map(str::to_owned),
        paths,
        packages,
        images,
        signals,
        notes: found.notes,
        brought_in: vec![],
        fixed: found.fixed,
        remaining: found.remaining,
        undecided: vec![],
        gaps,
        coverage: vec![],
        waivers: vec![],
        database: None,
        split,
    };
    judge::judge(&mut diff, found.scan, limits);
    Ok(diff)
}

fn differing<'a>(from: &'a Snapshot, head: &'a Snapshot) -> impl Iterator<Item = &'a String> {
    let all: BTreeSet<&String> = from.files.keys().chain(head.files.keys()).collect();
    all.into_iter().filter(|path| from.files.get(*path) != head.files.get(*path))
}

/// A requirements file must not make a lock file of a program by including it.
fn is_list(path: &str) -> bool {
    [".txt", ".in", ".pip", ".lock"].iter().any(|end| path.ends_with(end))
}

/// What a file is, and the images of both sides.
fn path_change(
    path: &str,
    from: &Snapshot,
    head: &Snapshot,
    is_included: bool,
) -> (PathChange, (Option<Named>, Option<Named>)) {
    let is_regular = |side: &Snapshot| side.files.get(path).is_none_or(|f| f.kind == FileKind::Regular);
    // Mode and digest: whether a file can be executed is code.
    let mode = |side: &Snapshot| side.files.get(path).and_then(|f| f.content.split(' ').next().map(str::to_owned));
    let same_mode = match (mode(from), mode(head)) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    let mut kind = if is_included { PathKind::Lock } else { PathKind::of(path) };
    let mut code = vec![];
    if !is_regular(from) || !is_regular(head) {
        return (PathChange { path: path.to_owned(), kind: PathKind::Code, code }, (None, None));
    }
    let read = |side: &Snapshot| side.files.get(path).map(|_| side.read(path, MAX_TEXT));
    let mut named = (None, None);
    match kind {
        PathKind::Manifest => match (read(from).transpose(), read(head).transpose()) {
            (Ok(a), Ok(b)) => code = manifest::other_changes(path, a.as_deref(), b.as_deref()),
            _ => code.push("it cannot be read".to_owned()),
        },
        PathKind::Code | PathKind::Test if image::could_name(path) => {
            let of = |side: &Snapshot| read(side).and_then(Result::ok).and_then(|bytes| image::named(path, &bytes));
            named = (of(from), of(head));
            kind = match &named {
                (Some(a), Some(b)) if a.rest == b.rest => PathKind::Image,
                (None, None) => kind,
                _ if path.ends_with(".yaml") || path.ends_with(".yml") => PathKind::Description,
                _ => kind,
            };
        }
        _ => {}
    }
    if !same_mode && kind.is_dependency() {
        code.push("its mode".to_owned());
    }
    (PathChange { path: path.to_owned(), kind, code }, named)
}

fn kind(paths: &[PathChange]) -> ChangeKind {
    let dependencies = paths.iter().any(|p| p.kind.is_dependency());
    let code = paths.iter().any(|p| p.kind.is_code() || !p.code.is_empty());
    match (dependencies, code) {
        (true, true) => ChangeKind::Mixed,
        (true, false) => ChangeKind::Dependencies,
        (false, true) => ChangeKind::Code,
        (false, false) => ChangeKind::None,
    }
}

/// What the head has and cannot be looked up, and the base does not have.
fn new_gaps(before: &Side, after: &Side) -> Vec<Gap> {
    let known: BTreeSet<(&str, &str)> =
        before.gaps.iter().map(|g| (g.place.file.as_str(), g.reason.as_str())).collect();
    let is_new = |g: &&Gap| !known.contains(&(g.place.file.as_str(), g.reason.as_str()));
    let mut gaps: Vec<Gap> = after.gaps.iter().filter(is_new).cloned().collect();
    gaps.sort();
    gaps
}

/// What advisories say of both sides.
#[derive(Default)]
struct Found {
    /// Of what the change brings; none if it brings no package.
    scan: Option<scan::ScanResult>,
    fixed: Vec<Finding>,
    remaining: Vec<Finding>,
    popular: BTreeMap<Ecosystem, Vec<String>>,
    notes: Vec<String>,
}

impl Found {
    fn fixing(&self) -> BTreeSet<(Ecosystem, String)> {
        let real = self.fixed.iter().filter(|f| f.notice.is_none());
        real.map(|f| (f.ecosystem.clone(), f.package.clone())).collect()
    }
}

fn advisories(
    request: &DiffRequest<'_>,
    changes: &[PackageChange],
    before: &Side,
    after: &Side,
    gaps: &[Gap],
) -> Found {
    let changed: BTreeSet<(&Ecosystem, &str)> = changes.iter().map(|c| (&c.ecosystem, c.name.as_str())).collect();
    let of = |side: &Side| -> Vec<Package> {
        side.packages().filter(|p| changed.contains(&(&p.ecosystem, p.name.as_str()))).cloned().collect()
    };
    let subject = |packages: Vec<Package>| Subject { packages, ..Subject::default() };
    let (old, new) = (subject(of(before)), Subject { gaps: gaps.to_vec(), ..subject(of(after)) });
    let brings = !new.packages.is_empty() || !gaps.is_empty();
    let rules = ScanRules { limits: request.limits.clone(), now: request.now };
    let mut found = Found::default();
    let unknown = |why: Option<String>| {
        brings.then(|| scan::judge_with(new.clone(), Matches::default(), None, why, &rules, request.waivers))
    };
    let bundle = match &request.bundle {
        Some(Ok(bundle)) => *bundle,
        Some(Err(why)) => return Found { scan: unknown(Some(why.clone())), ..found },
        None => return Found { scan: unknown(None), ..found },
    };
    let matched = scan::match_packages(&old, bundle).and_then(|old| Ok((old, scan::match_packages(&new, bundle)?)));
    let (old_matches, mut matches) = match matched {
        Ok(matched) => matched,
        Err(e) => return Found { scan: unknown(Some(format!("failed to {e}"))), ..found },
    };
    let is_in = |finding: &Finding, all: &[Finding]| all.iter().any(|other| is_same(finding, other));
    found.fixed = old_matches.findings.iter().filter(|f| !is_in(f, &matches.findings)).cloned().collect();
    let (remaining, brought_in) = matches.findings.into_iter().partition(|f| is_in(f, &old_matches.findings));
    (found.remaining, matches.findings) = (remaining, brought_in);
    for ecosystem in changes.iter().filter(|c| c.from.is_empty()).map(|c| &c.ecosystem).collect::<BTreeSet<_>>() {
        match bundle.popular(ecosystem) {
            Ok(Some(names)) => drop(found.popular.insert(ecosystem.clone(), names)),
            Ok(None) => found
                .notes
                .push(format!("look-alikes of {ecosystem} were not looked for: the advisories have no popular names")),
            Err(e) => found.notes.push(format!("look-alikes of {ecosystem} were not looked for: failed to {e}")),
        }
    }
    let database = Some((Database::of(bundle), &bundle.header.ecosystems));
    found.scan = brings.then(|| scan::judge_with(new, matches, database, None, &rules, request.waivers));
    found
}

/// The same advisory of the same package, in whatever version.
fn is_same(a: &Finding, b: &Finding) -> bool {
    let ids = |f: &Finding| std::iter::once(&f.id).chain(&f.aliases).cloned().collect::<BTreeSet<String>>();
    a.ecosystem == b.ecosystem && a.package == b.package && !ids(a).is_disjoint(&ids(b))
}
