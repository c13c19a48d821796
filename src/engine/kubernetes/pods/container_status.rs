//! Classifies containers by the status and events of their pods. Pure.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus, Pod};

use crate::engine::kubernetes::cache::PodEvent;
use crate::engine::kubernetes::waiting_reason::{StartFailureKind, is_normal_waiting, start_failure_kind};
use crate::engine::{UNKNOWN_CODE, UnitState, words};
use crate::render::kubernetes::STOPPED;
pub use crate::render::kubernetes::UNIT_CONTAINER;

/// Time for which a problem that may pass by itself (a failed mount, a pod larger than every node) is tolerated.
const TOLERANCE: Duration = Duration::from_secs(7);

/// A reason why a container cannot start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartFailure {
    /// Its image is unavailable.
    Image(String),
    /// No node has capacity for it.
    Capacity(String),
    /// Any other reason.
    Start(String),
}

/// The phase of a container.
#[derive(Debug, Clone, PartialEq)]
pub enum ContainerPhase {
    /// It has not started; the latest event about it.
    Waiting(String),
    /// Its process runs.
    Running,
    /// Its process ended.
    Terminated { code: i64, oom_killed: bool },
    /// A suite stopped it.
    Stopped,
    /// It cannot start.
    Failed(StartFailure),
}

/// The status of a container, including ephemeral ones.
pub fn container<'a>(pod: &'a Pod, name: &str) -> Option<&'a ContainerStatus> {
    let status = pod.status.as_ref()?;
    let all = status.container_statuses.iter().flatten().chain(status.ephemeral_container_statuses.iter().flatten());
    all.into_iter().find(|c| c.name == name)
}

/// The latest termination of a container, even if it runs again.
pub fn last_termination(status: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    terminated(&status.state).or_else(|| terminated(&status.last_state))
}

fn terminated(state: &Option<ContainerState>) -> Option<&ContainerStateTerminated> {
    state.as_ref()?.terminated.as_ref()
}

/// Reports whether the process was OOM-killed.
pub fn oom_killed(end: &ContainerStateTerminated) -> bool {
    end.reason.as_deref() == Some("OOMKilled")
}

/// Classifies a container by the status of its pod and by events. `room` is how long its pod may wait for a node: one may be
/// drained, or an autoscaler may add one.
pub fn classify(pod: &Pod, name: &str, events: &[PodEvent], room: Duration, now: Timestamp) -> ContainerPhase {
    let uid = pod.metadata.uid.as_deref().unwrap_or_default();
    let events: Vec<PodEvent> = events.iter().filter(|n| n.uid == uid).cloned().collect();
    let events = events.as_slice();
    if let Some(why) = termination_reason(pod) {
        return ContainerPhase::Failed(StartFailure::Start(why));
    }
    let status = container(pod, name);
    let state = status.and_then(|s| s.state.as_ref());
    if state.is_some_and(|s| s.running.is_some()) || just_started(name, status, events) {
        return ContainerPhase::Running;
    }
    // A stopped container is not meant to start, so that its waiting reason does not matter.
    if is_stopped(pod, name) {
        return ContainerPhase::Stopped;
    }
    if let Some(end) = status.and_then(last_termination) {
        return classify_ended(end);
    }
    if let Some(waiting) = state.and_then(|s| s.waiting.as_ref()) {
        let reason = waiting.reason.as_deref().unwrap_or_default();
        let message = waiting.message.as_deref().unwrap_or_default();
        if let Some(failure) = waiting_failure(reason, message, events) {
            return ContainerPhase::Failed(failure);
        }
    }
    scheduling_failure(pod, room, now)
        .or_else(|| setup_failure(events, now))
        .map_or_else(|| ContainerPhase::Waiting(last_event(events)), ContainerPhase::Failed)
}

/// Reports whether an event tells of the first start: the status follows up to a second later. Events of later starts do not
/// count, because an event does not tell which start it is about.
fn just_started(name: &str, status: Option<&ContainerStatus>, events: &[PodEvent]) -> bool {
    let first = status.is_none_or(|s| {
        let waits = s.state.as_ref().and_then(|s| s.waiting.as_ref());
        s.restart_count == 0
            && last_termination(s).is_none()
            && waits.is_none_or(|w| w.reason.as_deref().is_some_and(is_normal_waiting))
    });
    let part = format!("{{{name}}}");
    first && events.iter().any(|n| n.reason == "Started" && n.field_path.ends_with(&part))
}

