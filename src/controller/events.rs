//! Events about an object. Pure: (status before, status after) → events.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::status::services;
use crate::crd::TestEnvironmentStatus;

/// Longest note that the API accepts.
const MAX_CHARS: usize = 1000;

/// An event to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Type `Warning`, not `Normal`.
    pub warning: bool,
    /// Reason, in CamelCase.
    pub reason: String,
    /// Action, in CamelCase.
    pub action: String,
    /// Message.
    pub note: String,
}

/// The events between two statuses: queued, started, blocked, and every milestone that became true or false.
pub fn between(before: &TestEnvironmentStatus, after: &TestEnvironmentStatus) -> Vec<Notice> {
    let mut events = vec![];
    let run = |s: &TestEnvironmentStatus| s.run.as_ref().map(|r| r.id.clone());
    if let (Some(position), None) = (after.queue_position, before.queue_position) {
        events.push(event(
            false,
            "Queued",
            "Wait",
            &format!("{position} run(s) must end first, or kept environments be removed"),
        ));
    }
    if run(after).is_some() && run(after) != run(before) {
        let commit = after.run.as_ref().map(|r| r.commit.clone()).unwrap_or_default();
        let text = format!("run {} of commit {commit} started", run(after).unwrap_or_default());
        events.push(event(false, "Started", "Run", &text));
    }
    if after.blocked != before.blocked
        && let Some(blocked) = &after.blocked
        && after.run.as_ref().is_none_or(|r| r.waiting.is_none())
    {
        events.push(event(true, "Blocked", "Wait", blocked));
    }
    let known = |c: &Condition| {
        before.conditions.iter().any(|k| k.type_ == c.type_ && k.status == c.status && k.reason == c.reason)
    };
    let provisioned = after.conditions.iter().any(|c| c.type_ == "Provisioned" && c.status == "True" && !known(c));
    for c in after.conditions.iter().filter(|c| c.status != "Unknown" && !known(c)) {
        let (warning, reason) = match (c.type_.as_str(), c.status.as_str(), c.reason.as_str()) {
            // A run may end between two reconciles: `Ready` is published all the same.
            ("Ready", ..) if provisioned => (false, "Ready".to_owned()),
            // Not yet ready, or not yet removed: no news.
            // `Finished` repeats what the conditions before it said.
            ("Ready" | "Finished", ..) | ("Removed", "False", "InUse" | "Removing") => continue,
            ("Tested", "True", reason) => (reason != "Passed", format!("Tests{reason}")),
            ("Tested", _, reason) => (true, format!("Run{reason}")),
            (type_, "True", _) => (false, type_.to_owned()),
            ("Removed", _, "Kept") => (false, "Kept".to_owned()),
            ("Validated", ..) => (true, c.reason.clone()),
            (type_, ..) => (true, format!("Not{type_}")),
        };
        let note = match (reason.as_str(), &after.run) {
            ("Ready", Some(run)) => services(run),
            _ => c.message.clone(),
        };
        events.push(event(warning, &reason, &c.type_, &note));
    }
    events
}

/// An event with its note truncated.
pub fn event(warning: bool, reason: &str, action: &str, note: &str) -> Notice {
    let note = match note.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &note[..end]),
        None => note.to_owned(),
    };
    Notice { warning, reason: reason.to_owned(), action: action.to_owned(), note }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::controller::decide::QueueState;
    use crate::controller::status::{DescriptionCheck, after_check, update};
    use crate::crd::{RunStatus, Stage};
    use crate::model::{Keep, Outcome};
    use jiff::Timestamp;

    fn updated(status: &TestEnvironmentStatus) -> TestEnvironmentStatus {
        update(status, Keep::Never, &[], &QueueState::Admitted, Timestamp::UNIX_EPOCH)
    }

    /// The status and the events after a runner changed the run.
    fn after(
        before: &TestEnvironmentStatus,
        change: impl FnOnce(&mut RunStatus),
    ) -> (TestEnvironmentStatus, Vec<Notice>) {
        let mut changed = before.clone();
        change(changed.run.as_mut().unwrap());
        let status = updated(&changed);
        let events = between(&changed, &status);
        (status, events)
    }

    fn reasons(events: &[Notice]) -> Vec<&str> {
        events.iter().map(|e| e.reason.as_str()).collect()
    }

    #[test]
    fn publishes_each_event_once() {
        let now = Timestamp::UNIX_EPOCH;
        let nothing = TestEnvironmentStatus::default();
        let result = DescriptionCheck::Valid {
            identity: None,
            environment: "e".into(),
            input_digest: "a".into(),
            description_digest: "d".into(),
            summary: String::new(),
        };
        let valid = updated(&after_check(nothing.clone(), 1, "abc", result, now));
        assert_eq!(reasons(&between(&nothing, &valid)), ["Validated"]);
        let mut begun = valid.clone();
        begun.run = Some(RunStatus { id: "r".into(), input_digest: "a".into(), ..RunStatus::default() });
        let begun = updated(&begun);
        assert_eq!(reasons(&between(&valid, &begun)), ["Started"]);
        let up =
            |r: &mut RunStatus| (r.stage, r.ready_time, r.services) = (Stage::Testing, Some(now), Some("1/1".into()));
        let over = |r: &mut RunStatus| {
            (r.stage, r.outcome, r.removal_time) = (Stage::Ended, Some(Outcome::Failed), Some(now));
        };
        let (is_up, events) = after(&begun, up);
        assert_eq!(reasons(&events), ["Provisioned", "Ready"]);
        let (done, events) = after(&is_up, over);
        assert_eq!(reasons(&events), ["TestsFailed", "NotSealed", "Removed"]);
        assert_eq!(between(&done, &done), []);
    }

    #[test]
    fn publishes_ready_once_for_a_run_that_ends_between_reconciles() {
        let now = Timestamp::UNIX_EPOCH;
        let begun = RunStatus { id: "r".into(), input_digest: "a".into(), ..RunStatus::default() };
        let begun = updated(&TestEnvironmentStatus {
            input_digest: Some("a".into()),
            run: Some(begun),
            ..TestEnvironmentStatus::default()
        });
        let (_, events) = after(&begun, |r| {
            (r.stage, r.ready_time, r.services) = (Stage::Removing, Some(now), Some("1/1".into()));
        });
        assert_eq!(reasons(&events), ["Provisioned", "Ready"]);
        assert_eq!(events[1].note, "1/1 services are ready");
        let (_, events) = after(&begun, |r| (r.stage, r.outcome) = (Stage::Ended, Some(Outcome::Error)));
        assert_eq!(reasons(&events), ["NotProvisioned", "RunError", "NotSealed"]);
        let (up, _) = after(&begun, |r| (r.stage, r.ready_time) = (Stage::Testing, Some(now)));
        let (removing, _) = after(&up, |r| r.stage = Stage::Removing);
        let mut kept = removing.clone();
        let run = kept.run.as_mut().unwrap();
        (run.stage, run.outcome, run.keep_reason) = (Stage::Ended, Some(Outcome::Passed), Some("it is wanted".into()));
        let status = update(&kept, Keep::Always, &[], &QueueState::Admitted, now);
        assert_eq!(reasons(&between(&kept, &status)), ["TestsPassed", "NotSealed", "Kept"]);
    }
}
