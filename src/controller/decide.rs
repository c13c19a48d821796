//! What to do next for one TestEnvironment. Pure: (what is seen, now) → one step.
//!
//! Nothing is remembered between two decisions: what was done is seen in the object and in the runners' pods.

use jiff::{SignedDuration, Timestamp};

use crate::crd::{RunStatus, Stage};
use crate::model::Keep;

/// How long a runner may wait for its image, a node or its files before the run is given up.
const STUCK: SignedDuration = SignedDuration::from_mins(2);
/// How long a runner may take to start although nothing is known to be wrong: a Secret without the file that is mounted
/// from it is never named in a pod's status.
const SLOW: SignedDuration = SignedDuration::from_mins(10);
/// How long an ended runner's pod stays, so that whoever follows its log reads it to the end.
const LINGER: SignedDuration = SignedDuration::from_mins(2);
/// How long runners that were told to end are waited for before an object goes.
const FAREWELL: SignedDuration = SignedDuration::from_mins(5);
/// How long an object's deletion may be held up at all: a namespace must never hang on it.
const HELD: SignedDuration = SignedDuration::from_mins(10);

/// What is seen of one TestEnvironment.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Generation of its spec.
    pub generation: i64,
    /// Since when it is being deleted.
    pub deleted: Option<Timestamp>,
    /// Whether dayfly's finalizer is on it.
    pub finalizer: bool,
    /// The generation that was checked last.
    pub checked: Option<i64>,
    /// What its run would depend on; none while its description is at fault.
    pub wanted: Option<String>,
    /// The environment that it asks for.
    pub environment: Option<String>,
    /// When its environment stays.
    pub keep: Keep,
    /// The run whose environment the janitor removed.
    pub reaped: Option<String>,
    /// The latest run.
    pub run: Option<RunStatus>,
    /// Pods of its runners, also of older runs.
    pub pods: Vec<RunnerPod>,
    /// Whether it may begin now.
    pub turn: Turn,
    /// How long an object stays when all is over; for good, when this is none.
    pub retain: Option<SignedDuration>,
}

/// A runner's pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerPod {
    /// Name.
    pub name: String,
    /// The run that it performs.
    pub run: String,
    /// How it is.
    pub state: PodState,
    /// It was told to end.
    pub leaving: bool,
}

/// How a runner's pod is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodState {
    /// Not running yet; why, and since when.
    Waiting { why: Option<String>, since: Timestamp },
    /// Running.
    Running,
    /// Ended; how.
    Ended { how: String },
}

/// Whether a run may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Now.
    Now,
    /// After this many others.
    Behind(u32),
    /// Never, as long as this other object asks for the same environment.
    Taken(String),
}

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Put the finalizer on the object.
    Finalize,
    /// Take the finalizer off; in `despite` what is left behind.
    Unfinalize { despite: Option<String> },
    /// Check the description.
    Check,
    /// Let it wait for its turn.
    Wait,
    /// Write down a new run.
    Begin,
    /// Make the runner of the run that is written down.
    Launch,
    /// Tell a runner to end.
    Stop { pod: String },
    /// The run has no runner any more, and will never end by itself.
    Lose { why: String },
    /// Remove the run's environment.
    Release,
    /// Remove an ended runner's pod.
    Tidy { pod: String },
    /// Delete the object, with its evidence: all has been over for long.
    Retire,
    /// Nothing, until something changes or this time comes.
    Rest { until: Option<Timestamp> },
}

const REST: Step = Step::Rest { until: None };

/// The next step.
pub fn next(seen: &Seen, now: Timestamp) -> Step {
    match seen.deleted {
        Some(_) if !seen.finalizer => REST,
        Some(since) => leave(seen, since, now),
        None if !seen.finalizer => Step::Finalize,
        None if seen.checked != Some(seen.generation) => Step::Check,
        None => stay(seen, now),
    }
}

/// It is being deleted: runners end by themselves and clean up, then what is left is removed, then it may go.
fn leave(seen: &Seen, since: Timestamp, now: Timestamp) -> Step {
    let unreleased = seen.run.as_ref().filter(|r| r.released.is_none());
    if passed(since, HELD, now) {
        let despite = unreleased.map(|r| format!("environment {} could not be removed", r.environment));
        return Step::Unfinalize { despite };
    }
    if let Some(pod) = seen.pods.iter().find(|p| !p.leaving) {
        return Step::Stop { pod: pod.name.clone() };
    }
    let running = seen.pods.iter().any(|p| !matches!(p.state, PodState::Ended { .. }));
    if running && !passed(since, FAREWELL, now) {
        return Step::Rest { until: Some(after(since, FAREWELL)) };
    }
    if unreleased.is_some() { Step::Release } else { Step::Unfinalize { despite: None } }
}

