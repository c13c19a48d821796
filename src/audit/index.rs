//! The index of an audit: what an auditor reads first. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::collect::{Collected, Period, Record};
use super::controls::{CONTROLS, Kind};
use super::merge::{Change, Proof};
use super::rows::{
    AuditIndex, ComponentRow, ControlRow, DecisionRow, LogState, PullRequestRow, RemovalRow, RunRow, SuiteRow,
    WaiverRow,
};
use crate::evidence::log::Comparison;
use crate::evidence::predicate::TestOutcome;
use crate::evidence::verify::VerifiedRun;
use crate::model::{Digest, ImageRef, SuiteSource};
use crate::spec::model::SuiteKind;

/// What an audit is made of.
#[derive(Debug)]
pub struct Facts<'a> {
    /// Time.
    pub period: Period,
    /// When it is made.
    pub now: Timestamp,
    /// Ids of the trusted keys.
    pub keys: Vec<String>,
    /// Records.
    pub collected: &'a Collected,
    /// Changes of the main branch; none if no repository was given.
    pub changes: Option<Vec<Change>>,
    /// The log compared with the evidence folder, or why it is refused; none if no key of a log was given.
    pub log: Option<Result<Comparison, String>>,
    /// Repository whose runs count; none for any.
    pub repository: Option<String>,
    /// Number of changes to sample, and the seed.
    pub sample: Option<(usize, u64)>,
}

/// Makes the index.
pub fn index(facts: Facts<'_>) -> AuditIndex {
    let collected = facts.collected;
    let log = facts.log.as_ref().map(log_state);
    let runs: Vec<RunRow> = collected.runs.iter().map(run_row).collect();
    let mut index = AuditIndex {
        schema_version: 1,
        period: facts.period,
        made_on: facts.now,
        keys: facts.keys,
        repository: facts.repository,
        findings: vec![],
        log,
        sample: sample(&facts.changes, &runs, facts.sample),
        controls: controls(&runs, collected, facts.changes.as_deref().unwrap_or_default()),
        pull_requests: pull_requests(&runs),
        components: components(&collected.runs),
        runs,
        decisions: collected.decisions.iter().map(decision_row).collect(),
        removals: collected.removals.iter().map(removal_row).collect(),
        waivers: collected.runs.iter().flat_map(waivers).collect(),
        refused: collected.refused.clone(),
        changes: facts.changes,
    };
    index.findings = findings(&index);
    index
}

fn log_state(log: &Result<Comparison, String>) -> LogState {
    let compared = match log {
        Ok(compared) => compared,
        Err(why) => {
            return LogState { complete: false, entries: 0, problems: vec![why.clone()], never_closed: vec![] };
        }
    };
    let missing = compared.missing.iter().map(|(at, entry)| {
        format!(
            "entry {at}: the statement {} of {} {} is not in the evidence folder",
            entry.statement, entry.environment, entry.id
        )
    });
    let unrecorded = compared.unrecorded.iter().map(|path| format!("{}: the log has no entry for it", path.display()));
    let unknown = compared.unknown.iter().map(|at| format!("entry {at} is not one that this version knows"));
    LogState {
        complete: compared.is_complete(),
        entries: compared.entries,
        problems: missing.chain(unrecorded).chain(unknown).collect(),
        never_closed: compared.never_closed.iter().map(|e| format!("{} of {}", e.id, e.environment)).collect(),
    }
}

fn findings(index: &AuditIndex) -> Vec<String> {
    let mut all = vec![];
    for change in index.changes.iter().flatten().filter(|change| !change.is_recorded()) {
        let why = match (change.record, change.passed) {
            (Proof::None, _) => "no run of this time tested it",
            (Proof::Number, _) => "only the number of its pull request connects it with runs",
            (Proof::Commit, _) => "the latest run that tested it did not pass",
        };
        all.push(format!("change {} ({}): {why}", change.commit, change.subject));
    }
    all.extend(index.log.iter().flat_map(|log| &log.problems).map(|problem| format!("log: {problem}")));
    all.extend(
        index.log.iter().flat_map(|log| &log.never_closed).map(|run| format!("run {run} was opened and never closed")),
    );
    all.extend(index.refused.iter().map(|(folder, why)| format!("{folder}: {why}")));
    let absent = index.runs.iter().filter(|run| run.raw_absent > 0);
    all.extend(absent.map(|run| format!("run {}: {} raw files are missing", run.id, run.raw_absent)));
    let overridden = index.decisions.iter().flat_map(|d| d.overrides.iter().map(move |(rule, o)| (d, rule, o)));
    all.extend(overridden.map(|(decision, rule, applied)| {
        format!(
            "decision {}: {} overrode `{rule}` for {}: {}",
            decision.id, applied.approver, decision.image, applied.reason
        )
    }));
    let left = index.removals.iter().filter(|removal| !removal.complete);
    all.extend(
        left.map(|removal| {
            format!("the removal of {} did not end completely ({})", removal.environment, removal.folder)
        }),
    );
    all
}

