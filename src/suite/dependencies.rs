//! Performs suites of kind `dependencies`: scans the images that run, by digest, and lock files; one case for each.
//!
//! What cannot be looked at is inconclusive, with the reason. `case` and `bill` are pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use jiff::Timestamp;
use tokio::time::timeout_at;

use super::outcome;
use crate::advisories::scan::waivers::Waiver;
use crate::advisories::scan::{self, Opened, ScanRules};
use crate::findings::Subject;
use crate::inventory;
use crate::lifecycle::RunEvent;
use crate::lifecycle::clock::elapsed_ms;
use crate::lifecycle::session::Session;
use crate::lockfiles::{self, LockKind};
use crate::model::{Digest, sanitize};
use crate::packages::{Gap, Place};
use crate::plan::{DependencyScan, ScannedImage, SuitePlan};
use crate::policy::DependencyLimits;
use crate::report::facts::{ScannedSubject, SubjectKind, SuiteFact};
use crate::sbom::{MEDIA_TYPE, Sbom, Target};
use crate::spec::ValidDescription;

mod bill;
mod case;

use bill::Bills;
use case::Scanned;

/// Images that are read at the same time.
const TOGETHER: usize = 2;
/// Most bytes of the raw file of a scan.
const MAX_RAW: usize = 4 << 20;

/// What scans of a run go by.
#[derive(Debug, Default)]
pub struct ScanInput {
    /// The advisories.
    pub advisories: Opened,
    /// What the policy accepts.
    pub limits: DependencyLimits,
    /// What somebody accepts; never of the change.
    pub waivers: Vec<Waiver>,
    /// Lock files by path, as the description names them; none if they are not at hand.
    pub lock_files: Option<BTreeMap<String, Vec<u8>>>,
    /// Folder of the description, for places in lock files.
    pub folder: String,
}

impl ScanInput {
    /// What the scans of a run of this description go by.
    pub fn of_run(
        valid: &ValidDescription,
        advisories: Opened,
        limits: DependencyLimits,
        waivers: Vec<Waiver>,
    ) -> Self {
        let folder = valid.path.parent().unwrap_or(Path::new("")).display().to_string();
        let suites = valid.environment.suites.values();
        let wanted: BTreeSet<&String> = suites.flat_map(|s| s.scan.iter().flat_map(|scan| &scan.lockfiles)).collect();
        let found = wanted.into_iter().filter_map(|path| Some((path.clone(), valid.files.get(path)?.clone())));
        Self { advisories, limits, waivers, lock_files: Some(found.collect()), folder }
    }
}

/// An image or a lock file, with the id of its case.
enum Item<'a> {
    Image(String, &'a ScannedImage),
    LockFile(&'a str),
}

/// Performs the suite, and fills in its cases, scans, raw files and verdict.
pub async fn execute(
    session: &Session,
    suite: &SuitePlan,
    scan: &DependencyScan,
    input: &Arc<ScanInput>,
    fact: &mut SuiteFact,
) {
    let deadline = tokio::time::Instant::now() + Duration::from_millis(suite.timeout_ms);
    let items = items(scan);
    let kept = case::findings_of_each(items.len());
    let source = fact.source.clone();
    let each = items.iter().map(|item| {
        let source = source.clone();
        async move {
            let (id, name) = item.title();
            session.journal.record(RunEvent::CaseStarted { suite: suite.name.clone(), id, name, attempt: 1 });
            let (started, began) = (Timestamp::now(), Instant::now());
            let looked = timeout_at(deadline, item.look(session, input)).await;
            let late = || format!("it was not read within {} s, the time limit of the suite", suite.timeout_ms / 1000);
            let (subject, digest) = looked.unwrap_or_else(|_| (unread(item.name(), late()), None));
            let named = item.subject(digest);
            let (target, sbom, subject) = bill(&named, subject, started).await;
            let result = judge(subject, input).await;
            let scanned = Scanned { started, took_ms: elapsed_ms(began), subject: named, result, sbom: None };
            (item.title(), scanned, source, target.zip(sbom))
        }
    });
    let mut results = futures::stream::iter(each).buffered(TOGETHER);
    let mut bills = Bills::new();
    while let Some(((id, name), mut scanned, source, listed)) = results.next().await {
        let place = |file: &str| Path::new(&input.folder).join(file).display().to_string();
        let raw = raw(&scanned);
        let raw_name = format!("scan-{}.json", fact.scans.len() + 1);
        fact.raw.push(session.journal.raw_file(&raw_name, "application/json", Some(&suite.name), &raw));
        if let Some((target, sbom)) = listed {
            let raw_name = format!("sbom-{}.cdx.json", fact.scans.len() + 1);
            let file = session.journal.raw_file(&raw_name, MEDIA_TYPE, Some(&suite.name), sbom.text.as_bytes());
            bills.add(target, sbom.serial, file.sha256.clone());
            scanned.sbom = Some(file.sha256.clone());
            fact.raw.push(file);
        }
        let (case, scan) = case::facts((id, name), scanned, source, kept, place);
        session.journal.record(RunEvent::CaseDone { suite: suite.name.clone(), case: case.clone() });
        fact.cases.push(case);
        fact.scans.push(scan);
    }
    let all = bills.environment(&session.lease.environment, Timestamp::now());
    fact.raw.push(session.journal.raw_file("sbom.cdx.json", MEDIA_TYPE, Some(&suite.name), all.text.as_bytes()));
    let (verdict, reason) = outcome::verdict(&fact.cases);
    (fact.verdict, fact.reason) = (Some(verdict), reason);
}

/// What is scanned. The id of an image is the first name that uses it; a lock file has a dot in its name, which no unit has.
fn items(scan: &DependencyScan) -> Vec<Item<'_>> {
    let images = scan.images.iter().map(|image| {
        let first = image.users().next().unwrap_or(&image.image);
        Item::Image(first.to_owned(), image)
    });
    images.chain(scan.lock_files.iter().map(|path| Item::LockFile(path))).collect()
}

