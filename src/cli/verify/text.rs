//! Verified evidence as text. Pure.

use std::fmt::Write as _;

use super::evidence::VerifiedEvidence;
use crate::evidence::VerifyingKey;
use crate::evidence::predicate::{
    Context, Counts, Departure, Opened, Origin, RemovalPredicate, RunPredicate, SuiteSummary, VulnsPredicate,
};
use crate::evidence::verify::{Logged, StatementContent};
use crate::model::SuiteSource;
use crate::plan::Confinement;
use crate::report::display::{self, lost_cases};

/// Summarizes verified evidence in lines of label and value.
pub(super) fn summary(evidence: &VerifiedEvidence, key: &VerifyingKey, logged: Option<&Logged>) -> String {
    let mut text = format!("VERIFIED  outcome {}\n\n", evidence.outcome());
    line(&mut text, "signed by", format!("{} ({})", key.keyid(), key.kind()));
    if let Some(of) = logged {
        line(
            &mut text,
            "in the log",
            format!("{}: {} statement(s), the last is entry {}", of.origin, of.statements, of.index),
        );
    }
    match evidence {
        VerifiedEvidence::Run(r) => {
            run_text(&mut text, &r.run, r.opened.as_ref());
            r.scans.iter().for_each(|scan| scan_text(&mut text, scan));
            let absent = if r.raw_absent.is_empty() {
                String::new()
            } else {
                format!(", {} not here: {}", r.raw_absent.len(), r.raw_absent.join(", "))
            };
            line(&mut text, "files", format!("report.json and {} raw result(s) unchanged{absent}", r.raw_present));
        }
        VerifiedEvidence::File(StatementContent::Run(r)) => {
            run_text(&mut text, r, None);
            line(&mut text, "not checked", "suites, report and raw results; verify the folder for these".into());
        }
        VerifiedEvidence::File(StatementContent::Suite(s)) => {
            context_text(&mut text, &s.context);
            departure_text(&mut text, &format!("suite {}", s.suite.name), s.suite.departure.as_ref());
            suites_text(&mut text, &[&s.suite]);
        }
        VerifiedEvidence::File(StatementContent::Scan(s)) => {
            context_text(&mut text, &s.context);
            scan_text(&mut text, s);
        }
        VerifiedEvidence::File(StatementContent::Opened(o)) => {
            context_text(&mut text, &o.context);
            let names: Vec<_> = o.planned_suites.iter().map(|s| s.named.name.as_str()).collect();
            line(&mut text, "announced", names.join(", "));
        }
        VerifiedEvidence::File(StatementContent::Decision(d)) => {
            line(&mut text, "decision", format!("{} of {}", d.decision.id, d.time_verified));
            line(&mut text, "image", d.resource_uri.clone());
            for rule in d.decision.rules.iter().filter(|rule| rule.is_unmet()) {
                line(&mut text, "not met", format!("{}: {}", rule.rule, rule.message));
            }
        }
        VerifiedEvidence::Removal(r) => {
            removal_text(&mut text, r);
            if r.ended_on.is_none() {
                line(&mut text, "ended", "never: the remover died, or could not write the end".into());
            }
        }
        VerifiedEvidence::File(StatementContent::Removal(r)) => {
            removal_text(&mut text, r);
            line(&mut text, "not checked", "the other statement of this removal; verify the folder for it".into());
        }
    }
    text
}

fn scan_text(text: &mut String, of: &VulnsPredicate) {
    let scan = &of.scan;
    let found = of.scanner.result.len() + scan.omitted;
    let looked_up: Vec<_> = scan.coverage.iter().map(|c| format!("{} {}", c.packages, c.ecosystem)).collect();
    let verdict = display::verdict(Some(scan.verdict));
    let advisories = of.scanner.db.last_update.strftime("%Y-%m-%d");
    let what = format!("{found} finding(s) in {} package(s), advisories of {advisories}", looked_up.join(", "));
    line(text, "scanned", format!("{}/{}: {verdict}, {what}", scan.suite, scan.case));
}

fn removal_text(text: &mut String, removal: &RemovalPredicate) {
    let of = &removal.environment;
    line(text, "removal", removal.removal_id.to_string());
    line(text, "environment", format!("{} on {} at {}", of.id, of.engine_version, of.endpoint));
    line(text, "run", of.run_id.map_or_else(|| "none had it".into(), |r| r.to_string()));
    if let Some(pr) = &of.pr {
        let repository = of.repo.as_ref().map(|r| format!(" of {}", r.uri)).unwrap_or_default();
        let commit = if pr.head_sha.is_empty() { "none given" } else { &pr.head_sha };
        line(text, "commit", format!("{commit} (pull request {}{repository})", pr.number));
    }
    line(text, "reason", format!("{}: {}", removal.reason.kind, removal.reason.text));
    let by = &removal.remover;
    let more = [("account", &by.account), ("actor", &by.actor), ("job", &by.job)];
    let more = more.iter().filter_map(|(what, value)| Some(format!(", {what} {}", value.as_ref()?)));
    line(
        text,
        "removed by",
        format!("{}{} ({} {})", by.host, more.collect::<String>(), by.program.name, by.program.version),
    );
    line(text, "began", format!("{} by the remover's clock", removal.begun_on));
    if let Some(ended) = removal.ended_on {
        line(text, "ended", ended.to_string());
    }
    if let Some(error) = &removal.error {
        line(text, "failed", error.clone());
    }
    for residual in &removal.residual {
        line(text, "left behind", format!("{}: {}", residual.object, residual.reason));
    }
}

