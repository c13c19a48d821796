//! The units that a case involves. Pure.

use std::collections::BTreeSet;

use crate::plan::{Plan, SuitePlan, Unit};
use crate::spec::model::{Action, Case, Step};

/// The units that a case involves, the closest first: those that its steps address, all that these may call, and who else uses
/// the same broker, databases and backing services. Without a case, those that the suite may call count as addressed.
pub fn units(plan: &Plan, suite: &SuitePlan, case: Option<&Case>) -> Vec<String> {
    let mut found = Found { plan, names: vec![], known: BTreeSet::new() };
    let steps = case.into_iter().flat_map(|c| c.steps.iter().chain(&c.cleanup)).flat_map(Step::with_inner);
    steps.flat_map(|step| addressed(plan, step)).for_each(|name| found.add(&name));
    if found.names.is_empty() {
        suite.needs.iter().for_each(|name| found.add(name));
    }
    found.follow_calls();
    let stores: Vec<&Unit> = plan.units.iter().filter(|u| u.kind.is_store() && found.has(&u.name)).collect();
    for store in stores {
        plan.units.iter().filter(|u| uses(u, store)).for_each(|user| found.add(&user.name));
    }
    found.follow_calls();
    found.names
}

struct Found<'a> {
    plan: &'a Plan,
    names: Vec<String>,
    known: BTreeSet<String>,
}

impl Found<'_> {
    fn has(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    fn add(&mut self, name: &str) {
        if self.plan.unit(name).is_some() && self.known.insert(name.to_owned()) {
            self.names.push(name.to_owned());
        }
    }

    /// Adds what the found units may call, and what these may call.
    fn follow_calls(&mut self) {
        let mut next = 0;
        while let Some(caller) = self.names.get(next).cloned() {
            let plan = self.plan;
            plan.reachable_by(&caller).for_each(|callee| self.add(&callee.name));
            next += 1;
        }
    }
}

/// Who may call a store, or has one of its passwords: it wants to call it.
fn uses(unit: &Unit, store: &Unit) -> bool {
    let password = format!("{}.", store.name);
    store.callers.contains(&unit.name)
        || (unit.name != store.name && unit.secrets.iter().any(|secret| secret.starts_with(&password)))
}

/// The units that a step addresses, and the one at whose position it runs.
fn addressed(plan: &Plan, step: &Step) -> Vec<String> {
    let broker = || plan.broker.iter().map(|b| b.name.clone()).collect();
    let mut names: Vec<String> = match &step.action {
        Action::Http(a) => vec![host(a.url.split_once("://").map_or(a.url.as_str(), |(_, rest)| rest))],
        Action::Tcp(a) => vec![host(&a.to)],
        Action::Resolve(a) => vec![host(&a.host)],
        Action::AmqpLogin(_)
        | Action::Publish(_)
        | Action::Listen(_)
        | Action::Expect(_)
        | Action::ExpectNothing(_)
        | Action::AmqpTry(_)
        | Action::QueueDepth(_) => broker(),
        Action::Sql(a) => vec![a.database.clone()],
        Action::Redis(a) => vec![a.service.clone()],
        Action::S3(a) => vec![a.service.clone()],
        Action::Stop(a) | Action::Start(a) | Action::Restart(a) => vec![a.service.clone()],
        Action::Exec(a) => vec![a.service.clone()],
        Action::Confined(a) => a.services.clone(),
        Action::NoWayOut(a) | Action::NoNeighbour(a) => a.services.clone(),
        Action::Jwt(_) | Action::Repeat(_) | Action::Wait(_) | Action::NoSecretsLeaked(_) => vec![],
    };
    names.extend(step.from.clone());
    names
}

/// The first label of the host of an authority: `web` of `web.test:8080/x`.
fn host(authority: &str) -> String {
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.split(['/', ':', '?', '#', '.']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::plan::UnitKind;
    use crate::testing::{plan_of, suite, unit};

    fn plan() -> Plan {
        let mut plan =
            plan_of(&[("pg", &[]), ("mq", &[]), ("api", &["pg"]), ("worker", &["mq", "pg"]), ("web", &["api"])]);
        for unit in plan.units.clone() {
            for need in &unit.needs {
                plan.units.iter_mut().find(|u| u.name == *need).unwrap().callers.insert(unit.name.clone());
            }
        }
        plan.units[0].kind = UnitKind::Database;
        plan.units[1].kind = UnitKind::Broker;
        plan.units.push(unit("alone"));
        plan
    }

    fn involved(plan: &Plan, steps: serde_json::Value) -> Vec<String> {
        let case: Case = serde_json::from_value(serde_json::json!({"id": "A1", "name": "x", "steps": steps})).unwrap();
        units(plan, &suite("s", vec![]), Some(&case))
    }

    #[test]
    fn follows_calls_and_finds_who_shares_a_store() {
        let steps = serde_json::json!([{"http": {"url": "http://web:8080/x"}}]);
        assert_eq!(involved(&plan(), steps), ["web", "api", "pg", "worker", "mq"]);
    }

    #[test]
    fn whoever_has_a_password_of_a_store_is_involved_with_it() {
        let mut plan = plan();
        plan.units.iter_mut().find(|u| u.name == "alone").unwrap().secrets = vec!["pg.alone".into()];
        assert!(involved(&plan, serde_json::json!([{"tcp": {"to": "pg:5432"}}])).contains(&"alone".into()));
    }

    #[test]
    fn counts_the_position_of_a_step() {
        let steps = serde_json::json!([{"from": "alone", "tcp": {"to": "nowhere:1", "refused": true}}]);
        assert_eq!(involved(&plan(), steps), ["alone"]);
    }

    #[test]
    fn without_a_case_the_suite_names_its_units() {
        let mut of = suite("s", vec![]);
        of.needs.insert("mq".into());
        assert_eq!(units(&plan(), &of, None), ["mq", "worker", "pg"]);
    }

    #[test]
    fn reads_the_host_of_an_address() {
        for text in ["web", "web:80", "web/x:1", "u@web:80/x", "web.internal?x"] {
            assert_eq!(host(text), "web");
        }
    }
}
