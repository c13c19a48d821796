//! NetworkPolicies that open the declared connections of units, suites and agents; `default-deny` closes the rest.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::object::{Kind, Object};
use super::{POSITION, RenderError, RenderInput, SUITE, suite_name, unit_name};
use crate::plan::{Plan, Unit};
use crate::render::labels::{self, Role};
use crate::render::links::suite_callees;

/// Renders every policy except `default-deny`, in the order of their first use: control probes the first unit.
pub fn all(input: &RenderInput<'_>) -> Result<Vec<Object>, RenderError> {
    let plan = &input.lease.plan;
    // Each unit limits its own ingress.
    let any_unit = json!([{"to": [{"podSelector": {"matchLabels": {labels::ROLE: Role::Unit.as_str()}}}]}]);
    let control = access(input, "control", json!({POSITION: "control"}), json!([]), any_unit);
    let units = plan.units.iter().map(|u| {
        let callees: Vec<&Unit> = plan.reachable_by(&u.name).filter(|c| c.name != u.name).collect();
        access(input, &unit_name(&u.name), unit_pods(&u.name), ingress(plan, u), egress(&u.name, &callees))
    });
    let suites = plan.suites.values().map(|s| {
        let callees = suite_callees(plan, s);
        access(input, &suite_name(&s.name), json!({SUITE: s.name}), json!([]), egress(&s.name, &callees))
    });
    // The neighbour is open in both directions, so that only the environment's policies block a connection.
    let neighbour = access(input, "neighbour", json!({POSITION: "neighbour"}), json!([{}]), json!([{}]));
    [control].into_iter().chain(units).chain(suites).chain([neighbour]).collect()
}

fn access(
    input: &RenderInput<'_>,
    name: &str,
    pods: Value,
    ingress: Value,
    egress: Value,
) -> Result<Object, RenderError> {
    let context = json!({
        "name": name, "namespace": input.namespace(), "labels": input.fixture_labels(),
        "pods": pods, "ingress": ingress, "egress": egress,
    });
    input.templates.render("access", Kind::NetworkPolicy, &context, input.namespace())
}

fn unit_pods(unit: &str) -> Value {
    json!({labels::ROLE: Role::Unit.as_str(), labels::UNIT: unit})
}

fn tcp(ports: &[u16]) -> Value {
    ports.iter().map(|port| json!({"protocol": "TCP", "port": port})).collect()
}

/// Permits control on all ports, and units and suites on theirs: a rule for each set of ports. There is always a peer, because
/// an empty list permits everyone. Names are grouped, because plugins create a rule for each peer.
fn ingress(plan: &Plan, unit: &Unit) -> Value {
    let open = unit.open_ports();
    if open.is_empty() {
        return json!([]);
    }
    let mut rules: BTreeMap<Vec<u16>, [Vec<&str>; 2]> = BTreeMap::from([(open.clone(), [vec![], vec![]])]);
    let units = unit.callers.iter().filter(|c| **c != unit.name && plan.unit(c).is_some()).map(|c| (0, c.as_str()));
    let suites = plan.suites.values().filter(|s| suite_callees(plan, s).iter().any(|c| c.name == unit.name));
    for (kind, caller) in units.chain(suites.map(|s| (1, s.name.as_str()))) {
        let ports = unit.ports_for(caller);
        if !ports.is_empty() {
            rules.entry(ports).or_default()[kind].push(caller);
        }
    }
    let any_of = |label: &str, names: &[&str]| json!({"podSelector": {"matchExpressions": [{"key": label, "operator": "In", "values": names}]}});
    let rule = |(ports, [units, suites]): (&Vec<u16>, &[Vec<&str>; 2])| {
        let control = (*ports == open).then(|| json!({"podSelector": {"matchLabels": {POSITION: "control"}}}));
        // Only units have this label.
        let units = (!units.is_empty()).then(|| any_of(labels::UNIT, units));
        let suites = (!suites.is_empty()).then(|| any_of(SUITE, suites));
        let peers: Vec<Value> = control.into_iter().chain(units).chain(suites).collect();
        json!({"from": peers, "ports": tcp(ports)})
    };
    rules.iter().map(rule).collect()
}

fn egress(caller: &str, callees: &[&Unit]) -> Value {
    callees
        .iter()
        .map(|u| (u, u.ports_for(caller)))
        .filter(|(_, ports)| !ports.is_empty())
        .map(|(u, ports)| json!({"to": [{"podSelector": {"matchLabels": unit_pods(&u.name)}}], "ports": tcp(&ports)}))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::sample;

    #[test]
    fn opens_a_units_port_to_its_callers_only() {
        let mut lease = sample::lease();
        lease.plan.units[0].port = Some(5432);
        let db = lease.plan.unit("db").unwrap();
        let rules = ingress(&lease.plan, db);
        let peers = json!([
            {"podSelector": {"matchLabels": {POSITION: "control"}}},
            {"podSelector": {"matchExpressions": [{"key": labels::UNIT, "operator": "In", "values": ["api", "job"]}]}},
        ]);
        assert_eq!(rules[0]["from"], peers);
        assert_eq!(rules[0]["ports"], json!([{"protocol": "TCP", "port": 5432}]));
    }

    #[test]
    fn opens_a_named_port_to_the_callers_that_may_call_it() {
        let mut lease = sample::lease();
        let db = &mut lease.plan.units[0];
        (db.port, db.ports) = (Some(5432), [("admin".to_owned(), 9090)].into());
        db.caller_ports = [("job".to_owned(), [5432].into())].into();
        let db = lease.plan.unit("db").unwrap();
        let rules = ingress(&lease.plan, db);
        let (some, all) = (&rules[0], &rules[1]);
        let names =
            |rule: &Value, peer: usize| rule["from"][peer]["podSelector"]["matchExpressions"][0]["values"].clone();
        assert_eq!((names(some, 0), &some["ports"]), (json!(["job"]), &tcp(&[5432])));
        assert_eq!((names(all, 1), &all["ports"]), (json!(["api"]), &tcp(&[5432, 9090])));
        assert_eq!(all["from"][0]["podSelector"]["matchLabels"], json!({POSITION: "control"}));
        assert_eq!(egress("job", &[db])[0]["ports"], tcp(&[5432]));
        assert_eq!(egress("api", &[db])[0]["ports"], tcp(&[5432, 9090]));
    }

    #[test]
    fn keeps_a_unit_without_a_port_closed() {
        let lease = sample::lease();
        assert_eq!(ingress(&lease.plan, lease.plan.unit("job").unwrap()), json!([]));
    }
}
