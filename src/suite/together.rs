//! Which cases of a suite run side by side. Pure.
//!
//! A connection that must be refused takes its whole time limit, because a network policy drops packets and answers nothing.
//! Cases that only try connections and look at processes change nothing, so that their order does not matter.

use std::collections::BTreeSet;

use serde_json::Value;

use super::variables;
use crate::spec::model::{Action, Case, Step};

/// Most cases that run side by side.
const ABREAST: usize = 16;

/// The number of cases at the beginning that run side by side: those that only look, and need nothing of one another.
pub fn side_by_side(cases: &[Case]) -> usize {
    let mut before = BTreeSet::new();
    let joins = |case: &&Case| {
        let fits = only_looks(case) && needs(case).is_disjoint(&before);
        before.extend(given(case));
        fits
    };
    cases.iter().take(ABREAST).take_while(joins).count().max(1)
}

fn only_looks(case: &Case) -> bool {
    let looks = |step: &Step| {
        // Not `noNeighbour`: it ends the neighbour, which the others may be using.
        use Action::{Confined, NoWayOut, Resolve, Tcp};
        matches!(&step.action, Tcp(_) | Resolve(_) | NoWayOut(_) | Confined(_))
    };
    case.cleanup.is_empty() && case.steps.iter().all(looks)
}

/// The controls, variables and listens that a case gives to later ones.
pub(super) fn given(case: &Case) -> BTreeSet<String> {
    let all = case.steps.iter().chain(&case.cleanup).flat_map(Step::with_inner);
    all.flat_map(given_by).collect()
}

/// The controls, variables and listens that a case needs, but for those that its own earlier steps give.
pub(super) fn needs(case: &Case) -> BTreeSet<String> {
    let (mut own, mut needed) = (BTreeSet::new(), BTreeSet::new());
    for step in case.steps.iter().chain(&case.cleanup).flat_map(Step::with_inner) {
        let mut named = variables::named(&step.action);
        named.extend(step.control.clone());
        match &step.action {
            Action::Expect(expect) => named.extend(expect.on.clone()),
            Action::ExpectNothing(expect) => drop(named.insert(expect.on.clone())),
            _ => {}
        }
        needed.extend(named.difference(&own).cloned());
        own.extend(given_by(step));
    }
    needed
}

fn given_by(step: &Step) -> BTreeSet<String> {
    let mut given = captured(step);
    given.extend(step.name.clone());
    match &step.action {
        Action::Listen(listen) => drop(given.insert(listen.name.clone())),
        Action::Jwt(jwt) => drop(given.insert(jwt.name.clone())),
        _ => {}
    }
    given
}

fn captured(step: &Step) -> BTreeSet<String> {
    let action = serde_json::to_value(&step.action).unwrap_or_default();
    let of_kind = action.as_object().and_then(|kinds| kinds.values().next());
    match of_kind.and_then(|fields| fields.get("capture")) {
        Some(Value::Object(names)) => names.keys().cloned().collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn cases(steps: &[Value]) -> Vec<Case> {
        let case = |(i, steps): (usize, &Value)| json!({ "id": format!("S{i}"), "name": "a case", "steps": steps });
        steps.iter().enumerate().map(|c| serde_json::from_value(case(c)).unwrap()).collect()
    }

    fn open(name: &str, capture: &str) -> Value {
        json!({ "name": name, "tcp": { "to": "web:1", "capture": { capture: "address" } } })
    }

    fn refused(control: &str, to: &str) -> Value {
        json!({ "control": control, "tcp": { "to": to, "refused": true } })
    }

    #[test]
    fn cases_that_only_look_run_side_by_side() {
        let two = [json!([open("a", "at"), refused("a", "${at}")]), json!([open("b", "at"), refused("b", "${at}")])];
        assert_eq!(side_by_side(&cases(&two)), 2, "each has its own address");
        assert_eq!(side_by_side(&cases(&[json!([{ "noWayOut": {} }]), json!([{ "confined": {} }])])), 2);
        assert_eq!(side_by_side(&cases(&[json!([{ "noWayOut": {} }]), json!([{ "noNeighbour": {} }])])), 1);
        assert_eq!(side_by_side(&cases(&vec![json!([refused("a", "web:1")]); 40])), 16);
    }

    #[test]
    fn a_case_waits_for_those_that_change_something_or_that_it_builds_on() {
        let get = json!([{ "http": { "url": "http://web/" } }]);
        assert_eq!(side_by_side(&cases(&[json!([refused("a", "web:1")]), get.clone()])), 1);
        assert_eq!(side_by_side(&cases(&[get, json!([refused("a", "web:1")])])), 1);
        for needy in [json!([refused("a", "web:1")]), json!([refused("other", "${at}")])] {
            assert_eq!(side_by_side(&cases(&[json!([open("a", "at")]), needy])), 1);
        }
    }
}
