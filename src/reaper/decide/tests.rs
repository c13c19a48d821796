//! Every decision, as a table.

use std::collections::BTreeSet;

use super::*;
use crate::engine::UnitState;
use crate::lease::{Hold, RetentionChange};
use crate::model::Repository;
use crate::testing::{self, plan_of};

const HOUR: i64 = 3600;
const CREATED: i64 = 100 * HOUR;
const EXPIRES: i64 = CREATED + 4 * HOUR;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// An environment for pull request 1 of git.test/o/n that runs; its plan allows its units 2 s together.
fn environment() -> ObservedEnvironment {
    let lease = Lease {
        repository: Some("https://git.test/o/n".into()),
        created: at(CREATED),
        expires: at(EXPIRES),
        ..testing::lease(plan_of(&[("api", &[]), ("web", &["api"])]))
    };
    ObservedEnvironment {
        environment: "sample-pr-1".into(),
        retention: Some(Retention::from_lease(&lease)),
        lease: Some(lease),
        unreadable_lease: false,
        units: ["api", "web"].map(|u| (u.to_owned(), UnitState::Running)).into(),
        objects: vec!["container sample-pr-1".into()],
        terminating: false,
    }
}

fn amended(change: RetentionChange) -> ObservedEnvironment {
    let mut observed = environment();
    observed.retention = observed.retention.map(|t| t.with(&change));
    observed
}

fn kept() -> ObservedEnvironment {
    amended(RetentionChange::Held(Hold { reason: Some("for a look".into()), since: at(CREATED) }))
}

fn of(repository: Option<&str>) -> ObservedEnvironment {
    let mut observed = environment();
    observed.lease.as_mut().unwrap().repository = repository.map(str::to_owned);
    observed
}

fn remnants() -> ObservedEnvironment {
    ObservedEnvironment { lease: None, retention: None, units: Default::default(), ..environment() }
}

fn unread() -> ObservedEnvironment {
    ObservedEnvironment { unreadable_lease: true, ..remnants() }
}

fn unfinished(state: Option<UnitState>) -> ObservedEnvironment {
    let mut observed = environment();
    observed.units.remove("web");
    observed.units.extend(state.map(|s| ("web".to_owned(), s)));
    observed
}

fn list(numbers: &[u32], repository: Option<&str>, made: i64) -> Criteria {
    let open = OpenPullRequests {
        numbers: BTreeSet::from_iter(numbers.iter().copied()),
        made: at(made),
        repository: repository.map(|r| Repository::parse(r).unwrap()),
        by_description: false,
        source: "open.txt".into(),
    };
    Criteria { open: Some(open), ..Criteria::default() }
}

fn by_description(mut criteria: Criteria) -> Criteria {
    criteria.descriptions = vec!["sample".into()];
    criteria.open.as_mut().unwrap().by_description = true;
    criteria
}

/// The kind of a reason, `kept`, or `stays` with the notes about it.
fn word(criteria: &Criteria, observed: &ObservedEnvironment, now: i64) -> String {
    match decide(criteria, observed, at(now)) {
        Decision::Due(reason) => reason.kind.to_string(),
        Decision::Held { otherwise, .. } => format!("kept, else {}", otherwise.kind),
        Decision::NotDue(notes) => format!("stays {}", notes.join("; ")).trim().to_owned(),
    }
}

#[track_caller]
fn table(cases: &[(&str, Criteria, ObservedEnvironment, i64, &str)]) {
    for (what, criteria, observed, now, expected) in cases {
        let said = word(criteria, observed, *now);
        assert!(said.starts_with(expected) && (*expected != "stays" || said == "stays"), "{what}: {said}");
    }
}

fn expired() -> Criteria {
    Criteria { expired: true, ..Criteria::default() }
}

fn orphans() -> Criteria {
    Criteria { orphans: true, ..Criteria::default() }
}

fn idle(hours: i64) -> Criteria {
    Criteria { idle: Some(SignedDuration::from_hours(hours)), ..Criteria::default() }
}

#[test]
fn expiry_and_use_decide_to_the_second() {
    let extended = || amended(RetentionChange::Extended(at(EXPIRES + HOUR)));
    let used = || amended(RetentionChange::Used(at(CREATED + HOUR)));
    table(&[
        ("a second before its end", expired(), environment(), EXPIRES - 1, "stays"),
        ("at its end", expired(), environment(), EXPIRES, "expired"),
        ("not a criterion", idle(100), environment(), EXPIRES, "stays"),
        ("extended", expired(), extended(), EXPIRES + HOUR - 1, "stays"),
        ("extended, and over", expired(), extended(), EXPIRES + HOUR, "expired"),
        ("kept", expired(), kept(), EXPIRES, "kept, else expired"),
        ("kept, and not due anyhow", expired(), kept(), EXPIRES - 1, "stays"),
        ("used a second less ago", idle(2), used(), CREATED + 3 * HOUR - 1, "stays"),
        ("used just so long ago", idle(2), used(), CREATED + 3 * HOUR, "idle"),
        ("never used since it was made", idle(2), environment(), CREATED + 2 * HOUR, "idle"),
        ("kept, and idle", idle(2), kept(), CREATED + 2 * HOUR, "kept, else idle"),
        ("a clock that runs behind", idle(2), environment(), CREATED - HOUR, "stays"),
    ]);
}

