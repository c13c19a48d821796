//! NetworkPolicies that open the declared connections of units, suites and agents; `default-deny` closes the rest.

use serde_json::{Value, json};

use super::object::{Kind, Object};
use super::{POSITION, RenderError, RenderInput, SUITE, ports, suite_name, unit_name};
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
        access(input, &unit_name(&u.name), unit_pods(&u.name), ingress(plan, u), egress(&callees))
    });
    let suites = plan.suites.values().map(|s| {
        let callees = suite_callees(plan, s);
        access(input, &suite_name(&s.name), json!({SUITE: s.name}), json!([]), egress(&callees))
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

fn at(unit: &Unit) -> Value {
    ports(unit).into_iter().map(|port| json!({"protocol": "TCP", "port": port})).collect()
}

/// Permits units, suites and control. There is always a peer, because an empty list permits everyone. Names are grouped,
/// because plugins create a rule for each peer.
fn ingress(plan: &Plan, unit: &Unit) -> Value {
    if ports(unit).is_empty() {
        return json!([]);
    }
    let suites = plan.suites.values().filter(|s| suite_callees(plan, s).iter().any(|c| c.name == unit.name));
    let suites: Vec<&String> = suites.map(|s| &s.name).collect();
    let callers: Vec<&String> = unit.callers.iter().filter(|c| **c != unit.name && plan.unit(c).is_some()).collect();
    let any_of = |label: &str, names: &[&String]| json!({"podSelector": {"matchExpressions": [{"key": label, "operator": "In", "values": names}]}});
    let mut peers = vec![json!({"podSelector": {"matchLabels": {POSITION: "control"}}})];
    // Only units have this label.
    peers.extend((!callers.is_empty()).then(|| any_of(labels::UNIT, &callers)));
    peers.extend((!suites.is_empty()).then(|| any_of(SUITE, &suites)));
    json!([{"from": peers, "ports": at(unit)}])
}

fn egress(callees: &[&Unit]) -> Value {
    callees
        .iter()
        .filter(|u| !ports(u).is_empty())
        .map(|u| json!({"to": [{"podSelector": {"matchLabels": unit_pods(&u.name)}}], "ports": at(u)}))
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
    fn keeps_a_unit_without_a_port_closed() {
        let lease = sample::lease();
        assert_eq!(ingress(&lease.plan, lease.plan.unit("job").unwrap()), json!([]));
    }
}