impl Item<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Image(_, image) => &image.image,
            Self::LockFile(path) => path,
        }
    }

    /// Id and name of its case.
    fn title(&self) -> (String, String) {
        let holds = "with a known vulnerability that the policy refuses";
        match self {
            Self::Image(id, image) => {
                let users = image.users().collect::<Vec<_>>().join(", ");
                (id.clone(), format!("{} ({users}) has no package {holds}", image.image))
            }
            Self::LockFile(path) => ((*path).to_owned(), format!("the file names no package {holds}")),
        }
    }

    fn subject(&self, digest: Option<String>) -> ScannedSubject {
        let (kind, used_by) = match self {
            Self::Image(_, image) => (SubjectKind::Image, image.users().map(str::to_owned).collect()),
            Self::LockFile(_) => (SubjectKind::LockFile, vec![]),
        };
        ScannedSubject { kind, name: self.name().to_owned(), digest, used_by }
    }

    /// Its packages, and its digest if it could be read.
    async fn look(&self, session: &Session, input: &ScanInput) -> (Subject, Option<String>) {
        match self {
            Self::Image(_, image) => of_image(session, image).await,
            Self::LockFile(path) => of_lock_file(path, input),
        }
    }
}

async fn of_image(session: &Session, image: &ScannedImage) -> (Subject, Option<String>) {
    let name = &image.image;
    let archive = match session.engine.image_archive(&session.lease, image).await {
        Ok(archive) => archive,
        Err(e) => return (unread(name, format!("failed to {e}")), None),
    };
    let (digest, id) = (archive.digest.clone(), archive.id.clone());
    let (reader, _guard) = archive.into_reader();
    let named = name.clone();
    let read = tokio::task::spawn_blocking(move || {
        let mut inventory = inventory::read(reader, &named);
        inventory.expect(&id, &named);
        inventory
    });
    let shown = if name.contains(&digest) { digest.clone() } else { format!("{name} {digest}") };
    match read.await {
        Ok(i) => (Subject { sources: vec![shown], packages: i.packages, gaps: i.gaps }, Some(digest)),
        Err(e) => (unread(name, format!("failed to read the image: {e}")), None),
    }
}

fn of_lock_file(path: &str, input: &ScanInput) -> (Subject, Option<String>) {
    let Some(files) = &input.lock_files else {
        let why = "lock files are not stored with an environment; name the folder of the description with --lockfiles";
        return (unread(path, why.into()), None);
    };
    let Some(bytes) = files.get(path) else {
        return (unread(path, "the change does not have this file, or it cannot be read".into()), None);
    };
    let digest = Digest::compute(bytes).to_string();
    let Some(kind) = LockKind::at(Path::new(path)) else {
        return (unread(path, "its name is not that of a lock file".into()), Some(digest));
    };
    let subject = match lockfiles::parse_among(path, kind, files) {
        Ok(lock) => Subject { sources: vec![lock.path], packages: lock.packages, gaps: lock.gaps },
        Err(e) => unread(path, format!("failed to {e}")),
    };
    (subject, Some(digest))
}

/// Nothing is known of it.
fn unread(name: &str, reason: String) -> Subject {
    let place = Place { file: name.to_owned(), line: None };
    let gap = Gap { place, reason: sanitize::one_line(&reason, 600) };
    Subject { sources: vec![name.to_owned()], packages: vec![], gaps: vec![gap] }
}

/// What is listed of a target, with its SBOM, and the subject itself, on a thread that may wait.
async fn bill(named: &ScannedSubject, subject: Subject, at: Timestamp) -> (Option<Target>, Option<Sbom>, Subject) {
    let target = bill::target(named, &subject);
    match tokio::task::spawn_blocking(move || (bill::of(&target, at), target)).await {
        Ok((sbom, target)) => (Some(target), Some(sbom), subject),
        Err(_) => (None, None, subject),
    }
}

/// Looks up every package, on a thread that may wait.
async fn judge(subject: Subject, input: &Arc<ScanInput>) -> crate::findings::ScanResult {
    let rules = ScanRules { limits: input.limits.clone(), now: Timestamp::now() };
    let (input, of) = (input.clone(), rules.clone());
    let sources = subject.sources.clone();
    match tokio::task::spawn_blocking(move || scan::perform(subject, &input.advisories, &of, &input.waivers)).await {
        Ok(result) => result,
        Err(e) => {
            let name = sources.into_iter().next().unwrap_or_default();
            let why = Opened::Unusable(format!("failed to look up its packages: {e}"));
            scan::perform(unread(&name, "it was not looked up".into()), &why, &rules, &[])
        }
    }
}

/// Everything that a scan found, as JSON; without the lesser findings if that were too much.
fn raw(scanned: &Scanned) -> Vec<u8> {
    let json = |result: &crate::findings::ScanResult| serde_json::to_vec(result).unwrap_or_default();
    let whole = json(&scanned.result);
    if whole.len() <= MAX_RAW { whole } else { json(&case::bounded(&scanned.result, case::MAX_FINDINGS)) }
}
