//! Readiness by command, for the stories of both engines.

use super::User;

/// A server that says by a file that it is ready, some time after it answers.
const SLOW: &str = "services:\n  web:\n    image: localhost/dayfly/python:1\n    command: [sh, -c, '(sleep 3; touch /data/ready) & exec python3 -m http.server 8080 --directory /data']\n    port: 8080\n    writable: [/data]\n    replicas: 2\n    resources: { memory: 64Mi }\n";

/// A service is ready when the command exits with code 0 in it, and fails with the command's last words.
#[track_caller]
pub fn by_command(user: &User, name: &str) {
    let suite = "suites:\n  s:\n    kind: acceptance\n    needs: [web]\n    cases:\n      - { id: A1, name: it is there, steps: [ http: { url: 'http://web:8080/ready' } ] }\n";
    let ready = "    ready: { exec: [test, -e, /data/ready], within: 40s }\n";
    let file = user.describes(name, &format!("{SLOW}{ready}{suite}"));
    user.runs(&file, "1", &[]).code(0).says("PASSED");
    let report = user.report(&format!("{name}-pr-1"));
    let time = |field: &str| report["units"][0][field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(time("ready").duration_since(time("started")).as_secs_f64() >= 3.0, "{report:#}");
    let never = "    ready: { exec: [sh, -c, 'echo not yet; exit 9'], within: 3s }\n";
    let file = user.describes(&format!("{name}-no"), &format!("{SLOW}{never}"));
    user.runs(&file, "1", &[]).code(4).says("web: not ready within 3 s: its command exited with code 9: not yet");
}
