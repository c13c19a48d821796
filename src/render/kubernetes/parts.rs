//! What units, suites and agents have in common: confinement, sizes, names, values.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Addresses;
use crate::lease::Lease;
use crate::plan::{Confinement, Limits, Unit};
use crate::render::wires::names;

/// What an agent may use.
pub const AGENT: Limits = Limits { memory: 64 << 20, cpu_millis: 1000, pids: 64 };
/// User and group that agents run as.
pub const AGENT_USER: i64 = 65532;
/// Mode of secrets and files: everybody in the container may read them.
pub const READABLE: i32 = 0o444;

/// A resolver at whose address nobody answers; other names are refused at once.
pub fn dns() -> Value {
    json!({"nameservers": ["127.0.0.1"], "searches": ["."], "options": [{"name": "timeout", "value": "1"}, {"name": "attempts", "value": "1"}]})
}

/// Hosts entries of the units that may be called, where they have addresses.
pub fn hosts<'a>(lease: &Lease, callees: impl Iterator<Item = &'a Unit>, addresses: &Addresses) -> Value {
    let of = |u: &Unit| {
        let names = names(&u.name, &lease.environment);
        addresses
            .get(&u.name)
            .into_iter()
            .flatten()
            .map(move |ip| json!({"ip": ip, "hostnames": names}))
            .collect::<Vec<_>>()
    };
    callees.flat_map(of).collect()
}

/// What a pod as a whole is held to.
pub fn pod_security(root: bool) -> Value {
    json!({"runAsNonRoot": !root, "seccompProfile": {"type": "RuntimeDefault"}})
}

/// How one container is confined.
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

/// How agents are confined.
pub fn agent_security() -> Value {
    let user = format!("{AGENT_USER}:{AGENT_USER}");
    security(&Confinement { user: Some(user), ..Confinement::default() })
}

/// Numbers from `user[:group]`.
pub fn ids(user: Option<&str>) -> (Option<i64>, Option<i64>) {
    let (user, group) = user.map_or(("", ""), |u| u.split_once(':').unwrap_or((u, "")));
    (user.parse().ok(), group.parse().ok())
}

/// Limits, and what is asked of the scheduler: all of the memory, so that no node is overbooked, and a fiftieth of the
/// processors, which tests share well: they are idle most of the time.
pub fn resources(limits: &Limits) -> Value {
    json!({"limits": sizes(limits.memory, limits.cpu_millis), "requests": sizes(limits.memory, asked_cpu(limits))})
}

/// As `resources`, for agents, which rest most of the time.
pub fn agent_resources() -> Value {
    json!({"limits": sizes(AGENT.memory, AGENT.cpu_millis), "requests": sizes(AGENT.memory / 4, AGENT.cpu_millis / 100)})
}

/// Thousandths of a processor that are asked of the scheduler.
pub fn asked_cpu(limits: &Limits) -> u64 {
    (limits.cpu_millis / 50).clamp(1.min(limits.cpu_millis), limits.cpu_millis)
}

/// Quantities as Kubernetes writes them.
pub fn sizes(memory: u64, cpu_millis: u64) -> Value {
    json!({"memory": memory.to_string(), "cpu": format!("{cpu_millis}m")})
}

/// Environment variables.
pub fn env(variables: &BTreeMap<String, String>) -> Value {
    variables.iter().map(|(name, value)| json!({"name": name, "value": literal(value)})).collect()
}

/// A command; null for the image's own.
pub fn command(words: &[String]) -> Value {
    if words.is_empty() { Value::Null } else { words.iter().map(|w| Value::from(literal(w))).collect() }
}

/// Kubernetes replaces `$(NAME)`, and reads `$$` as one dollar: this way it stays as it was written.
fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

/// A small file system in memory at `/tmp`.
pub fn tmp() -> (Value, Value) {
    (
        json!({"name": "tmp", "mountPath": "/tmp"}),
        json!({"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}),
    )
}

/// Secrets of a unit or suite, under `/run/secrets`.
pub fn secrets(of: &str) -> (Value, Value) {
    (
        json!({"name": "secrets", "mountPath": crate::render::container::SECRETS, "readOnly": true}),
        json!({"name": "secrets", "secret": {"secretName": of, "defaultMode": READABLE}}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_stay_what_they_are() {
        assert_eq!(command(&["sh".into(), "-c".into(), "echo $(HOME) $$ $x".into()])[2], "echo $$(HOME) $$$$ $$x");
        assert_eq!(command(&[]), Value::Null);
    }

    #[test]
    fn a_container_is_confined_unless_it_says_why_not() {
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
    fn asking_for_little_never_asks_for_more_than_the_limit() {
        let limits = |cpu_millis| Limits { memory: 1, cpu_millis, pids: 1 };
        assert_eq!([1000, 50, 5, 1].map(|m| asked_cpu(&limits(m))), [20, 1, 1, 1]);
    }
}
