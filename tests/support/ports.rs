//! Several ports of one service, for the stories of both engines.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::steps::judged;
use super::{Running, User};

/// A service that listens on two ports, one caller of each, and a suite that may call the one.
const UNITS: &str = r#"services:
  api:
    image: localhost/dayfly/python:1
    command: [sh, -c, 'mkdir /tmp/a /tmp/h; echo admin >/tmp/a/who; echo http >/tmp/h/who; python3 -m http.server 9090 --directory /tmp/a & exec python3 -m http.server 8080 --directory /tmp/h']
    port: 8080
    ports: { http: 8080, admin: 9090 }
    ready: { http: /who, port: admin }
    callers: [ops:admin]
  front: &idle
    image: localhost/dayfly/python:1
    command: [python3, -c, 'import signal; signal.signal(15, lambda *_: exit(0)); signal.pause()']
    needs: [api:http]
  ops: { <<: *idle, needs: [] }
suites:
  s:
    kind: security
    needs: ["api:8080"]
    cases:
      - { id: A1, name: the declared port, steps: [ http: { url: 'http://api:8080/who', expect: { contains: http } } ] }
      - id: S1
        name: only ops reaches admin
        steps:
          - { name: ops can, from: ops, tcp: { to: 'api:9090' } }
          - { control: ops can, from: front, tcp: { to: 'api:9090', refused: true } }
      - id: S2
        name: only front reaches http
        steps:
          - { name: front can, from: front, tcp: { to: 'api:8080' } }
          - { control: front can, from: ops, tcp: { to: 'api:8080', refused: true } }
      - id: S3
        name: the suite does not reach admin
        steps:
          - { name: ops still can, from: ops, tcp: { to: 'api:9090' } }
          - { control: ops still can, tcp: { to: 'api:9090', refused: true } }
"#;

/// Callers reach the ports that they name. An engine that cannot keep the others closed says so, and passes no case about them.
#[track_caller]
pub fn are_named(user: &User, name: &str, restricts_ports: bool) {
    let environment = format!("{name}-pr-1");
    user.owns(&environment);
    let file = user.describes(name, UNITS);
    let plan = user.dayfly(&["plan", &file, "--pr", "1"]).code(0).out;
    for shown in [
        "api: front: 8080 (http), ops: 9090 (admin), s: 8080 (http)",
        "ports 8080 (http), 9090 (admin)",
        ":9090/who answers",
    ] {
        assert!(plan.contains(shown), "{plan}");
    }
    let tested = user.runs(&file, "1", &["--keep", "always"]);
    let report = user.report(&environment);
    if restricts_ports {
        tested.code(0).says("4 of 4 passed");
        judged(&report, &[("S1", "passed", ""), ("S2", "passed", ""), ("S3", "passed", "")]);
    } else {
        tested.code(7);
        let why = "this engine cannot restrict ports";
        judged(
            &report,
            &[
                ("A1", "passed", ""),
                ("S1", "inconclusive", why),
                ("S2", "inconclusive", why),
                ("S3", "inconclusive", why),
            ],
        );
        let gaps = report["engineInfo"]["cannot"].to_string();
        assert!(
            gaps.contains("which ports of a unit a caller may reach: front of api, ops of api, s of api"),
            "{gaps}"
        );
    }
    assert_eq!(report["accessPorts"][1], serde_json::json!(["ops", "api", [9090]]), "{report:#}");
    user.dayfly(&["up", &file, "--pr", "1"]).code(0).says("  api:8080 (http)\n  api:9090 (admin)\n");
    user.dayfly(&["status", &environment])
        .code(0)
        .says("8080 (http), 9090 (admin)  front: 8080 (http), ops: 9090 (admin)");
    let mut forward = Running::start(user.command(&["forward", &environment, "api:admin", "--output", "json"]));
    let said: serde_json::Value = serde_json::from_str(&forward.until("address")).unwrap();
    assert_eq!(said["port"], 9090);
    let mut stream = TcpStream::connect(said["address"].as_str().unwrap()).unwrap();
    stream.write_all(b"GET /who HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("admin\n"), "{answer}");
    forward.signal("INT");
    forward.ends().code(0);
    user.dayfly(&["forward", &environment, "api:adm"]).code(2).says("expected a number from 1 to 65535, or admin");
    user.dayfly(&["down", &environment]).code(0);
}
