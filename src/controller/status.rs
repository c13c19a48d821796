//! The status of an object. Pure: (previous status, observed state, now) → status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::decide::{PodState, QueueState, RunnerPod};
use crate::crd::{Phase, RemovalReason, RunStatus, Stage, TestEnvironmentStatus, VerifiedIdentity};
use crate::model::{Keep, Outcome};

/// Longest message of a condition.
const MAX_CHARS: usize = 4096;

/// Result of checking the description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DescriptionCheck {
    /// The description is valid.
    Valid {
        /// The environment's name.
        environment: String,
        /// Digest of the run's inputs.
        input_digest: String,
        /// Digest of the description as resolved.
        description_digest: String,
        /// What the identity token proves, if there is one.
        identity: Option<VerifiedIdentity>,
        /// Summary of the description, in a few words.
        summary: String,
    },
    /// The description is invalid; the object must change.
    Invalid(String),
    /// The description is missing or unusable, and may still be created.
    Missing(String),
    /// The operator's policy refuses the description, and may still change.
    NotAllowed(String),
}

/// The status after the description was checked.
pub fn after_check(
    mut status: TestEnvironmentStatus,
    generation: i64,
    commit: &str,
    result: DescriptionCheck,
    now: Timestamp,
) -> TestEnvironmentStatus {
    let (value, reason, message) = match result {
        DescriptionCheck::Valid { environment, input_digest, description_digest, identity, summary } => {
            status.identity = identity;
            status.description_digest = Some(description_digest);
            (status.environment, status.input_digest) = (Some(environment), Some(input_digest));
            (status.observed_generation, status.observed_commit) = (Some(generation), Some(commit.to_owned()));
            ("True", "Valid", summary)
        }
        DescriptionCheck::Invalid(why) => {
            (status.environment, status.input_digest, status.description_digest) = (None, None, None);
            (status.observed_generation, status.observed_commit) = (Some(generation), Some(commit.to_owned()));
            ("False", "Invalid", why)
        }
        DescriptionCheck::Missing(why) => {
            (status.environment, status.input_digest, status.description_digest) = (None, None, None);
            ("False", "DescriptionMissing", why)
        }
        DescriptionCheck::NotAllowed(why) => {
            (status.environment, status.input_digest) = (None, None);
            ("False", "NotAllowed", why)
        }
    };
    let known = status.conditions.iter().find(|c| c.type_ == "Validated");
    let validated = condition("Validated", value, reason, &message, known, generation, now);
    status.conditions.retain(|c| c.type_ != "Validated");
    status.conditions.insert(0, validated);
    status
}

/// Updates phase, conditions, queue position and blocker. Keeps what `after_check` and the runner wrote.
pub fn update(
    before: &TestEnvironmentStatus,
    keep: Keep,
    pods: &[RunnerPod],
    queue: &QueueState,
    now: Timestamp,
) -> TestEnvironmentStatus {
    let mut status = before.clone();
    let valid = status.conditions.iter().find(|c| c.type_ == "Validated").map(|c| c.status.clone());
    let run = before.run.as_ref().filter(|r| before.input_digest.as_ref() == Some(&r.input_digest));
    let queued = run.is_none() && before.input_digest.is_some();
    (status.queue_position, status.queued_time) = match queue {
        QueueState::Waiting(position) if queued => (Some(*position), before.queued_time.or(Some(now))),
        _ if queued => (None, before.queued_time.or(Some(now))),
        _ => (None, None),
    };
    let claimed = run.filter(|r| r.stage != Stage::Ended && r.pod_uid.is_some());
    status.runner_missing_time = before.runner_missing_time.filter(|_| claimed.is_some());
    let missing = status.runner_missing_time.is_some();
    status.blocked = blocked(run, pods, queue, queued, missing);
    status.phase = match (valid.as_deref(), before.run.as_ref(), run) {
        (Some("False"), Some(r), _) if r.removal_time.is_none() => Some(phase(r)),
        (Some("False"), ..) => Some(Phase::Invalid),
        (_, _, Some(run)) => Some(phase(run)),
        (Some(_), ..) => Some(Phase::Queued),
        (None, ..) => None,
    };
    let generation = before.observed_generation.unwrap_or_default();
    let mut set = |milestone: Milestone, generation| {
        let known = before.conditions.iter().find(|c| c.type_ == milestone.0);
        let new = condition(milestone.0, milestone.1, milestone.2, &milestone.3, known, generation, now);
        status.conditions.retain(|c| c.type_ != milestone.0);
        status.conditions.push(new);
    };
    for milestone in milestones(run, queue, queued, keep) {
        set(milestone, generation);
    }
    let validated = before.conditions.iter().find(|c| c.type_ == "Validated");
    // A description that the policy refuses leaves the generation unobserved, and is checked all the same.
    let checked = validated.and_then(|c| c.observed_generation).unwrap_or(generation);
    set(finished(before.run.as_ref(), run, validated), checked);
    status
}