#[test]
fn a_list_closes_only_older_environments_of_its_repository() {
    let later = CREATED + HOUR;
    let here = Some("o/n");
    table(&[
        ("open", list(&[1], here, later), environment(), later, "stays"),
        ("closed", list(&[2], here, later), environment(), later, "closed"),
        ("none is open", list(&[], here, later), environment(), later, "closed"),
        ("kept", list(&[2], here, later), kept(), later, "kept, else closed"),
        ("made after the list", list(&[2], here, CREATED - 1), environment(), later, "stays the list"),
        ("made with the list", list(&[2], here, CREATED), environment(), later, "stays the list"),
        ("made before the list", list(&[2], here, CREATED + 1), environment(), later, "closed"),
        ("of another repository", list(&[2], Some("o/other"), later), environment(), later, "stays the list"),
        ("of another forge", list(&[2], Some("https://x.test/o/n"), later), environment(), later, "stays the list"),
        ("of nobody knows which", list(&[2], here, later), of(None), later, "stays the list"),
        ("of what is no repository", list(&[2], here, later), of(Some("x")), later, "stays the list"),
        ("a list of nobody knows what", list(&[2], None, later), environment(), later, "stays the list"),
        ("by description", by_description(list(&[2], None, later)), environment(), later, "closed"),
        ("by description, of nobody knows which", by_description(list(&[2], here, later)), of(None), later, "closed"),
        (
            "by description, of another repository",
            by_description(list(&[2], here, later)),
            of(Some("o/x")),
            later,
            "stays the list",
        ),
        ("remnants", list(&[2], here, later), remnants(), later, "stays it has no owner"),
    ]);
}

#[test]
fn orphans_have_no_owner_or_an_interrupted_start() {
    // The time limits of all units together, and half an hour.
    let over = CREATED + 2 + 30 * 60 + 1;
    let worked = |o: ObservedEnvironment, second: i64| {
        let retention = o.retention.clone().map(|t| t.with(&RetentionChange::Used(at(second))));
        ObservedEnvironment { retention, ..o }
    };
    let late = || {
        let mut observed = unfinished(Some(UnitState::Created));
        observed.lease.as_mut().unwrap().plan.units[1].start_late = true;
        observed
    };
    let ended = || unfinished(Some(UnitState::Exited { code: 1, oom_killed: false }));
    table(&[
        ("remnants", orphans(), remnants(), over, "orphan"),
        ("remnants, not a criterion", expired(), remnants(), over, "stays it has no owner; --orphans"),
        ("of another version", orphans(), unread(), over, "stays another version"),
        ("never started", orphans(), unfinished(Some(UnitState::Created)), over, "orphan"),
        ("missing", orphans(), unfinished(None), over, "orphan"),
        ("still allowed to take so long", orphans(), unfinished(None), over - 1, "stays"),
        ("somebody works at it", orphans(), worked(unfinished(None), over - 60), over, "stays"),
        ("nobody does any more", orphans(), worked(unfinished(None), over - 60), over + 1800, "orphan"),
        ("a suite would start it", orphans(), late(), over, "stays"),
        ("it ended by itself", orphans(), ended(), over, "stays"),
        ("whole", orphans(), environment(), over, "stays"),
        ("not a criterion", expired(), unfinished(None), over, "stays"),
    ]);
}

#[test]
fn nothing_is_due_without_criteria() {
    for observed in [environment(), kept(), unfinished(None)] {
        assert_eq!(word(&Criteria::default(), &observed, EXPIRES * 10), "stays");
    }
    assert!(word(&Criteria::default(), &remnants(), EXPIRES).starts_with("stays it has no owner"));
}

#[test]
fn gives_one_of_several_reasons() {
    let criteria =
        Criteria { expired: true, idle: Some(SignedDuration::from_hours(1)), ..list(&[2], Some("o/n"), EXPIRES) };
    assert_eq!(word(&criteria, &environment(), EXPIRES), "expired");
    assert_eq!(word(&criteria, &environment(), EXPIRES - 1), "closed");
}

#[test]
fn selects_by_description_and_remnants_by_name() {
    let criteria = |d: &str| Criteria { descriptions: vec![d.into(), "another".into()], ..orphans() };
    for (description, observed, looked_at) in [
        ("sample", environment(), true),
        ("samp", environment(), false),
        ("sample", remnants(), true),
        ("sample", ObservedEnvironment { environment: "sample-pr-x".into(), ..remnants() }, false),
        ("sample-pr-1", remnants(), false),
    ] {
        assert_eq!(is_selected(&criteria(description), &observed), looked_at, "{description} {observed:?}");
    }
    assert!(is_selected(&orphans(), &environment()));
}

/// The environment of a run in progress.
fn attended(changes: &[RetentionChange]) -> ObservedEnvironment {
    let mut observed = environment();
    observed.lease.as_mut().unwrap().attended = true;
    observed.retention = observed.retention.map(|r| changes.iter().fold(r, |r, change| r.with(change)));
    observed
}

#[test]
fn a_killed_run_is_an_orphan_after_ten_silent_minutes() {
    let asked = Criteria { orphans: true, ..Criteria::default() };
    let minute = |n: i64| at(CREATED + n * 60);
    let decided = |observed: &ObservedEnvironment, minutes| decide(&asked, observed, minute(minutes));
    let used = attended(&[RetentionChange::Used(minute(60))]);
    assert_eq!(decided(&used, 70), Decision::NotDue(vec![]), "its last sign is ten minutes old");
    let Decision::Due(reason) = decided(&used, 71) else { panic!("it is not due") };
    assert_eq!(reason.kind, ReasonKind::Orphan);
    assert!(reason.text.contains("stopped without removing it"), "{}", reason.text);
    // A run that keeps its environment says so, and `up` promises no signs.
    let left = attended(&[RetentionChange::Used(minute(60)), RetentionChange::Left(minute(61))]);
    assert_eq!(decided(&left, 200), Decision::NotDue(vec![]));
    assert_eq!(decided(&environment(), 200), Decision::NotDue(vec![]));
    assert_eq!(decide(&Criteria { expired: true, ..Criteria::default() }, &used, minute(71)), Decision::NotDue(vec![]));
}
