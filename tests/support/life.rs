//! Descriptions whose services end, and what must then be said, for the stories of both engines.

use super::User;
use serde_json::Value;

/// A web server that exits with the code in the path `/exit/<code>`, eats memory at `/eat`, and otherwise answers 200.
const MORTAL: &str = r#"
import http.server, os, threading
class Mortal(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        _, what, *code = self.path.split('/')
        if what == 'exit':
            os._exit(int(code[0]))
        if what == 'eat':
            threading.Thread(target=lambda: bytearray(400_000_000)).start()
http.server.ThreadingHTTPServer(('', 8080), Mortal).serve_forever()
"#;

/// The mortal server `web`, a bystander, and one suite; `more` are further lines of the service, `suite` of the suite.
pub fn mortal(more: &str, suite: &str, steps: &str) -> String {
    let program: String = MORTAL.lines().map(|line| format!("        {line}\n")).collect();
    format!(
        "services:\n  web:\n    image: localhost/dayfly/python:1\n    command: [python3, -u, /etc/dayfly/web.py]\n    port: 8080\n    files:\n      /etc/dayfly/web.py:\n       text: |\n{program}    resources: {{ memory: 96Mi }}\n{more}suites:\n  life:\n    kind: acceptance\n    needs: [web]\n{suite}    cases:\n      - id: A1\n        name: web answers\n        steps:\n{steps}"
    )
}

/// A step that asks `web` for a path.
pub fn get(path: &str) -> String {
    format!("          - http: {{ url: 'http://web:8080/{path}' }}\n")
}

/// A run in which `web` ends by itself is not passed, although its suite is; the record says why.
#[track_caller]
pub fn ends_by_itself(user: &User, name: &str, path: &str, what: &str) {
    let file = user.describes(name, &mortal("", "", &get(path)));
    user.runs(&file, "1", &[]).code(4).says(&format!("web: {what} during "));
    let environment = format!("{name}-pr-1");
    let report = user.report(&environment);
    assert_eq!(report["suites"][0]["verdict"], "passed", "{report:#}");
    assert_eq!((&report["unitEnds"][0]["unit"], &report["unitEnds"][0]["own"]), (&"web".into(), &true.into()));
    assert_eq!(report["causes"].as_array().map(Vec::len), Some(1), "{report:#}");
    let folder = user.evidence(&environment);
    let folder = folder.to_str().unwrap();
    user.dayfly(&["verify", folder, "--key", "key.pem.pub"]).code(0).says("outcome FAILED").says("ended");
    user.dayfly(&["verify", folder, "--key", "key.pem.pub", "--require-passed"]).code(10);
    user.finds_nothing_of(&environment);
}

/// `mayEnd` allows an end by name, and the record shows it; `restart` brings the service back.
#[track_caller]
pub fn is_allowed_to_end(user: &User, name: &str) {
    let steps = get("exit/3") + "          - http: { url: 'http://web:8080/' }\n            within: 30s\n";
    let file = user.describes(name, &mortal("    restart: on-failure\n", "    mayEnd: [web]\n", &steps));
    user.runs(&file, "1", &[]).code(0).says("PASSED").says("allowed by suite life");
    let report = user.report(&format!("{name}-pr-1"));
    assert_eq!(report["unitEnds"][0]["allowedBy"], "life", "{report:#}");
}

/// A restart that the description asks for is a fact, too: without `mayEnd` the run is not passed.
#[track_caller]
pub fn restarts_are_not_passed(user: &User, name: &str) {
    let steps = get("exit/3") + "          - http: { url: 'http://web:8080/' }\n            within: 30s\n";
    let file = user.describes(name, &mortal("    restart: on-failure\n", "", &steps));
    user.runs(&file, "1", &[]).code(4).says("web: its process exited with code 3 during").says("suite life");
}

/// Steps of a suite stop, start and restart units as often as they like.
#[track_caller]
pub fn steps_stop_and_start(user: &User, name: &str) {
    let steps = "          - restart: { service: web }\n          - stop: { service: web }\n          - start: { service: web }\n          - restart: { service: web }\n".to_owned()
        + &get("");
    let file = user.describes(name, &mortal("", "", &steps));
    user.runs(&file, "1", &[]).code(0).says("PASSED");
    assert_eq!(user.report(&format!("{name}-pr-1"))["unitEnds"], Value::Null);
}

/// Services without a port: one that exits is not ready, and one that comes up at its second attempt is.
#[track_caller]
pub fn without_port(user: &User, name: &str) {
    let service = |script: &str, more: &str| {
        format!(
            "services:\n  worker:\n    image: localhost/dayfly/python:1\n    command: [sh, -c, {script:?}]\n{more}suites:\n  s:\n    kind: acceptance\n    needs: [worker]\n    cases:\n      - {{ id: A1, name: it runs, steps: [ wait: {{ for: 10ms }} ] }}\n"
        )
    };
    for (number, code) in [0, 3].into_iter().enumerate() {
        let name = format!("{name}{number}");
        let file = user.describes(&name, &service(&format!("exit {code}"), ""));
        user.runs(&file, "1", &[]).code(4).says(&format!("its process exited with code {code}"));
    }
    let again = format!("{name}2");
    let more = "    restart: on-failure\n    writable: [/data]\n    ready: { stayUp: 3s }\n";
    let file = user.describes(&again, &service("test -e /data/once || { touch /data/once; exit 3; }; sleep 600", more));
    user.runs(&file, "1", &[]).code(0).says("PASSED");
}
