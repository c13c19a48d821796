//! The namespace, its quota, limits, service account and policies.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::object::{Kind, Object};
use super::parts::{AGENT, requested_cpu, sizes};
use super::{ENVIRONMENT_ROLE, IMAGES, RenderError, RenderInput, lease, policy};
use crate::model::PodSecurity;
use crate::plan::{Limits, Plan, SuiteExecutor};
use crate::render::labels;

/// Renders the namespace with its lease.
pub fn namespace(input: &RenderInput<'_>) -> Result<Object, RenderError> {
    let failed = |why: String| RenderError::Object { template: "namespace".into(), why };
    let mut labels = input.labels(ENVIRONMENT_ROLE);
    let level = security_level(&input.lease.plan);
    for (name, value) in [
        (labels::RUN, input.lease.run.to_string()),
        ("dayfly.dev/pr", input.lease.plan.pr.to_string()),
        ("dayfly.dev/description", input.lease.plan.description.clone()),
        ("pod-security.kubernetes.io/enforce", level.name().to_owned()),
        ("pod-security.kubernetes.io/enforce-version", "latest".to_owned()),
    ] {
        labels.insert(name.to_owned(), value);
    }
    let mut annotations = lease::annotations(input.lease).map_err(failed)?;
    annotations.insert(IMAGES.to_owned(), json!(input.images).to_string());
    let context = json!({"namespace": input.namespace(), "labels": labels, "annotations": annotations});
    input.templates.render("namespace", Kind::Namespace, &context, input.namespace())
}

/// Renders the objects that belong to no unit and exist before the first pod.
pub fn fixtures(input: &RenderInput<'_>) -> Result<Vec<Object>, RenderError> {
    let render = |template: &str, kind, more: Value| {
        let mut context = json!({"namespace": input.namespace(), "labels": input.fixture_labels()});
        merge(&mut context, more);
        input.templates.render(template, kind, &context, input.namespace())
    };
    let mut all = vec![
        render("quota", Kind::ResourceQuota, json!({"hard": quota(&input.lease.plan)}))?,
        render("limits", Kind::LimitRange, container_limits(&input.lease.plan))?,
        render("account", Kind::ServiceAccount, json!({"pullSecrets": input.pull_secrets()}))?,
        render("default-deny", Kind::NetworkPolicy, json!({}))?,
    ];
    all.extend(policy::all(input)?);
    Ok(all)
}

/// Adds the fields of `more` to `context`.
pub fn merge(context: &mut Value, more: Value) {
    if let (Value::Object(context), Value::Object(more)) = (context, more) {
        context.extend(more);
    }
}

/// Returns the strictest Pod Security level that admits the plan.
fn security_level(plan: &Plan) -> PodSecurity {
    let suites = plan.suites.values().filter_map(|s| match &s.executor {
        SuiteExecutor::Container(c) => Some(&c.confinement),
        SuiteExecutor::Steps { .. } | SuiteExecutor::Dependencies(_) => None,
    });
    let all = plan.units.iter().map(|u| &u.confinement).chain(suites);
    all.map(|c| PodSecurity::strictest(c.root, &c.capabilities)).max().unwrap_or(PodSecurity::Restricted)
}

/// Returns the limits and the number of all containers that may run at the same time.
fn containers(plan: &Plan) -> Vec<(Limits, u64)> {
    let units = plan.units.iter().map(|u| (u.limits, u64::from(u.replicas.max(1))));
    let suites = plan.suites.values().filter_map(|s| match &s.executor {
        SuiteExecutor::Container(c) => Some((c.limits, 1)),
        SuiteExecutor::Steps { .. } | SuiteExecutor::Dependencies(_) => None,
    });
    units.chain(suites).chain([(AGENT, agents(plan))]).collect()
}

/// Returns the maximum number of agents: one for each suite, control and neighbour. Doubled, because the quota counts a
/// terminating pod.
fn agents(plan: &Plan) -> u64 {
    2 * (plan.suites.len() as u64 + 2)
}

fn quota(plan: &Plan) -> BTreeMap<&'static str, String> {
    let all = containers(plan);
    let sum = |of: fn(&Limits) -> u64| all.iter().map(|(l, n)| of(l) * n).sum::<u64>();
    let pods = plan.units.iter().map(|u| u64::from(u.replicas.max(1))).sum::<u64>() + agents(plan);
    BTreeMap::from([
        ("limits.memory", sum(|l| l.memory).to_string()),
        ("limits.cpu", format!("{}m", sum(|l| l.cpu_millis))),
        ("requests.memory", sum(|l| l.memory).to_string()),
        ("requests.cpu", format!("{}m", sum(requested_cpu))),
        ("pods", pods.to_string()),
        // No external access or storage.
        ("services.loadbalancers", "0".into()),
        ("services.nodeports", "0".into()),
        ("persistentvolumeclaims", "0".into()),
    ])
}

fn container_limits(plan: &Plan) -> Value {
    let all = containers(plan);
    let most = |of: fn(&Limits) -> u64| all.iter().map(|(l, _)| of(l)).max().unwrap_or(0);
    json!({
        "default": sizes(AGENT.memory, AGENT.cpu_millis),
        "defaultRequest": sizes(AGENT.memory / 4, AGENT.cpu_millis / 100),
        "max": sizes(most(|l| l.memory), most(|l| l.cpu_millis)),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::sample;

    #[test]
    fn chooses_the_strictest_level_that_admits_the_plan() {
        let mut plan = sample::lease().plan;
        assert_eq!(security_level(&plan), PodSecurity::Restricted);
        plan.units[0].confinement.capabilities = vec!["NET_BIND_SERVICE".into()];
        assert_eq!(security_level(&plan), PodSecurity::Restricted);
        plan.units[0].confinement.root = true;
        assert_eq!(security_level(&plan), PodSecurity::Baseline);
        plan.units[1].confinement.capabilities = vec!["NET_ADMIN".into()];
        assert_eq!(security_level(&plan), PodSecurity::Privileged);
    }

    #[test]
    fn the_quota_is_the_sum_of_all_units_and_agents() {
        let plan = sample::lease().plan;
        let quota = quota(&plan);
        // db, two copies of api, job: 1 MiB and 250m each; two agents of 64 MiB and one processor, twice.
        assert_eq!(quota["limits.memory"], (4 * (1u64 << 20) + 4 * (64 << 20)).to_string());
        assert_eq!((quota["limits.cpu"].as_str(), quota["pods"].as_str()), ("5000m", "8"));
    }
}
