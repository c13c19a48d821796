//! A service that forges answers of agents in its process namespace.

use std::collections::BTreeMap;

use dayfly::agent::protocol::{AgentResponse, ProcessStatus, ResponseEnvelope};

use super::User;

/// Passing answers to the first requests of an agent: bare, and with a code that was made without its key.
fn lines() -> String {
    let passed = AgentResponse::Passed { captured: BTreeMap::new(), saw: "forged".into(), waited_ms: 1 };
    let status = AgentResponse::Status(ProcessStatus {
        uid: 1000,
        capabilities: BTreeMap::from([("CapEff".to_owned(), "0".repeat(16))]),
        no_new_privileges: true,
        read_only_root: true,
        ..ProcessStatus::default()
    });
    let mut lines = String::new();
    for id in 1..=8 {
        for answer in [&passed, &status] {
            let line = serde_json::to_string(&ResponseEnvelope { id, answer: answer.clone() }).unwrap();
            lines += &format!("{line}\n{} {line}\n", "0".repeat(64));
        }
    }
    lines
}

/// Runs cases that must fail inside a service that forges passing answers, and asserts that they fail.
pub fn cannot_pass_a_failing_case(user: &User, name: &str) {
    let script = serde_json::to_string(include_str!("../fixtures/forger.py")).unwrap();
    let lines = serde_json::to_string(&lines()).unwrap();
    let file = user.describes(
        name,
        &format!(
            "services:
  web:
    image: localhost/dayfly/python:1
    command: [python3, -u, -c, {script}, {lines}]
    port: 8080
    security: {{ writableRoot: true, reason: a breach that confined must find }}
suites:
  suite:
    kind: acceptance
    needs: [web]
    cases:
      - {{ id: A1, name: the agent inside answers, steps: [ {{ from: web, tcp: {{ to: '127.0.0.1:8080' }} }} ] }}
      - {{ id: A2, name: the agent is attacked, steps: [ {{ within: 60s, http: {{ url: 'http://web:8080/attacked' }} }} ] }}
      - {{ id: A3, name: nothing listens there, steps: [ {{ from: web, tcp: {{ to: '127.0.0.1:9' }} }} ] }}
      - {{ id: A4, name: the root is read-only, steps: [ confined: {{ aspects: [read-only-root] }} ] }}
"
        ),
    );
    let environment = format!("{name}-pr-1");
    user.owns(&environment);
    let policy = "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault: { departures: [writableRoot] }\n";
    std::fs::write(user.folder.path().join("policy.yaml"), policy).unwrap();
    user.dayfly(&["up", &file, "--pr", "1", "--policy", "policy.yaml"]).code(0);
    user.dayfly(&["test", &environment])
        .code(5)
        .says("2 of 4 passed")
        .says("nothing listens there")
        .says("has a writable root file system");
    // The attack took place, and it succeeds against a process that is not protected.
    user.dayfly(&["logs", &environment, "web"])
        .code(0)
        .says("the child was forged")
        .says("the agent refused ['fd/1', 'mem']");
}