/// Reports whether `stop` replaced the image.
pub fn is_stopped(pod: &Pod, name: &str) -> bool {
    let containers = pod.spec.iter().flat_map(|s| &s.containers);
    containers.into_iter().any(|c| c.name == name && c.image.as_deref() == Some(STOPPED))
}

/// The reason if the pod was evicted, preempted or deleted.
pub fn termination_reason(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let said = |text: &Option<String>| text.clone().unwrap_or_default();
    if status.phase.as_deref() == Some("Failed") && status.reason.is_some() {
        return Some(format!("the cluster terminated its pod ({}): {}", said(&status.reason), said(&status.message)));
    }
    let disrupted = status.conditions.iter().flatten().find(|c| c.type_ == "DisruptionTarget" && c.status == "True");
    if let Some(why) = disrupted {
        return Some(format!("the cluster terminated its pod ({}): {}", said(&why.reason), said(&why.message)));
    }
    pod.metadata.deletion_timestamp.is_some().then(|| "its pod was deleted".into())
}

fn classify_ended(end: &ContainerStateTerminated) -> ContainerPhase {
    let message = end.message.as_deref().unwrap_or_default().trim();
    if never_started(end) {
        return ContainerPhase::Failed(StartFailure::Start(words::reason(message)));
    }
    ContainerPhase::Terminated { code: end.exit_code.into(), oom_killed: oom_killed(end) }
}

/// Reports whether the runtime could not start the process.
pub fn never_started(end: &ContainerStateTerminated) -> bool {
    matches!(end.reason.as_deref(), Some("StartError" | "ContainerCannotRun"))
}

/// The start failure that a waiting reason stands for, if it does not pass by itself.
fn waiting_failure(reason: &str, message: &str, events: &[PodEvent]) -> Option<StartFailure> {
    Some(match start_failure_kind(reason)? {
        StartFailureKind::Pull => {
            // The first events hold the cause; later ones only announce retries.
            let pulled = |n: &&PodEvent| n.warning && n.reason == "Failed" && n.message.starts_with("Failed to pull");
            let why = events.iter().rev().find(pulled).map_or(message, |n| &n.message);
            StartFailure::Image(pull_advice(why))
        }
        StartFailureKind::Image => StartFailure::Image(message.to_owned()),
        StartFailureKind::Create => StartFailure::Start(config_advice(message)),
        StartFailureKind::CrashLoop => StartFailure::Start(message.to_owned()),
    })
}

fn pull_advice(message: &str) -> String {
    let lower = message.to_lowercase();
    let any = |signs: &[&str]| signs.iter().any(|s| lower.contains(s));
    let advice = if any(&["\"localhost/"]) {
        "images named localhost/… are not pulled: load it on every node, or push it to a registry"
    } else if any(&["unauthorized", "denied", "authentication required", "authorization failed"]) {
        "the registry refuses it: pass credentials with --pull-secret, or check the name"
    } else if any(&["not found", "manifest unknown"]) {
        "the registry does not have it: check name and tag"
    } else if any(&[
        "no such host",
        "connection refused",
        "i/o timeout",
        "no route",
        "unreachable",
        "deadline exceeded",
    ]) {
        "the node cannot reach its registry: set a registry mirror (--registry-mirror), or load the image on the nodes"
    } else {
        return message.to_owned();
    };
    format!("{advice} ({message})")
}

fn config_advice(message: &str) -> String {
    let advice = if message.contains("image will run as root") {
        "its image runs as root; set `security.user` to a numeric user, or `security.root: true` with a `reason`"
    } else if message.contains("non-numeric user") {
        "its image names its user by name, and Kubernetes needs a number; set `security.user` to a numeric user"
    } else {
        return words::reason(message);
    };
    format!("{advice} (the kubelet says: {message})")
}

/// What the scheduler says about a pod that it finds no node for.
pub fn unschedulable(pod: &Pod) -> Option<&str> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let refused = conditions.iter().find(|c| c.type_ == "PodScheduled" && c.status == "False")?;
    (refused.reason.as_deref() == Some("Unschedulable")).then(|| refused.message.as_deref().unwrap_or_default())
}

fn scheduling_failure(pod: &Pod, room: Duration, now: Timestamp) -> Option<StartFailure> {
    let why = unschedulable(pod)?;
    let since = pod.metadata.creation_timestamp.as_ref().map(|t| t.0)?;
    let waited = Duration::try_from(now.duration_since(since)).unwrap_or_default();
    if exceeds_every_node(why) && waited >= TOLERANCE {
        return Some(StartFailure::Capacity(format!("it asks for more than any node has: {why}")));
    }
    (waited >= room.max(TOLERANCE)).then(|| {
        let waited = room.max(TOLERANCE).as_secs();
        StartFailure::Capacity(format!("no node had capacity for it within {waited} s: {why}"))
    })
}

