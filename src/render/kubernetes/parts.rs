//! Parts of all pods: confinement, sizes, hosts entries, variables, volumes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Addresses;
use crate::lease::Lease;
use crate::plan::{Confinement, Limits, Unit};
use crate::render::links::host_names;

/// Limits of an agent.
pub const AGENT: Limits = Limits { memory: 64 << 20, cpu_millis: 1000, pids: 64 };
/// User and group of agents.
pub const AGENT_USER: i64 = 65532;
/// Mode of secrets and files: readable by everyone in the container.
pub const READABLE: i32 = 0o444;

/// Renders a resolver without a server, so that a name without a hosts entry fails at once.
pub fn dns() -> Value {
    json!({"nameservers": ["127.0.0.1"], "searches": ["."], "options": [{"name": "timeout", "value": "1"}, {"name": "attempts", "value": "1"}]})
}

/// Renders the hosts entries of the callees that have addresses.
pub fn hosts<'a>(lease: &Lease, callees: impl Iterator<Item = &'a Unit>, addresses: &Addresses) -> Value {
    let of = |u: &Unit| {
        let names = host_names(&u.name, &lease.environment);
        addresses
            .get(&u.name)
            .into_iter()
            .flatten()
            .map(move |ip| json!({"ip": ip, "hostnames": names}))
            .collect::<Vec<_>>()
    };
    callees.flat_map(of).collect()
}

/// Renders the security context of a pod.
pub fn pod_security(root: bool) -> Value {
    json!({"runAsNonRoot": !root, "seccompProfile": {"type": "RuntimeDefault"}})
}

/// Renders the security context of a container.
pub fn security(confinement: &Confinement) -> Value {
    let mut all = json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": !confinement.writable_root,
        "runAsNonRoot": !confinement.root,
        "capabilities": {"drop": ["ALL"]},
    });
    if !confinement.capabilities.is_empty() {
        all["capabilities"]["add"] = json!(confinement.capabilities);
    }
    let (user, group) = ids(confinement.user.as_deref());
    if let Some(user) = user {
        all["runAsUser"] = json!(user);
    }
    if let Some(group) = group {
        all["runAsGroup"] = json!(group);
    }
    all
}

/// Renders the security context of an agent.
pub fn agent_security() -> Value {
    let user = format!("{AGENT_USER}:{AGENT_USER}");
    security(&Confinement { user: Some(user), ..Confinement::default() })
}

/// Parses the numbers of `user[:group]`.
pub fn ids(user: Option<&str>) -> (Option<i64>, Option<i64>) {
    let (user, group) = user.map_or(("", ""), |u| u.split_once(':').unwrap_or((u, "")));
    (user.parse().ok(), group.parse().ok())
}

/// Renders limits and requests: all of the memory, so that no node is overcommitted, and a fiftieth of the CPU, because
/// tests are idle most of the time.
pub fn resources(limits: &Limits) -> Value {
    json!({"limits": sizes(limits.memory, limits.cpu_millis), "requests": sizes(limits.memory, requested_cpu(limits))})
}

/// Renders the limits and requests of an agent, which is idle most of the time.
pub fn agent_resources() -> Value {
    json!({"limits": sizes(AGENT.memory, AGENT.cpu_millis), "requests": sizes(AGENT.memory / 4, AGENT.cpu_millis / 100)})
}

/// Returns the CPU request in millis.
pub fn requested_cpu(limits: &Limits) -> u64 {
    (limits.cpu_millis / 50).clamp(1.min(limits.cpu_millis), limits.cpu_millis)
}

/// Renders quantities in Kubernetes' notation.
pub fn sizes(memory: u64, cpu_millis: u64) -> Value {
    json!({"memory": memory.to_string(), "cpu": format!("{cpu_millis}m")})
}

/// Renders environment variables, and those whose values are in a Secret.
pub fn env<'a>(
    variables: &BTreeMap<String, String>,
    secret: &str,
    secret_names: impl Iterator<Item = &'a String>,
) -> Value {
    let plain = variables.iter().map(|(name, value)| json!({"name": name, "value": literal(value)}));
    let of_secret = |name| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": name}}});
    plain.chain(secret_names.map(of_secret)).collect()
}

/// Renders a command; null keeps the image's own.
pub fn command(words: &[String]) -> Value {
    if words.is_empty() { Value::Null } else { words.iter().map(|w| Value::from(literal(w))).collect() }
}

/// Escapes dollars, because Kubernetes expands `$(NAME)`.
fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

/// Renders the mount and volume of `/tmp`, in memory.
pub fn tmp() -> (Value, Value) {
    (
        json!({"name": "tmp", "mountPath": "/tmp"}),
        json!({"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}),
    )
}

/// Renders the mount and volume of a unit's or suite's secrets.
pub fn secrets(of: &str) -> (Value, Value) {
    (
        json!({"name": "secrets", "mountPath": crate::render::container::SECRETS_DIR, "readOnly": true}),
        json!({"name": "secrets", "secret": {"secretName": of, "defaultMode": READABLE}}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_dollars() {
        assert_eq!(command(&["sh".into(), "-c".into(), "echo $(HOME) $$ $x".into()])[2], "echo $$(HOME) $$$$ $$x");
        assert_eq!(command(&[]), Value::Null);
    }

    #[test]
    fn confines_a_container_by_default() {
        let all = security(&Confinement { user: Some("7:8".into()), ..Confinement::default() });
        assert_eq!(all["runAsUser"], 7);
        assert_eq!(all["runAsGroup"], 8);
        assert_eq!(all["capabilities"], json!({"drop": ["ALL"]}));
        assert_eq!((&all["readOnlyRootFilesystem"], &all["runAsNonRoot"]), (&json!(true), &json!(true)));
        let open = security(&Confinement {
            root: true,
            writable_root: true,
            capabilities: vec!["CHOWN".into()],
            ..Confinement::default()
        });
        assert_eq!((&open["capabilities"]["add"], &open["runAsNonRoot"]), (&json!(["CHOWN"]), &json!(false)));
    }

    #[test]
    fn a_cpu_request_never_exceeds_its_limit() {
        let limits = |cpu_millis| Limits { memory: 1, cpu_millis, pids: 1 };
        assert_eq!([1000, 50, 5, 1].map(|m| requested_cpu(&limits(m))), [20, 1, 1, 1]);
    }
}
