#![allow(clippy::unwrap_used)]
use super::*;
use crate::testing;

fn plan() -> Plan {
    let mut plan = testing::plan_of(&[("db", &[]), ("api", &["db"]), ("web", &["api"])]);
    plan.units[0].kind = UnitKind::Database;
    plan.units[0].callers = ["api".to_owned()].into();
    plan.units[2].writable = vec!["/tmp".into(), "/data".into()];
    plan
}

fn fates(all: &[(&str, Fate)]) -> Fates {
    let stays = ["db", "api", "web"].map(|name| (name.to_owned(), Fate::Stays));
    stays.into_iter().chain(all.iter().map(|(name, fate)| ((*name).to_owned(), *fate))).collect()
}

fn lines(after: &Plan, of: &[(&str, Fate)]) -> Vec<String> {
    let changes = compare(&plan(), after, &fates(of), &BTreeSet::new());
    changes.lines().0.into_iter().map(|(word, text)| format!("{word} {text}")).collect()
}

#[test]
fn equal_plans_change_nothing() {
    let changes = compare(&plan(), &plan(), &fates(&[]), &BTreeSet::new());
    assert!(changes.is_empty() && !changes.loses());
    assert_eq!(changes.lines(), (vec![], 3));
}

#[test]
fn names_the_fields_and_what_is_lost() {
    let mut after = plan();
    after.units[0].image = "localhost/db:2".into();
    after.units[1].env.insert("TOKEN".into(), "hunter2".into());
    after.units[1].limits.memory *= 2;
    after.units[2].command = vec!["hunter2".into()];
    let of = [("db", Fate::Differs), ("api", Fate::Differs), ("web", Fate::Differs)];
    let lines = lines(&after, &of);
    assert_eq!(lines[0], "replace db: image localhost/db:1 → localhost/db:2; its rows are lost");
    assert!(lines[1].starts_with("replace api: env.TOKEN (new), resources.memory "), "{lines:?}");
    assert_eq!(lines[2], "replace web: command; the content of /data is lost");
    assert!(!lines.concat().contains("hunter2"));
}

#[test]
fn a_unit_without_a_difference_of_its_own_follows_its_needs() {
    let mut after = plan();
    after.units[0].command = vec!["x".into()];
    let lines = lines(&after, &[("db", Fate::Differs), ("api", Fate::Differs)]);
    assert_eq!(lines, ["replace db: command; its rows are lost", "replace api: it needs db, which starts anew"]);
}

#[test]
fn says_why_an_equal_unit_is_replaced() {
    let line = |fate| lines(&plan(), &[("db", fate)])[0].clone();
    assert_eq!(line(Fate::Ended), "replace db: its process has ended; its rows are lost");
    assert_eq!(line(Fate::OtherImage), "replace db: image localhost/db:1 is another one by now; its rows are lost");
    assert!(line(Fate::Differs).contains("this version of dayfly"));
    assert_eq!(line(Fate::Missing), "add db: it is missing");
    let secrets = compare(&plan(), &plan(), &fates(&[("db", Fate::Differs)]), &["db".to_owned()].into());
    assert_eq!(secrets.units[0].why, ["its secrets or certificates are new"]);
}

#[test]
fn units_come_and_go_and_others_are_adjusted() {
    let mut after = testing::plan_of(&[("db", &[]), ("new", &["db"])]);
    after.units[0].kind = UnitKind::Database;
    after.units[0].callers = ["new".to_owned()].into();
    let lines = lines(&after, &[("new", Fate::Missing), ("lost", Fate::Differs)]);
    assert_eq!(
        lines,
        [
            "adjust db: callers +new -api",
            "add new",
            "remove api: it is no longer described",
            "remove lost: it is no longer described",
            "remove web: it is no longer described; the content of /data is lost",
        ]
    );
}
