//! NetworkPolicies: for each unit its declared callers and callees, for each suite its callees, for dayfly's agents
//! what they are there for. Everything else is closed by `default-deny`.

use serde_json::{Value, json};

use super::object::{Kind, Object};
use super::{POSITION, RenderError, SUITE, Stage, ports, suite_name, unit_name};
use crate::plan::{Plan, Unit};
use crate::render::labels::{self, Role};
use crate::render::wires::suite_callees;

/// Every policy but `default-deny`, those first that are needed first: control asks the first unit whether it is ready.
pub fn all(stage: &Stage<'_>) -> Result<Vec<Object>, RenderError> {
    let plan = &stage.lease.plan;
    // What units let in is said at each of them.
    let any_unit = json!([{"to": [{"podSelector": {"matchLabels": {labels::ROLE: Role::Unit.as_str()}}}]}]);
    let control = access(stage, "control", json!({POSITION: "control"}), json!([]), any_unit);
    let units = plan.units.iter().map(|u| {
        let callees: Vec<&Unit> = plan.reachable_by(&u.name).filter(|c| c.name != u.name).collect();
        access(stage, &unit_name(&u.name), unit_pods(&u.name), ingress(plan, u), egress(&callees))
    });
    let suites = plan.suites.values().map(|s| {
        let callees = suite_callees(plan, s);
        access(stage, &suite_name(&s.name), json!({SUITE: s.name}), json!([]), egress(&callees))
    });
    // The neighbour is open in both directions: that it is not reached is then the environment's doing alone.
    let neighbour = access(stage, "neighbour", json!({POSITION: "neighbour"}), json!([{}]), json!([{}]));
    [control].into_iter().chain(units).chain(suites).chain([neighbour]).collect()
}

fn access(stage: &Stage<'_>, name: &str, pods: Value, ingress: Value, egress: Value) -> Result<Object, RenderError> {
    let context = json!({
        "name": name, "namespace": stage.namespace(), "labels": stage.fixture_labels(),
        "pods": pods, "ingress": ingress, "egress": egress,
    });
    stage.templates.render("access", Kind::NetworkPolicy, &context, stage.namespace())
}

fn unit_pods(unit: &str) -> Value {
    json!({labels::ROLE: Role::Unit.as_str(), labels::UNIT: unit})
}

fn at(unit: &Unit) -> Value {
    ports(unit).into_iter().map(|port| json!({"protocol": "TCP", "port": port})).collect()
}

/// Callers are units or suites, and control. There is always one peer: an empty list would mean everybody. Peers are few,
/// because plugins make a rule of each.
fn ingress(plan: &Plan, unit: &Unit) -> Value {
    if ports(unit).is_empty() {
        return json!([]);
    }
    let suites = plan.suites.values().filter(|s| suite_callees(plan, s).iter().any(|c| c.name == unit.name));
    let suites: Vec<&String> = suites.map(|s| &s.name).collect();
    let callers: Vec<&String> = unit.callers.iter().filter(|c| **c != unit.name && plan.unit(c).is_some()).collect();
    let any_of = |label: &str, names: &[&String]| json!({"podSelector": {"matchExpressions": [{"key": label, "operator": "In", "values": names}]}});
    let mut peers = vec![json!({"podSelector": {"matchLabels": {POSITION: "control"}}})];
    // Only units carry the label of one.
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
    fn a_unit_is_open_to_its_callers_at_its_port_and_to_nobody_else() {
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
    fn a_unit_without_a_port_is_reached_by_nobody() {
        let lease = sample::lease();
        assert_eq!(ingress(&lease.plan, lease.plan.unit("job").unwrap()), json!([]));
    }
}
