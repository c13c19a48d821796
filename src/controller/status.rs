//! What the controller says of an object. Pure: (what is seen, what was said, now) → what is said.

use jiff::Timestamp;

use super::decide::{PodState, RunnerPod, Turn};
use crate::crd::{Condition, Phase, RunStatus, Stage, TestEnvironmentStatus};
use crate::model::{Keep, Outcome};

/// Longest message of a condition.
const LONGEST: usize = 4096;

/// What came of checking the description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It is valid.
    Valid {
        /// The environment's name.
        environment: String,
        /// What a run depends on.
        input: String,
        /// What it asks for, in a few words.
        text: String,
    },
    /// It is at fault; nothing but a change of the object helps.
    Invalid(String),
    /// It is not there, or not as it must be, and may still come.
    Missing(String),
}

/// The status after the description was checked.
pub fn checked(
    mut status: TestEnvironmentStatus,
    generation: i64,
    commit: &str,
    found: Checked,
    now: Timestamp,
) -> TestEnvironmentStatus {
    let (value, reason, message) = match found {
        Checked::Valid { environment, input, text } => {
            (status.environment, status.input) = (Some(environment), Some(input));
            (status.observed_generation, status.observed_commit) = (Some(generation), Some(commit.to_owned()));
            ("True", "Valid", text)
        }
        Checked::Invalid(why) => {
            (status.environment, status.input) = (None, None);
            (status.observed_generation, status.observed_commit) = (Some(generation), Some(commit.to_owned()));
            ("False", "Invalid", why)
        }
        Checked::Missing(why) => {
            (status.environment, status.input) = (None, None);
            ("False", "DescriptionMissing", why)
        }
    };
    let known = status.conditions.iter().find(|c| c.kind == "Validated");
    let validated = condition("Validated", value, reason, &message, known, generation, now);
    status.conditions.retain(|c| c.kind != "Validated");
    status.conditions.insert(0, validated);
    status
}

/// The status as it is now: phase, conditions, queue, what blocks. What `checked` and the runner wrote is kept.
pub fn of(
    was: &TestEnvironmentStatus,
    keep: Keep,
    pods: &[RunnerPod],
    turn: &Turn,
    now: Timestamp,
) -> TestEnvironmentStatus {
    let mut status = was.clone();
    let valid = status.conditions.iter().find(|c| c.kind == "Validated").map(|c| c.status.clone());
    let run = was.run.as_ref().filter(|r| was.input.as_ref() == Some(&r.input));
    let waits = run.is_none() && was.input.is_some();
    (status.queue_position, status.queued) = match turn {
        Turn::Behind(position) if waits => (Some(*position), was.queued.or(Some(now))),
        _ if waits => (None, was.queued.or(Some(now))),
        _ => (None, None),
    };
    status.blocked = blocked(run, pods, turn, waits);
    status.phase = match (valid.as_deref(), was.run.as_ref(), run) {
        (Some("False"), Some(r), _) if r.released.is_none() => Some(phase(r)),
        (Some("False"), ..) => Some(Phase::Invalid),
        (_, _, Some(run)) => Some(phase(run)),
        (Some(_), ..) => Some(Phase::Queued),
        (None, ..) => None,
    };
    let generation = was.observed_generation.unwrap_or_default();
    for said in milestones(run, turn, waits, keep) {
        let known = was.conditions.iter().find(|c| c.kind == said.0);
        let new = condition(said.0, said.1, said.2, &said.3, known, generation, now);
        status.conditions.retain(|c| c.kind != said.0);
        status.conditions.push(new);
    }
    status
}

fn phase(run: &RunStatus) -> Phase {
    match run.stage {
        Stage::Waiting => Phase::Starting,
        Stage::Provisioning => Phase::Provisioning,
        Stage::Testing => Phase::Testing,
        Stage::Removing => Phase::Removing,
        Stage::Ended if run.released.is_some() => Phase::Done,
        Stage::Ended if run.kept.is_some() => Phase::Kept,
        Stage::Ended => Phase::Removing,
    }
}

fn blocked(run: Option<&RunStatus>, pods: &[RunnerPod], turn: &Turn, waits: bool) -> Option<String> {
    if waits && let Turn::Taken(by) = turn {
        return Some(format!(
            "TestEnvironment {by} has an environment of the same name; it must go first, or one of the two descriptions be named otherwise"
        ));
    }
    let run = run.filter(|r| r.stage != Stage::Ended)?;
    let pod = pods.iter().find(|p| p.run == run.id);
    match pod.map(|p| &p.state) {
        Some(PodState::Waiting { why: Some(why), .. }) => Some(format!("its runner does not start: {why}")),
        _ => run.waiting.clone(),
    }
}

