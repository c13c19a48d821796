//! Checks cases: unique ids and names, and a positive control for every refusal.

use std::collections::BTreeSet;

use super::context::Checker;
use super::preceding::PrecedingSteps;
use super::steps;
use crate::spec::model::{Action, Step, Suite};
use crate::spec::span::FieldPath;

pub(super) fn check(check: &mut Checker<'_>, at: &FieldPath, suite: &Suite) {
    let (mut ids, mut names) = (BTreeSet::new(), BTreeSet::new());
    let mut preceding = PrecedingSteps { secrets: &suite.secrets, ..PrecedingSteps::default() };
    for (i, case) in suite.cases.iter().enumerate() {
        let at = at.index(i);
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if case.id.is_empty() || case.id.len() > 64 || !case.id.chars().all(legal) {
            let help = "use at most 64 letters, digits, `-`, `_` and `.`, such as `A1`";
            check.diagnostics.add(&at.key("id"), format!("`{}` cannot be the id of a case", case.id), help);
        }
        repeated(check, &mut ids, &at.key("id"), &case.id, "case");
        if case.name.trim().is_empty() {
            check.diagnostics.add(
                &at.key("name"),
                "the case has no name",
                "write a sentence that says what holds when the case passes",
            );
        }
        if case.steps.is_empty() {
            check.diagnostics.add(&at.key("steps"), "the case has no steps", "add at least one step");
        }
        for (of, list) in [("steps", &case.steps), ("cleanup", &case.cleanup)] {
            for (j, step) in list.iter().enumerate() {
                let at = at.key(of).index(j);
                if let Some(name) = &step.name {
                    repeated(check, &mut names, &at.key("name"), name, "step name");
                }
                one_step(check, &at, step, &mut preceding);
            }
        }
    }
}

fn one_step<'a>(check: &mut Checker<'_>, at: &FieldPath, step: &'a Step, preceding: &mut PrecedingSteps<'a>) {
    if let Some(from) = &step.from {
        check.unit(&at.key("from"), from);
    }
    if let Some(within) = &step.within {
        check.duration(&at.key("within"), within);
    }
    if let Action::Repeat(repeat) = &step.action {
        let at = at.key("repeat").key("steps");
        if repeat.steps.is_empty() {
            check.diagnostics.add(&at, "there is nothing to repeat", "add at least one step");
        }
        for (i, step) in repeat.steps.iter().enumerate() {
            inner_step(check, &at.index(i), step, preceding);
        }
    }
    control(check, at, step, preceding);
    steps::check(check, at, step, preceding);
    if let Action::Listen(listen) = &step.action {
        preceding.listens.insert(&listen.name);
    }
    if let Some(name) = &step.name {
        preceding.named.insert(name, step.with_inner().iter().any(|s| s.action.is_refusal()));
    }
}

/// A step of a `repeat`: later steps cannot refer to it, because it may have passed in one round only.
fn inner_step<'a>(check: &mut Checker<'_>, at: &FieldPath, step: &'a Step, preceding: &mut PrecedingSteps<'a>) {
    if step.name.is_some() {
        let help = "remove it, and name the whole `repeat`, or a step before it";
        check.diagnostics.add_key(&at.key("name"), "a step of a `repeat` has no name of its own", help);
    }
    if matches!(step.action, Action::Repeat(_)) {
        check.diagnostics.add(
            at,
            "a `repeat` cannot contain another one",
            "multiply its `times`, or write the steps out",
        );
        return;
    }
    one_step(check, at, step, preceding);
}

fn control(check: &mut Checker<'_>, at: &FieldPath, step: &Step, preceding: &PrecedingSteps<'_>) {
    let Some(control) = &step.control else {
        if step.action.is_refusal() {
            let help = "a dead service refuses too: name an earlier step that is allowed to do the same, with `name: allowed` there \
                        and `control: allowed` here";
            check.diagnostics.add(at, "this refusal has no positive control", help);
        }
        return;
    };
    let at = at.key("control");
    match preceding.named.get(control.as_str()) {
        Some(false) => {}
        Some(true) => {
            let help = "name a step that must succeed";
            check.diagnostics.add(&at, format!("the control `{control}` is itself a refusal"), help);
        }
        None => {
            let message = format!("no earlier step of this suite has the name `{control}`");
            let allowed = preceding.named.iter().filter(|(_, refusal)| !**refusal).map(|(name, _)| *name);
            check.diagnostics.add_unknown(&at, message, control, allowed);
        }
    }
}

/// Reports a name that was already seen.
fn repeated<'a>(check: &mut Checker<'_>, seen: &mut BTreeSet<&'a str>, at: &FieldPath, name: &'a str, of: &str) {
    if !seen.insert(name) {
        check.diagnostics.add(
            at,
            format!("the {of} `{name}` is not unique in this suite"),
            "choose another, because reports refer to it",
        );
    }
}