/// Returns true if the scheduler says that every node is too small, however empty: "0/2 nodes are available: 2 Insufficient
/// memory. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
fn exceeds_every_node(why: &str) -> bool {
    let Some((nodes, rest)) = why.strip_prefix("0/").and_then(|w| w.split_once(" nodes are available: ")) else {
        return false;
    };
    let Some((reasons, preemption)) = rest.split_once("preemption: ") else { return false };
    let reasons = reasons.split(". ").next().unwrap_or_default().trim_end_matches(['.', ' ']);
    let all = |reason: &str| reason.trim().strip_prefix(nodes).is_some_and(|r| r.starts_with(" Insufficient "));
    nodes.parse::<u32>().is_ok_and(|n| n > 0)
        && reasons.split(", ").all(all)
        && preemption.contains(&format!(": {nodes} Preemption is not helpful for scheduling"))
}

fn setup_failure(events: &[PodEvent], now: Timestamp) -> Option<StartFailure> {
    const SETUP: [&str; 4] = ["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "NetworkNotReady"];
    // Events after set-up: earlier failures have passed.
    const PROGRESS: [&str; 4] = ["Pulling", "Pulled", "Created", "Started"];
    let mut since = events.iter().rev().take_while(|n| !PROGRESS.contains(&n.reason.as_str()));
    let failed = since.find(|n| n.warning && SETUP.contains(&n.reason.as_str()))?;
    outlasts_tolerance(failed.since?, now)
        .then(|| StartFailure::Start(format!("{}: {}", failed.reason, failed.message)))
}

/// Reports whether a problem that began then has lasted longer than tolerated.
pub fn outlasts_tolerance(since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(since).as_secs_f64() >= TOLERANCE.as_secs_f64()
}

fn last_event(events: &[PodEvent]) -> String {
    events.last().map_or_else(String::new, |n| format!("{}: {}", n.reason, n.message))
}

/// A unit's state from one of its pods.
pub fn unit_state(pod: &Pod) -> UnitState {
    let Some(status) = container(pod, UNIT_CONTAINER) else { return UnitState::Created };
    let runs = status.state.as_ref().is_some_and(|s| s.running.is_some());
    match last_termination(status) {
        _ if runs => UnitState::Running,
        Some(end) => UnitState::Exited { code: end.exit_code.into(), oom_killed: oom_killed(end) },
        None if termination_reason(pod).is_some() => UnitState::Exited { code: UNKNOWN_CODE, oom_killed: false },
        None => UnitState::Created,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    const MADE: &str = "2024-01-01T00:00:00Z";

    fn pod(image: &str, status: Value) -> Pod {
        let containers = json!([{"name": "unit", "image": image}]);
        serde_json::from_value(json!({
            "metadata": {"name": "api", "uid": "u1", "creationTimestamp": MADE}, "spec": {"containers": containers}, "status": status,
        }))
        .unwrap()
    }

    fn contained(state: Value, last: Value, restarts: u8) -> Value {
        json!({"phase": "Running", "containerStatuses": [{
            "name": "unit", "image": "", "imageID": "", "ready": false, "restartCount": restarts, "state": state, "lastState": last,
        }]})
    }

    fn note(uid: &str, reason: &str, warning: bool) -> PodEvent {
        PodEvent {
            reason: reason.into(),
            message: "said".into(),
            warning,
            since: Some(MADE.parse().unwrap()),
            uid: uid.into(),
            field_path: "spec.containers{unit}".into(),
        }
    }

    /// Classifies so many seconds after the pod was created.
    fn after(secs: i64, pod: &Pod, events: &[PodEvent]) -> ContainerPhase {
        let now = MADE.parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs(secs);
        classify(pod, "unit", events, Duration::from_secs(60), now)
    }

    #[test]
    fn tolerates_passing_problems_for_a_while() {
        let unmounted = pod("a", json!({"phase": "Pending"}));
        let failed = [note("u1", "FailedMount", true)];
        assert!(matches!(after(6, &unmounted, &failed), ContainerPhase::Waiting(_)));
        assert!(matches!(after(8, &unmounted, &failed), ContainerPhase::Failed(StartFailure::Start(_))));
    }

    /// A pod about which the scheduler says this.
    fn refused(why: &str) -> Pod {
        let refused = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why});
        pod("a", json!({"phase": "Pending", "conditions": [refused]}))
    }

    #[test]
    fn waits_for_a_node_as_long_as_the_unit_may_take() {
        let cordoned = refused(
            "0/1 nodes are available: 1 node(s) were unschedulable. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
        );
        assert!(matches!(after(59, &cordoned, &[]), ContainerPhase::Waiting(_)));
        let ContainerPhase::Failed(StartFailure::Capacity(why)) = after(60, &cordoned, &[]) else { unreachable!() };
        assert!(why.contains("within 60 s") && why.contains("were unschedulable"), "{why}");
    }

    #[test]
    fn gives_up_early_on_a_pod_that_is_larger_than_every_node() {
        let full = "0/2 nodes are available: 2 Insufficient memory. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.";
        let large = "0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.";
        let drained = "0/2 nodes are available: 1 Insufficient memory, 1 node(s) were unschedulable. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.";
        for (why, gives_up) in
            [(full, false), (large, true), (drained, false), ("no nodes available to schedule pods", false)]
        {
            let failed = matches!(after(8, &refused(why), &[]), ContainerPhase::Failed(StartFailure::Capacity(_)));
            assert_eq!(failed, gives_up, "{why}");
            assert!(matches!(after(6, &refused(why), &[]), ContainerPhase::Waiting(_)), "{why}");
        }
    }

    #[test]
    fn ignores_events_for_other_pod_uids() {
        let pending = pod("a", json!({"phase": "Pending"}));
        assert_eq!(
            after(8, &pending, &[note("u0", "FailedMount", true), note("u0", "Started", false)]),
            ContainerPhase::Waiting(String::new())
        );
    }

    #[test]
    fn trusts_started_events_only_for_the_first_start() {
        let started = [note("u1", "Started", false)];
        let creating = json!({"waiting": {"reason": "ContainerCreating"}});
        assert_eq!(after(1, &pod("a", contained(creating, json!({}), 0)), &started), ContainerPhase::Running);
        let ended = json!({"terminated": {"exitCode": 4, "reason": "OOMKilled"}});
        let again = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}});
        let seen = after(1, &pod("a", contained(again, ended, 1)), &started);
        assert_eq!(seen, ContainerPhase::Terminated { code: 4, oom_killed: true });
    }

    #[test]
    fn classifies_a_container_with_the_stop_image_as_stopped() {
        let ended = json!({"terminated": {"exitCode": 0, "reason": "Completed"}});
        let waits = json!({"waiting": {"reason": "InvalidImageName", "message": "no"}});
        assert_eq!(after(1, &pod(STOPPED, contained(waits.clone(), ended.clone(), 1)), &[]), ContainerPhase::Stopped);
        let backs_off =
            json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}});
        assert_eq!(after(1, &pod(STOPPED, contained(backs_off, ended.clone(), 1)), &[]), ContainerPhase::Stopped);
        // The same, but the description's own image is misspelt.
        let misspelt = after(1, &pod("A", contained(waits, json!({}), 0)), &[]);
        assert_eq!(misspelt, ContainerPhase::Failed(StartFailure::Image("no".into())));
    }

    #[test]
    fn reports_why_the_cluster_terminated_a_pod() {
        let evicted = pod("a", json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}));
        let ContainerPhase::Failed(StartFailure::Start(why)) = after(1, &evicted, &[]) else { unreachable!() };
        assert!(why.contains("Evicted") && why.contains("low on memory"), "{why}");
    }

    #[test]
    fn derives_the_state_of_a_unit_from_its_container() {
        let end = json!({"terminated": {"exitCode": 3, "reason": "OOMKilled"}});
        let run = json!({"running": {"startedAt": MADE}});
        let ended = UnitState::Exited { code: 3, oom_killed: true };
        let waits = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        let lost = json!({"phase": "Failed", "reason": "Evicted", "containerStatuses": contained(waits.clone(), json!({}), 0)["containerStatuses"]});
        for (status, state) in [
            (json!({"phase": "Pending"}), UnitState::Created),
            (contained(waits.clone(), json!({}), 0), UnitState::Created),
            (contained(run, end.clone(), 1), UnitState::Running),
            (contained(end.clone(), json!({}), 0), ended.clone()),
            (contained(waits, end, 1), ended),
            (lost, UnitState::Exited { code: -1, oom_killed: false }),
        ] {
            assert_eq!(unit_state(&pod("a", status.clone())), state, "{status}");
        }
    }
}