fn run_row(record: &Record<Box<VerifiedRun>>) -> RunRow {
    let run = &record.content.run;
    let suites = run.suites.iter().map(|suite| {
        let summary = &suite.summary;
        let from_base = summary.origin.as_ref().is_some_and(|o| o.source_ref.from == SuiteSource::Base);
        SuiteRow { name: summary.name.clone(), kind: summary.kind, verdict: summary.verdict, from_base }
    });
    RunRow {
        id: run.context.run_id.to_string(),
        folder: record.folder.clone(),
        keyid: record.content.keyid.clone(),
        environment: run.context.environment.id.clone(),
        repository: run.context.repo.as_ref().map(|repo| repo.uri.clone()),
        pr: run.context.pr.number,
        commit: run.context.pr.head_sha.clone(),
        started_on: run.context.started_on,
        outcome: run.outcome,
        suites: suites.collect(),
        removed: run.teardown.removed_on.is_some() && run.teardown.residual.is_empty(),
        raw_absent: record.content.raw_absent.len(),
    }
}

fn pull_requests(runs: &[RunRow]) -> Vec<PullRequestRow> {
    let mut all = BTreeMap::<(Option<String>, u32), PullRequestRow>::new();
    for run in runs {
        let (repository, number) = (run.repository.clone(), run.pr);
        let row = all.entry((repository.clone(), number)).or_insert_with(|| PullRequestRow {
            repository,
            number,
            runs: vec![],
            outcome: run.outcome,
        });
        row.runs.push(run.id.clone());
        row.outcome = run.outcome;
    }
    all.into_values().collect()
}

fn components(runs: &[Record<Box<VerifiedRun>>]) -> Vec<ComponentRow> {
    let mut all = BTreeMap::<(String, String), ComponentRow>::new();
    for run in runs.iter().map(|record| &record.content.run) {
        for unit in &run.units {
            let image = ImageRef::split(&unit.image).name().to_owned();
            let row = all.entry((unit.name.clone(), image.clone())).or_insert_with(|| ComponentRow {
                unit: unit.name.clone(),
                image,
                runs: 0,
                last_on: run.context.started_on,
                outcome: run.outcome,
            });
            row.runs += 1;
            (row.last_on, row.outcome) = (run.context.started_on, run.outcome);
        }
    }
    all.into_values().collect()
}

fn decision_row(record: &Record<crate::evidence::predicate::DecisionPredicate>) -> DecisionRow {
    let decision = &record.content.decision;
    let unmet = decision.rules.iter().filter(|rule| rule.is_unmet());
    let overrides = decision.rules.iter().filter_map(|rule| Some((rule.rule.clone(), rule.overridden.clone()?)));
    DecisionRow {
        id: decision.id.clone(),
        folder: record.folder.clone(),
        on: record.content.time_verified,
        image: record.content.resource_uri.clone(),
        allowed: record.content.verification_result == TestOutcome::Passed,
        unmet: unmet.map(|rule| format!("{}: {}", rule.rule, rule.message)).collect(),
        overrides: overrides.collect(),
        run: decision.run.as_ref().map(|run| run.id.clone()),
    }
}

fn removal_row(record: &Record<crate::evidence::predicate::RemovalPredicate>) -> RemovalRow {
    let removal = &record.content;
    RemovalRow {
        folder: record.folder.clone(),
        environment: removal.environment.id.clone(),
        on: removal.begun_on,
        complete: removal.ended_on.is_some() && removal.residual.is_empty() && removal.error.is_none(),
        reason: format!("{}: {}", removal.reason.kind, removal.reason.text),
    }
}

fn waivers(record: &Record<Box<VerifiedRun>>) -> Vec<WaiverRow> {
    let of_scan = record.content.scans.iter().flat_map(|scan| &scan.scanner.result);
    of_scan
        .filter_map(|found| {
            Some(WaiverRow {
                id: found.id.clone(),
                package: found.annotations.package.clone(),
                run: record.content.run.context.run_id.to_string(),
                waiver: found.annotations.waiver.clone()?,
            })
        })
        .collect()
}

fn controls(runs: &[RunRow], collected: &Collected, changes: &[Change]) -> Vec<ControlRow> {
    let with = |kind| runs.iter().filter(|run| run.suites.iter().any(|s| s.kind == kind)).count();
    let count = |kind: &Kind| match kind {
        Kind::Run => runs.len(),
        Kind::Acceptance => with(SuiteKind::Acceptance),
        Kind::Security => with(SuiteKind::Security),
        Kind::Scan => collected.runs.iter().map(|run| run.content.scans.len()).sum(),
        Kind::Decision => collected.decisions.len(),
        Kind::Removal => collected.removals.len(),
        Kind::Change => changes.iter().filter(|change| change.is_recorded()).count(),
    };
    let row = |c: &super::controls::Control| ControlRow {
        id: c.id,
        alias: c.alias,
        about: c.about,
        shows: c.shows,
        records: c.records.iter().map(count).sum(),
    };
    CONTROLS.iter().map(row).collect()
}

/// Draws changes, or runs where there are none, in an order that only the seed decides: anybody can draw them again.
fn sample(changes: &Option<Vec<Change>>, runs: &[RunRow], wanted: Option<(usize, u64)>) -> Vec<String> {
    let Some((count, seed)) = wanted else { return vec![] };
    let mut all: Vec<String> = match changes {
        Some(changes) => changes.iter().map(|change| change.commit.clone()).collect(),
        None => runs.iter().map(|run| run.id.clone()).collect(),
    };
    all.sort_by_key(|id| Digest::compute(format!("{seed} {id}")));
    all.truncate(count);
    all
}