fn run_text(text: &mut String, run: &RunPredicate, opened: Option<&Opened>) {
    context_text(text, &run.context);
    line(text, "ended", run.finished_on.map_or_else(|| "sealed before teardown".into(), |t| t.to_string()));
    for image in &run.images {
        line(text, "image", format!("{} {}", image.reference, image.digest));
    }
    for claim in &run.sources {
        let said_by = claim.said_by.text();
        line(text, "built from", format!("{}: {}, {said_by}", claim.name, claim.built_from));
    }
    for linked in &run.with {
        line(text, "together", format!("with pull request {linked}, said by the requester"));
    }
    for cause in &run.causes {
        line(text, "cause", cause.text.clone());
    }
    let units = run.units.iter().map(|u| (u.name.clone(), &u.departure));
    let suites = run.suites.iter().map(|s| (format!("suite {}", s.summary.name), &s.summary.departure));
    for (name, departure) in units.chain(suites) {
        departure_text(text, &name, departure.as_ref());
    }
    if let Some(kept) = &run.teardown.kept {
        line(text, "kept", kept.clone());
    }
    if run.teardown.is_unconfirmed() {
        let warning = "never confirmed: the run was sealed before it removed its environment, and not again";
        line(text, "removal", warning.into());
    }
    for residual in &run.teardown.residual {
        line(text, "left behind", format!("{}: {}", residual.object, residual.reason));
    }
    suites_text(text, &run.suites.iter().map(|s| &s.summary).collect::<Vec<_>>());
    let ran = |name: &str| run.suites.iter().any(|s| s.summary.name == name);
    for planned in opened.iter().flat_map(|o| &o.planned_suites).map(|p| &p.named).filter(|p| !ran(&p.name)) {
        line(text, "suite", format!("{:<24} announced, never ran", planned.name));
    }
    for name in &run.left_out {
        line(text, "suite", format!("{name:<24} not run, because of its condition"));
    }
    for name in &run.not_selected {
        line(text, "suite", format!("{name:<24} not selected"));
    }
    for end in &run.unit_ends {
        line(text, "ended", display::unit_end(end));
    }
}

fn departure_text(text: &mut String, name: &str, departure: Option<&Departure>) {
    let Some(d) = departure else { return };
    let confinement = Confinement {
        root: d.root,
        writable_root: d.writable_root,
        capabilities: d.capabilities.clone(),
        ..Confinement::default()
    };
    let reason = d.reason.as_deref().unwrap_or("no reason given");
    line(text, "departure", format!("{name} {} ({reason})", confinement.departures().join(", ")));
}

fn context_text(text: &mut String, context: &Context) {
    line(text, "run", context.run_id.to_string());
    line(
        text,
        "environment",
        format!(
            "{} (description sha256:{})",
            context.environment.id,
            context.environment.description_digest.sha256.as_deref().unwrap_or("?")
        ),
    );
    let repository = context.repo.as_ref().map(|r| format!(" of {}", r.uri)).unwrap_or_default();
    line(text, "commit", format!("{} (pull request {}{repository})", context.pr.head_sha, context.pr.number));
    let policy = context.policy.as_ref().map_or_else(
        || "dayfly's built-in limits".to_owned(),
        |p| format!("{} (sha256:{})", p.uri, p.digest.sha256.as_deref().unwrap_or("?")),
    );
    line(text, "policy", policy);
    if let Some(r) = &context.requester {
        let user = r.user.as_deref().unwrap_or("unknown");
        let who = match (&r.namespace, &r.name) {
            (Some(namespace), name) => {
                format!("TestEnvironment {namespace}/{}, user {user}", name.as_deref().unwrap_or("?"))
            }
            (None, _) => format!("the command line, user {user}"),
        };
        line(text, "requested by", who);
        if let Some(proof) = &r.proven {
            line(text, "proven", format!("{}, by {}", proof.proves.join(", "), proof.by));
        }
        line(text, "only declared", context.declared.join(", "));
    }
    line(text, "began", format!("{} by the runner's clock", context.started_on));
    if let Some(engine) = &context.environment.engine_version {
        line(text, "engine", engine.clone());
    }
    for gap in &context.environment.engine_cannot {
        line(text, "not enforced", gap.clone());
    }
}

fn suites_text(text: &mut String, suites: &[&SuiteSummary]) {
    for suite in suites {
        let verdict = suite.verdict.map_or_else(|| "unfinished".into(), |v| format!("{v:?}").to_lowercase());
        line(text, "suite", format!("{:<24} {verdict:<13} {}", suite.name, counts(&suite.counts)));
        if let Some(origin) = suite.origin.as_ref().and_then(origin_text) {
            line(text, "", origin);
        }
    }
}

/// The origin of a suite in a run with a base.
fn origin_text(origin: &Origin) -> Option<String> {
    let source = &origin.source_ref;
    let sha256 = source.digest.sha256.as_deref().unwrap_or("?");
    if source.from == SuiteSource::Change {
        return origin.changed_in_pr.map(|_| "of the change: the base does not have it".into());
    }
    let commit = source.commit.as_ref().map(|c| format!("@{c}")).unwrap_or_default();
    let changed = if origin.changed_in_pr == Some(true) { "; the change alters or removes it" } else { "" };
    let lost = lost_cases(&origin.lost_cases).map(|l| format!("; {l}")).unwrap_or_default();
    Some(format!("of the base: {}{commit} (sha256:{sha256}){changed}{lost}", source.path))
}

fn counts(c: &Counts) -> String {
    let parts = [
        (c.passed, "passed"),
        (c.failed, "failed"),
        (c.inconclusive, "inconclusive"),
        (c.skipped, "skipped"),
        (c.flaky, "flaky"),
    ];
    let said: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if said.is_empty() { "no cases".into() } else { said.join(", ") }
}

fn line(text: &mut String, label: &str, value: String) {
    // Names and reasons come from files under test; control characters in them must not reach the terminal.
    let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(text, "{label:<13} {value}");
}
