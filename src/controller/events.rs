//! What is worth an Event. Pure: (what was said, what is said) → events.

use super::status::services;
use crate::crd::{Condition, TestEnvironmentStatus};

/// Longest note that the API takes.
const LONGEST: usize = 1000;

/// Something to tell those who look at the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// It is no good news.
    pub warning: bool,
    /// In one word.
    pub reason: String,
    /// What was done, in one word.
    pub action: String,
    /// In a sentence.
    pub note: String,
}

/// The events between two statuses: phases that people wait for, and every milestone that came out one way or the other.
pub fn between(was: &TestEnvironmentStatus, is: &TestEnvironmentStatus) -> Vec<Told> {
    let mut events = vec![];
    let run = |s: &TestEnvironmentStatus| s.run.as_ref().map(|r| r.id.clone());
    if let (Some(position), None) = (is.queue_position, was.queue_position) {
        events.push(event(false, "Queued", "Wait", &format!("{position} run(s) must end before")));
    }
    if run(is).is_some() && run(is) != run(was) {
        let commit = is.run.as_ref().map(|r| r.commit.clone()).unwrap_or_default();
        let text = format!("run {} of commit {commit} begins", run(is).unwrap_or_default());
        events.push(event(false, "Started", "Run", &text));
    }
    if is.blocked != was.blocked
        && let Some(blocked) = &is.blocked
        && is.run.as_ref().is_none_or(|r| r.waiting.is_none())
    {
        events.push(event(true, "Blocked", "Wait", blocked));
    }
    let known =
        |c: &Condition| was.conditions.iter().any(|k| k.kind == c.kind && k.status == c.status && k.reason == c.reason);
    let came_up = is.conditions.iter().any(|c| c.kind == "Provisioned" && c.status == "True" && !known(c));
    for c in is.conditions.iter().filter(|c| c.status != "Unknown" && !known(c)) {
        let told = match (c.kind.as_str(), c.status.as_str(), c.reason.as_str()) {
            // A short run is over before anybody looked: that it was ready is told all the same.
            ("Ready", ..) if came_up => (false, "Ready".to_owned()),
            // Not yet, or as it must be: nothing to tell.
            ("Ready", ..) | ("Released", "False", "InUse" | "Removing") => continue,
            ("Tested", "True", reason) => (reason != "Passed", format!("Tests{reason}")),
            ("Tested", _, reason) => (true, format!("Run{reason}")),
            (kind, "True", _) => (false, kind.to_owned()),
            ("Released", _, "Kept") => (false, "Kept".to_owned()),
            ("Validated", ..) => (true, c.reason.clone()),
            (kind, ..) => (true, format!("Not{kind}")),
        };
        let note = match (told.1.as_str(), &is.run) {
            ("Ready", Some(run)) => services(run),
            _ => c.message.clone(),
        };
        events.push(event(told.0, &told.1, &c.kind, &note));
    }
    events
}

/// An event.
pub fn event(warning: bool, reason: &str, action: &str, note: &str) -> Told {
    let note = match note.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &note[..end]),
        None => note.to_owned(),
    };
    Told { warning, reason: reason.to_owned(), action: action.to_owned(), note }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::controller::decide::Turn;
    use crate::controller::status::{Checked, checked, of};
    use crate::crd::{RunStatus, Stage};
    use crate::model::{Keep, Outcome};
    use jiff::Timestamp;

    fn at(status: &TestEnvironmentStatus) -> TestEnvironmentStatus {
        of(status, Keep::Never, &[], &Turn::Now, Timestamp::UNIX_EPOCH)
    }

    /// What is told once a runner has changed the run in this way.
    fn told(was: &TestEnvironmentStatus, change: impl FnOnce(&mut RunStatus)) -> (TestEnvironmentStatus, Vec<Told>) {
        let mut found = was.clone();
        change(found.run.as_mut().unwrap());
        let is = at(&found);
        let told = between(&found, &is);
        (is, told)
    }

    fn words(told: &[Told]) -> Vec<&str> {
        told.iter().map(|t| t.reason.as_str()).collect()
    }

    #[test]
    fn the_events_tell_the_story_once() {
        let now = Timestamp::UNIX_EPOCH;
        let nothing = TestEnvironmentStatus::default();
        let found = Checked::Valid { environment: "e".into(), input: "a".into(), text: String::new() };
        let valid = at(&checked(nothing.clone(), 1, "abc", found, now));
        assert_eq!(words(&between(&nothing, &valid)), ["Validated"]);
        let mut begun = valid.clone();
        begun.run = Some(RunStatus { id: "r".into(), input: "a".into(), ..RunStatus::default() });
        let begun = at(&begun);
        assert_eq!(words(&between(&valid, &begun)), ["Started"]);
        let up = |r: &mut RunStatus| (r.stage, r.ready, r.services) = (Stage::Testing, Some(now), Some("1/1".into()));
        let over = |r: &mut RunStatus| {
            (r.stage, r.outcome, r.released) = (Stage::Ended, Some(Outcome::Failed), Some(now));
        };
        let (is_up, events) = told(&begun, up);
        assert_eq!(words(&events), ["Provisioned", "Ready"]);
        let (done, events) = told(&is_up, over);
        assert_eq!(words(&events), ["TestsFailed", "NotSealed", "Released"]);
        assert_eq!(between(&done, &done), []);
    }

    #[test]
    fn that_it_was_ready_is_told_also_when_nobody_looked_meanwhile_and_never_twice() {
        let now = Timestamp::UNIX_EPOCH;
        let begun = RunStatus { id: "r".into(), input: "a".into(), ..RunStatus::default() };
        let begun = at(&TestEnvironmentStatus {
            input: Some("a".into()),
            run: Some(begun),
            ..TestEnvironmentStatus::default()
        });
        let (_, events) = told(&begun, |r| {
            (r.stage, r.ready, r.services) = (Stage::Removing, Some(now), Some("1/1".into()));
        });
        assert_eq!(words(&events), ["Provisioned", "Ready"]);
        assert_eq!(events[1].note, "1/1 services are ready");
        let (_, events) = told(&begun, |r| (r.stage, r.outcome) = (Stage::Ended, Some(Outcome::Error)));
        assert_eq!(words(&events), ["NotProvisioned", "RunError", "NotSealed"]);
        let (up, _) = told(&begun, |r| (r.stage, r.ready) = (Stage::Testing, Some(now)));
        let (removing, _) = told(&up, |r| r.stage = Stage::Removing);
        let mut kept = removing.clone();
        let run = kept.run.as_mut().unwrap();
        (run.stage, run.outcome, run.kept) = (Stage::Ended, Some(Outcome::Passed), Some("it is wanted".into()));
        let is = of(&kept, Keep::Always, &[], &Turn::Now, now);
        assert_eq!(words(&between(&kept, &is)), ["TestsPassed", "NotSealed", "Kept"]);
    }
}