fn stay(seen: &Seen, now: Timestamp) -> Step {
    let Some(run) = &seen.run else { return begin(seen) };
    if let Some(old) = seen.pods.iter().find(|p| p.run != run.id && !p.leaving) {
        return Step::Stop { pod: old.name.clone() };
    }
    let pod = seen.pods.iter().find(|p| p.run == run.id);
    let current = seen.wanted.as_ref() == Some(&run.input);
    match (run.stage == Stage::Ended, current) {
        (false, true) => go_on(run, pod, now),
        (false, false) => replace(seen, run, pod),
        (true, _) => after_end(seen, run, pod, current, now),
    }
}

/// A run that is wanted and has not ended.
fn go_on(run: &RunStatus, pod: Option<&RunnerPod>, now: Timestamp) -> Step {
    match (pod, &run.pod) {
        (None, None) => Step::Launch,
        (None, Some(_)) => Step::Lose { why: "its runner's pod was removed, or its node went away".into() },
        (Some(RunnerPod { state: PodState::Ended { how }, .. }), _) => {
            Step::Lose { why: format!("its runner {how} before it could say how the run went") }
        }
        (Some(RunnerPod { name, state: PodState::Waiting { why, since }, .. }), _) => {
            let limit = if why.is_some() { STUCK } else { SLOW };
            if passed(*since, limit, now) {
                let unsaid = || format!("nobody says why; look with: kubectl describe pod {name}");
                Step::Lose { why: format!("its runner did not start: {}", why.clone().unwrap_or_else(unsaid)) }
            } else {
                Step::Rest { until: Some(after(*since, limit)) }
            }
        }
        (Some(_), _) => REST,
    }
}

/// A run that goes on although something else is wanted by now: it gives way.
fn replace(seen: &Seen, run: &RunStatus, pod: Option<&RunnerPod>) -> Step {
    let same_place = seen.environment.as_ref() == Some(&run.environment);
    if seen.wanted.is_some() && same_place && !matches!(seen.turn, Turn::Taken(_)) {
        // The newer run takes the environment over; the older runner is told to end in the next step.
        return Step::Begin;
    }
    match pod {
        Some(pod) if matches!(pod.state, PodState::Ended { .. }) => Step::Lose { why: "it was stopped".into() },
        Some(pod) if !pod.leaving => Step::Stop { pod: pod.name.clone() },
        Some(_) => REST,
        None => Step::Lose { why: "it was stopped".into() },
    }
}

fn after_end(seen: &Seen, run: &RunStatus, pod: Option<&RunnerPod>, current: bool, now: Timestamp) -> Step {
    let same_place = seen.environment.as_ref() == Some(&run.environment);
    let wants_more = !current && seen.wanted.is_some();
    let kept = run.kept.is_some() && seen.keep != Keep::Never && seen.reaped.as_ref() != Some(&run.id);
    let stays_until = run.expires.filter(|e| kept && *e > now);
    if run.released.is_none() && !(wants_more && same_place) && (wants_more || stays_until.is_none()) {
        return Step::Release;
    }
    if wants_more {
        return begin(seen);
    }
    let lingers = run.finished.map(|f| after(f, LINGER));
    match pod {
        Some(pod) if lingers.is_none_or(|until| until <= now) && !pod.leaving => Step::Tidy { pod: pod.name.clone() },
        Some(_) => Step::Rest { until: lingers.into_iter().chain(stays_until).filter(|t| *t > now).min() },
        None if run.released.is_none() => Step::Rest { until: stays_until },
        None => match run.finished.zip(seen.retain).map(|(f, retain)| after(f, retain)) {
            Some(end) if end <= now => Step::Retire,
            end => Step::Rest { until: end },
        },
    }
}

fn begin(seen: &Seen) -> Step {
    match (&seen.wanted, &seen.turn) {
        (None, _) => REST,
        (Some(_), Turn::Now) => Step::Begin,
        (Some(_), Turn::Behind(_) | Turn::Taken(_)) => Step::Wait,
    }
}

fn after(since: Timestamp, limit: SignedDuration) -> Timestamp {
    since.checked_add(limit).unwrap_or(Timestamp::MAX)
}

fn passed(since: Timestamp, limit: SignedDuration, now: Timestamp) -> bool {
    after(since, limit) <= now
}

#[cfg(test)]
mod tests;