type Said = (&'static str, &'static str, &'static str, String);

/// Every milestone after `Validated`, with status, reason and message.
fn milestones(run: Option<&RunStatus>, turn: &Turn, waits: bool, keep: Keep) -> [Said; 5] {
    let Some(run) = run else {
        let (reason, message) = match turn {
            Turn::Behind(n) if waits => ("Queued", format!("{n} run(s) must end before")),
            Turn::Taken(by) if waits => ("NameTaken", format!("TestEnvironment {by} has this environment")),
            _ => ("Pending", "no run has begun".to_owned()),
        };
        return ["Provisioned", "Ready", "Tested", "Sealed", "Released"]
            .map(|kind| (kind, "Unknown", reason, message.clone()));
    };
    [provisioned(run), ready(run), tested(run), sealed(run), released(run, keep)]
}

fn cause(run: &RunStatus) -> String {
    run.causes.first().cloned().unwrap_or_else(|| "the run ended before".into())
}

/// How many services are ready, in words.
pub fn services(run: &RunStatus) -> String {
    run.services.as_ref().map_or("the runner begins".into(), |s| format!("{s} services are ready"))
}

fn provisioned(run: &RunStatus) -> Said {
    match (run.ready, run.stage) {
        (Some(_), _) => ("Provisioned", "True", "Up", services(run)),
        (None, Stage::Ended) => ("Provisioned", "False", "NotReady", cause(run)),
        (None, _) => ("Provisioned", "Unknown", "ComingUp", services(run)),
    }
}

fn ready(run: &RunStatus) -> Said {
    let stays = run.kept.is_some() && run.released.is_none();
    match (run.ready, run.stage) {
        (Some(_), Stage::Testing) => ("Ready", "True", "Up", services(run)),
        (Some(_), Stage::Ended) if stays => ("Ready", "True", "Kept", run.kept.clone().unwrap_or_default()),
        (_, Stage::Removing | Stage::Ended) => ("Ready", "False", "Over", "the run is over".into()),
        _ => ("Ready", "False", "ComingUp", services(run)),
    }
}

fn tested(run: &RunStatus) -> Said {
    let told = |s: &crate::crd::SuiteStatus| {
        let verdict = s.verdict.map_or("runs", |v| v.word());
        format!("{} {verdict} ({} passed, {} failed, {} inconclusive)", s.name, s.passed, s.failed, s.inconclusive)
    };
    let suites = run.suites.iter().map(told).collect::<Vec<_>>().join("; ");
    match run.outcome {
        None => ("Tested", "Unknown", "Running", if suites.is_empty() { "no suite has begun".into() } else { suites }),
        Some(Outcome::Passed) => ("Tested", "True", "Passed", suites),
        Some(Outcome::Failed) => ("Tested", "True", "Failed", suites),
        Some(Outcome::Inconclusive) => {
            ("Tested", "True", "Inconclusive", format!("{suites} {}", cause(run)).trim().into())
        }
        Some(Outcome::Error) => ("Tested", "False", "Error", cause(run)),
        Some(Outcome::Aborted) => ("Tested", "False", "Aborted", cause(run)),
    }
}

fn sealed(run: &RunStatus) -> Said {
    match (&run.evidence, run.stage) {
        (Some(evidence), Stage::Ended) => (
            "Sealed",
            "True",
            "Signed",
            format!("sha256:{} in ConfigMap {}", evidence.digest, evidence.config_maps.join(", ")),
        ),
        (None, Stage::Ended) => ("Sealed", "False", "NoEvidence", cause(run)),
        _ => ("Sealed", "Unknown", "Running", "the run goes on".into()),
    }
}

fn released(run: &RunStatus, keep: Keep) -> Said {
    match (run.released, run.stage) {
        (Some(_), _) => ("Released", "True", "Removed", "nothing of the environment is left".into()),
        (None, Stage::Ended) if run.kept.is_some() && keep != Keep::Never => {
            let until = run.expires.map_or(String::new(), |e| format!(" until {}", e.strftime("%Y-%m-%dT%H:%M:%SZ")));
            ("Released", "False", "Kept", format!("it stays{until}"))
        }
        (None, Stage::Ended) => ("Released", "False", "Removing", "it is being removed".into()),
        (None, _) => ("Released", "False", "InUse", "the run goes on".into()),
    }
}

fn condition(
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
    known: Option<&Condition>,
    generation: i64,
    now: Timestamp,
) -> Condition {
    let message = match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    };
    // Whole seconds, as everywhere in the API: what is written is what is read back.
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    Condition {
        kind: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message,
        last_transition_time: known.filter(|c| c.status == status).map_or(now, |c| c.last_transition_time),
        observed_generation: Some(generation),
    }
}

#[cfg(test)]
mod tests;
