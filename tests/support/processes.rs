//! How processes begin and end, for the stories of both engines.

use super::User;

/// A server that tells how it was started, and whether it had time to end: asked to, it takes `DELAY` seconds, and then
/// writes the signal into a file.
const PROGRAM: &str = r#"
import http.server, json, os, signal, sys, time
def end(number, _):
    time.sleep(float(os.environ.get('DELAY', 0)))
    open('/data/ended', 'w').write(signal.Signals(number).name)
    os._exit(0)
for asked in (signal.SIGTERM, signal.SIGUSR1):
    signal.signal(asked, end)
class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ended = open('/data/ended').read() if os.path.exists('/data/ended') else ''
        body = json.dumps({'args': sys.argv[1:], 'cwd': os.getcwd(), 'ended': ended}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(('', 8080), Server).serve_forever()
"#;

/// A service that runs the program; `more` are further lines of it.
fn service(name: &str, more: &str) -> String {
    let program: String = PROGRAM.lines().map(|line| format!("        {line}\n")).collect();
    format!(
        "  {name}:\n    image: localhost/dayfly/python:1\n    port: 8080\n    writable: [/data]\n    resources: {{ memory: 64Mi }}\n{more}    files:\n      /etc/dayfly/p.py:\n       text: |\n{program}"
    )
}

fn stop_and_start(name: &str) -> String {
    format!("          - stop: {{ service: {name} }}\n          - start: {{ service: {name} }}\n")
}

fn tells(name: &str, what: &str) -> String {
    format!("          - http: {{ url: 'http://{name}:8080/', expect: {{ json: {what} }} }}\n")
}

/// Entrypoint, arguments and folder are those of the description, and a process has as long to end as it says.
#[track_caller]
pub fn begin_and_end_as_described(user: &User, name: &str) {
    let begins = "    entrypoint: [python3, -u, /etc/dayfly/p.py]\n    args: [one, 'two $(HOME) $x {{pr}}']\n    workingDir: /usr\n";
    let patient = format!("{begins}    env: {{ DELAY: '2' }}\n    stopGrace: 12s\n");
    // The image has no entrypoint, so that its arguments are the whole command.
    let hasty = "    args: [python3, -u, /etc/dayfly/p.py, only]\n    env: { DELAY: '8' }\n    stopGrace: 1s\n";
    let description = format!(
        "services:\n{}{}suites:\n  s:\n    kind: acceptance\n    needs: [patient, hasty]\n    cases:\n      - id: A1\n        name: they begin as described\n        steps:\n{}{}      - id: A2\n        name: only one has time to end\n        steps:\n{}{}{}{}",
        service("patient", &patient),
        service("hasty", hasty),
        tells("patient", "{ args: [one, 'two $(HOME) $x 1'], cwd: /usr, ended: '' }"),
        tells("hasty", "{ args: [only] }"),
        stop_and_start("patient"),
        stop_and_start("hasty"),
        tells("patient", "{ ended: SIGTERM }"),
        tells("hasty", "{ ended: '' }"),
    );
    let file = user.describes(name, &description);
    user.runs(&file, "1", &[]).code(0).says("PASSED");
}

/// A service whose process ends by another signal than the usual one.
pub fn with_signal(signal: &str) -> String {
    let begins = format!("    command: [python3, -u, /etc/dayfly/p.py]\n    stopSignal: {signal}\n");
    let steps = stop_and_start("web") + &tells("web", "{ ended: SIGUSR1 }");
    format!(
        "services:\n{}suites:\n  s:\n    kind: acceptance\n    needs: [web]\n    cases:\n      - id: A1\n        name: it is asked by this signal\n        steps:\n{steps}",
        service("web", &begins)
    )
}