/// The condition that becomes true at every end: of the run, or of a request that no run follows.
fn finished(latest: Option<&RunStatus>, wanted: Option<&RunStatus>, validated: Option<&Condition>) -> Milestone {
    let refused = validated.filter(|c| c.status == "False" && matches!(c.reason.as_str(), "Invalid" | "NotAllowed"));
    let goes_on = latest.is_some_and(|r| r.stage != Stage::Ended);
    match (refused, wanted) {
        (Some(_), _) if goes_on => {
            ("Finished", "False", "Stopping", "the run of an earlier version is being stopped".into())
        }
        (Some(refused), _) => {
            let reason = if refused.reason == "Invalid" { "Invalid" } else { "NotAllowed" };
            ("Finished", "True", reason, refused.message.clone())
        }
        (None, Some(run)) if run.stage == Stage::Ended => {
            let outcome = run.outcome.unwrap_or(Outcome::Error);
            let message = if outcome == Outcome::Passed { "every suite passed".into() } else { cause(run) };
            ("Finished", "True", outcome_reason(outcome), message)
        }
        (None, Some(_)) => ("Finished", "False", "Running", "the run is in progress".into()),
        (None, None) => ("Finished", "False", "Pending", "no run has started".into()),
    }
}

fn outcome_reason(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "Passed",
        Outcome::Failed => "Failed",
        Outcome::Inconclusive => "Inconclusive",
        Outcome::Error => "Error",
        Outcome::Aborted => "Aborted",
    }
}

fn phase(run: &RunStatus) -> Phase {
    match run.stage {
        Stage::Waiting => Phase::Starting,
        Stage::Provisioning => Phase::Provisioning,
        Stage::Testing => Phase::Testing,
        Stage::Removing => Phase::Removing,
        Stage::Ended if run.removal_time.is_some() => Phase::Done,
        Stage::Ended if run.keep_reason.is_some() => Phase::Kept,
        Stage::Ended => Phase::Removing,
    }
}

fn blocked(
    run: Option<&RunStatus>,
    pods: &[RunnerPod],
    queue: &QueueState,
    queued: bool,
    missing: bool,
) -> Option<String> {
    if queued && let QueueState::NameTaken(by) = queue {
        return Some(format!(
            "TestEnvironment {by} has an environment of the same name; delete it first, or rename one of the two descriptions"
        ));
    }
    let run = run.filter(|r| r.stage != Stage::Ended)?;
    let pod = pods.iter().find(|p| p.run == run.id);
    if missing {
        return Some("its runner's pod is gone; its last report is awaited for a minute".into());
    }
    match pod.map(|p| &p.state) {
        Some(PodState::Pending { reason: Some(reason), .. }) => Some(format!("its runner does not start: {reason}")),
        _ => run.waiting.clone(),
    }
}

/// Type, status, reason and message of a condition.
type Milestone = (&'static str, &'static str, &'static str, String);

/// Every milestone after `Validated`.
fn milestones(run: Option<&RunStatus>, queue: &QueueState, queued: bool, keep: Keep) -> [Milestone; 5] {
    let Some(run) = run else {
        let (reason, message) = match queue {
            QueueState::Waiting(n) if queued => {
                ("Queued", format!("{n} run(s) must end first, or kept environments be removed"))
            }
            QueueState::NameTaken(by) if queued => {
                ("NameTaken", format!("TestEnvironment {by} has an environment of the same name"))
            }
            _ => ("Pending", "no run has started".to_owned()),
        };
        return ["Provisioned", "Ready", "Tested", "Sealed", "Removed"]
            .map(|type_| (type_, "Unknown", reason, message.clone()));
    };
    [provisioned(run), ready(run), tested(run), sealed(run), removed(run, keep)]
}

fn cause(run: &RunStatus) -> String {
    run.causes.first().cloned().unwrap_or_else(|| "the run ended early, without a cause".into())
}

/// The number of ready services, as a sentence.
pub fn services(run: &RunStatus) -> String {
    run.services.as_ref().map_or("the runner is starting".into(), |s| format!("{s} services are ready"))
}

fn provisioned(run: &RunStatus) -> Milestone {
    match (run.ready_time, run.stage) {
        (Some(_), _) => ("Provisioned", "True", "Up", services(run)),
        (None, Stage::Ended) => ("Provisioned", "False", "NotReady", cause(run)),
        (None, _) => ("Provisioned", "Unknown", "ComingUp", services(run)),
    }
}

fn ready(run: &RunStatus) -> Milestone {
    let stays = run.keep_reason.is_some() && run.removal_time.is_none();
    match (run.ready_time, run.stage) {
        (Some(_), Stage::Testing) => ("Ready", "True", "Up", services(run)),
        (Some(_), Stage::Ended) if stays => ("Ready", "True", "Kept", run.keep_reason.clone().unwrap_or_default()),
        (_, Stage::Removing | Stage::Ended) => ("Ready", "False", "Over", "the run has ended".into()),
        _ => ("Ready", "False", "ComingUp", services(run)),
    }
}

fn tested(run: &RunStatus) -> Milestone {
    let line = |s: &crate::crd::SuiteStatus| {
        let verdict = s.verdict.map_or("running", |v| v.word());
        format!("{} {verdict} ({} passed, {} failed, {} inconclusive)", s.name, s.passed, s.failed, s.inconclusive)
    };
    let suites = run.suites.iter().map(line).collect::<Vec<_>>().join("; ");
    match run.outcome {
        None => {
            ("Tested", "Unknown", "Running", if suites.is_empty() { "no suite has started".into() } else { suites })
        }
        Some(outcome @ (Outcome::Passed | Outcome::Failed)) => ("Tested", "True", outcome_reason(outcome), suites),
        Some(outcome @ Outcome::Inconclusive) => {
            ("Tested", "True", outcome_reason(outcome), format!("{suites} {}", cause(run)).trim().into())
        }
        Some(outcome @ (Outcome::Error | Outcome::Aborted)) => ("Tested", "False", outcome_reason(outcome), cause(run)),
    }
}

fn sealed(run: &RunStatus) -> Milestone {
    match (&run.evidence, run.stage) {
        (Some(evidence), Stage::Ended) => (
            "Sealed",
            "True",
            "Signed",
            format!("sha256:{} in ConfigMap {}", evidence.digest, evidence.config_maps.join(", ")),
        ),
        (None, Stage::Ended) => ("Sealed", "False", "NoEvidence", cause(run)),
        _ => ("Sealed", "Unknown", "Running", "the run is in progress".into()),
    }
}

fn removed(run: &RunStatus, keep: Keep) -> Milestone {
    match (run.removal_time, run.stage) {
        (Some(_), _) => {
            let (reason, why) = match &run.removal_reason {
                Some(why) if why.kind == RemovalReason::GONE => {
                    ("Gone", format!("the environment is gone: {}", why.text))
                }
                Some(why) => ("Removed", format!("the environment was removed ({}): {}", why.kind, why.text)),
                None => ("Removed", "the environment was removed".to_owned()),
            };
            ("Removed", "True", reason, why)
        }
        (None, Stage::Ended) if run.keep_reason.is_some() && keep != Keep::Never => {
            let until =
                run.expiration_time.map_or(String::new(), |e| format!(" until {}", e.strftime("%Y-%m-%dT%H:%M:%SZ")));
            ("Removed", "False", "Kept", format!("the environment is kept{until}"))
        }
        (None, Stage::Ended) => ("Removed", "False", "Removing", "the environment is being removed".into()),
        (None, _) => ("Removed", "False", "InUse", "the run is in progress".into()),
    }
}

fn condition(
    type_: &str,
    status: &str,
    reason: &str,
    message: &str,
    known: Option<&Condition>,
    generation: i64,
    now: Timestamp,
) -> Condition {
    let message = match message.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    };
    // Whole seconds, like every time in the API: the value reads back as it was written.
    let now = Time(Timestamp::from_second(now.as_second()).unwrap_or(now));
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message,
        last_transition_time: known.filter(|c| c.status == status).map_or(now, |c| c.last_transition_time.clone()),
        observed_generation: Some(generation),
    }
}

#[cfg(test)]
mod tests;
