//! Descriptions with built-in steps of many kinds, for the stories of both engines: many cases in few environments.

use super::User;
use serde_json::Value;

/// A service that waits, and may write to `/tmp` only.
const WEB: &str = "secrets:
  token: {}
services:
  web:
    image: localhost/dayfly/python:1
    command: [python3, -c, 'import signal; signal.signal(15, lambda *_: exit(0)); signal.pause()']
    env: { GREETING: hi }
    secrets: [token]
suites:
  s:
    kind: acceptance
    cases:
";

/// A case with these steps, which are written as one line of YAML each.
pub fn case(id: &str, steps: &[&str]) -> String {
    let steps: String = steps.iter().map(|step| format!("          - {step}\n")).collect();
    format!("      - id: {id}\n        name: case {id}\n        steps:\n{steps}")
}

/// The case of a report, and all that its failures got.
#[track_caller]
fn found<'a>(report: &'a Value, id: &str) -> (&'a str, String) {
    let cases = report["suites"].as_array().unwrap().iter().flat_map(|s| s["cases"].as_array().unwrap());
    let case = cases.clone().find(|c| c["id"] == id).unwrap_or_else(|| panic!("no case {id} in {report:#}"));
    let got = case["failures"].as_array().into_iter().flatten().filter_map(|f| f["got"].as_str()).collect::<Vec<_>>();
    (case["verdict"].as_str().unwrap(), got.join("\n"))
}

/// Demands verdicts of cases, and parts of what their failures got.
#[track_caller]
pub fn judged(report: &Value, expected: &[(&str, &str, &str)]) {
    for (id, verdict, got) in expected {
        let found = found(report, id);
        assert!(found.0 == *verdict && found.1.contains(got), "{id} is {found:?}, and not {verdict} with {got:?}");
    }
}

/// A service that verifies tokens: HS256 with a library, RS256 by the public key; `/weak` believes the token's own algorithm.
const AUTH: &str = r#"
import base64, email, hashlib, http.server, json, signal, time
import jwt
read = lambda name: open('/run/secrets/' + name).read()
der = base64.b64decode(''.join(read('login.pub').split('\n')[1:-2]))
modulus, exponent = int.from_bytes(der[33:289], 'big'), int.from_bytes(der[-3:], 'big')
part = lambda text: base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))
counted = 0
def shared(token):
    jwt.decode(token, read('shared'), algorithms=['HS256'], audience='shop', options={'require': ['exp', 'aud']})
def signed(token):
    head, claims, signature = token.split('.')
    assert json.loads(part(head))['alg'] == 'RS256'
    info = bytes.fromhex('3031300d060960864801650304020105000420')
    digest = hashlib.sha256(f'{head}.{claims}'.encode()).digest()
    padded = b'\0\1' + b'\xff' * (253 - len(info + digest)) + b'\0' + info + digest
    assert pow(int.from_bytes(part(signature), 'big'), exponent, modulus).to_bytes(256, 'big') == padded
    claims = json.loads(part(claims))
    assert claims['exp'] > time.time() >= claims.get('nbf', 0) and claims['aud'] == 'shop'
def weak(token):
    head, _, _ = token.split('.')
    if json.loads(part(head))['alg'] != 'none':
        signed(token)
stored = {}
class Auth(http.server.BaseHTTPRequestHandler):
    def answer(self, body):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    def do_PUT(self):
        stored[self.path] = self.rfile.read(int(self.headers['Content-Length']))
        self.answer(b'')
    def do_POST(self):
        form = b'Content-Type: ' + self.headers['Content-Type'].encode() + b'\r\n\r\n' + self.rfile.read(int(self.headers['Content-Length']))
        parts = [(p.get_param('name', header='Content-Disposition'), p.get_filename(), p.get_content_type(), hashlib.sha256(p.get_payload(decode=True)).hexdigest()) for p in email.message_from_bytes(form).get_payload()]
        self.answer(json.dumps(parts).encode())
    def do_GET(self):
        global counted
        status = 200
        if self.path in stored:
            return self.answer(stored[self.path])
        if self.path == '/slow':
            time.sleep(3)
        elif self.path == '/count':
            counted += 1
            status = 200 if counted >= 4 else 425
        elif self.path != '/':
            try:
                {'/shared': shared, '/signed': signed, '/weak': weak}[self.path](self.headers['Authorization'].split()[1])
            except Exception as error:
                status = 401
                print('refused:', type(error).__name__)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(str(counted).encode())
signal.signal(15, lambda *_: exit(0))
print(read('login.pub'))
http.server.ThreadingHTTPServer(('', 8080), Auth).serve_forever()
"#;

/// Steps that ask `/path` with a token of this key and fault, and expect a status. `control` is the name of the right request.
fn with_token(key: &str, path: &str, fault: &str, status: u16, more: &str) -> [String; 2] {
    [
        format!("jwt: {{ key: {key}, as: token, claims: {{ sub: alice, aud: shop }}{fault} }}"),
        format!(
            "{{ {more}http: {{ url: 'http://web:8080/{path}', headers: {{ Authorization: 'Bearer ${{token}}' }}, expect: {{ status: [{status}] }} }} }}"
        ),
    ]
}

/// Tokens of generated keys are accepted, every fault is refused, and a service that does not look is found out. Rounds of steps
/// are repeated, and a request may have a limit of its own.
#[track_caller]
pub fn tokens(user: &User, name: &str) {
    let program: String = AUTH.lines().map(|line| format!("        {line}\n")).collect();
    let head = format!(
        "secrets:\n  shared: {{}}\n  login: {{ key: RS256 }}\n  es: {{ key: ES256 }}\n  ed: {{ key: EdDSA }}\nservices:\n  web:\n    image: localhost/dayfly/python:1\n    command: [python3, -u, /etc/dayfly/web.py]\n    port: 8080\n    secrets: [shared, login.pub]\n    files:\n      /etc/dayfly/web.py:\n       text: |\n{program}suites:\n  s:\n    kind: acceptance\n    needs: [web]\n    secrets: [shared, login, es, ed]\n    cases:\n"
    );
    let mut refused = vec![];
    for (key, path) in [("shared", "shared"), ("login", "signed")] {
        refused.extend(with_token(key, path, "", 200, &format!("name: {path} is open, ")));
        let asymmetric = (key == "login").then_some(", fault: public-key-as-secret");
        for fault in [
            ", fault: alg-none",
            ", fault: expired",
            ", fault: not-yet-valid",
            ", fault: wrong-key",
            ", fault: garbled-signature",
            ", fault: changed-claims",
            ", omit: [aud]",
        ]
        .into_iter()
        .chain(asymmetric)
        {
            refused.extend(with_token(key, path, fault, 401, &format!("control: {path} is open, ")));
        }
    }
    let refused: Vec<&str> = refused.iter().map(String::as_str).collect();
    let weak = with_token("login", "weak", "", 200, "name: weak is open, ");
    let found_out = with_token("login", "weak", ", fault: alg-none", 401, "control: weak is open, ");
    let weak: Vec<&str> = weak.iter().chain(&found_out).map(String::as_str).collect();
    let curves = ["es", "ed"].map(|key| format!("{{ name: {key}, jwt: {{ key: {key}, as: {key} }} }}"));
    std::fs::create_dir(user.folder.path().join("data")).unwrap();
    let logo: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    std::fs::write(user.folder.path().join("data/logo.bin"), &logo).unwrap();
    // Templates and variables in files are no templates.
    std::fs::write(user.folder.path().join("note.txt"), "{{pr}} ${nothing}\n").unwrap();
    let sum = |bytes: &[u8]| dayfly::model::Digest::compute(bytes).hex();
    let form = format!(
        "http: {{ method: POST, url: 'http://web:8080/form', multipart: [ {{ name: title, text: \"${{token}}\" }}, {{ name: logo, file: data/logo.bin, contentType: image/png }} ], expect: {{ json: [ [title, null, text/plain, \"{}\"], [logo, logo.bin, image/png, \"{}\"] ] }}, capture: {{ form: '$[0][0]' }} }}",
        sum(b"a"),
        sum(&logo)
    );
    let cases = [
        case(
            "files",
            &[
                "http: { method: PUT, url: 'http://web:8080/logo', file: data/logo.bin }",
                "http: { url: 'http://web:8080/logo', expect: { file: data/logo.bin } }",
                "http: { method: PUT, url: 'http://web:8080/note', file: note.txt }",
                "http: { url: 'http://web:8080/note', expect: { body: \"{{pr}}\" }, capture: { note: body } }",
            ],
        ),
        case("form", &["exec: { service: web, command: [printf, a], capture: { token: stdout } }", &form]),
        case(
            "other",
            &[
                "http: { method: PUT, url: 'http://web:8080/logo', file: data/logo.bin }",
                "http: { url: 'http://web:8080/logo', expect: { file: note.txt } }",
            ],
        ),
        case("refused", &refused),
        case("weak", &weak),
        case(
            "curves",
            &[
                &curves[0],
                &curves[1],
                "exec: { service: web, command: [sh, -c, 'echo \"$1 $2\" | tr -cd .', sh, '${es}', '${ed}'], expect: { stdout: { text: '....' } } }",
            ],
        ),
        case(
            "until",
            &[
                "{ within: 20s, repeat: { times: 2, steps: [ http: { url: 'http://web:8080/count', capture: { count: body } } ] } }",
                "http: { url: 'http://web:8080/', expect: { body: '${count}' } }",
            ],
        ),
        case(
            "rounds",
            &[
                "repeat: { times: 3, steps: [ http: { url: 'http://web:8080/' }, http: { url: 'http://web:8080/shared', expect: { status: [402] } } ] }",
            ],
        ),
        case("slow", &["http: { url: 'http://web:8080/slow', timeout: 500ms }"]),
        case("patient", &["http: { url: 'http://web:8080/slow', timeout: 20s }"]),
        case("public", &["noSecretsLeaked: {}"]),
    ];
    let file = user.describes(name, &format!("{head}{}", cases.concat()));
    let environment = format!("{name}-pr-1");
    user.owns(&environment);
    user.runs(&file, "1", &[]).code(5);
    let report = user.report(&environment);
    judged(
        &report,
        &[
            ("files", "failed", "{{pr}} ${nothing}"),
            ("form", "passed", ""),
            ("other", "failed", &format!("SHA-256 {} (70000 bytes)", sum(&logo))),
            ("refused", "passed", ""),
            ("weak", "failed", "200 OK"),
            ("curves", "passed", ""),
            ("until", "passed", ""),
            ("rounds", "failed", "round 1 of 3, GET http://web:8080/shared: GET http://web:8080/shared: 401"),
            ("slow", "failed", "no answer within 500 ms"),
            ("patient", "passed", ""),
            ("public", "passed", ""),
        ],
    );
}

/// Commands run inside a unit, as its user, once; their end and output are judged, bounded and redacted.
#[track_caller]
pub fn commands(user: &User, name: &str) {
    let cases = [
        case(
            "passes",
            &[
                r#"exec: { service: web, command: [python3, -c, "import json, os; print(json.dumps({'uid': os.getuid(), 'env': os.environ['GREETING']}))"], expect: { stdout: { json: { uid: 1000, env: hi } } }, capture: { who: $.uid } }"#,
                r#"exec: { service: web, command: [sh, -c, 'echo "$1" >&2; exit 3', sh, "${who}"], expect: { exitCode: 3, stderr: { text: "1000" }, stdout: { text: "" } } }"#,
                r#"exec: { service: web, command: [sh, -c, 'kill -9 $$'], expect: { exitCode: 137 } }"#,
            ],
        ),
        case(
            "repeats",
            &[
                r#"{ within: 20s, exec: { service: web, command: [sh, -c, 'echo >> /tmp/n; test $(wc -l < /tmp/n) -ge 3'] } }"#,
                r#"exec: { service: web, command: [wc, -l, /tmp/n], expect: { stdout: { text: "3 /tmp/n" } } }"#,
            ],
        ),
        case("absent", &["exec: { service: web, command: [nope], expect: { exitCode: 127 } }"]),
        case("forbidden", &["exec: { service: web, command: [/etc/passwd] }"]),
        case(
            "leaks",
            &[
                r#"exec: { service: web, command: [sh, -c, 'cat /run/secrets/token; printf "\033]0;owned\007"; exit 4'] }"#,
            ],
        ),
        case("sleeps", &["exec: { service: web, timeout: 1s, command: [sh, -c, 'echo first; exec sleep 20'] }"]),
        case(
            "floods",
            &[
                "exec: { service: web, command: [head, -c, '3000000', /dev/zero], expect: { stdout: { contains: end } } }",
            ],
        ),
        case("stopped", &["stop: { service: web }", "exec: { service: web, command: ['true'] }"]),
    ];
    let file = user.describes(name, &format!("{WEB}{}", cases.concat()));
    let environment = format!("{name}-pr-1");
    user.owns(&environment);
    let ended = user.runs(&file, "1", &[]).code(5);
    let report = user.report(&environment);
    judged(
        &report,
        &[
            ("passes", "passed", ""),
            ("repeats", "passed", ""),
            ("absent", "failed", "the command cannot be started: its command is not in the image"),
            ("forbidden", "failed", "the command cannot be started: its command is not executable"),
            ("leaks", "failed", "exit code 4: [secret token]"),
            ("sleeps", "failed", "did not end within 1s; it runs until its service stops: first"),
            ("floods", "inconclusive", "longer than 1048576 bytes"),
            ("stopped", "failed", "web is not running"),
        ],
    );
    let control = |text: &str| text.chars().any(|c| c == '\u{1b}' || c == '\u{7}');
    assert!(!control(&ended.err) && !control(&ended.out), "{ended:?}");
    user.finds_nothing_of(&environment);
}

/// Databases have the extensions that they ask for before their SQL files run, and suites may be left out by a condition, which is
/// reported, signed and never taken for passed.
#[track_caller]
pub fn extensions_and_conditions(user: &User, name: &str) {
    let database = |extensions: &str| {
        format!(
            "values: {{ deep: false }}\ndatabases:\n  pg: {{ image: 'localhost/dayfly/postgres:1', roles: [app], extensions: [{extensions}], sql: [seed.sql] }}\n"
        )
    };
    let suite = |name: &str, more: &str| {
        format!(
            "  {name}:\n    kind: acceptance\n    needs: [pg]\n{more}    cases:\n      - id: {name}\n        name: the seed could use the extension\n        steps:\n          - sql: {{ database: pg, role: app, query: SELECT sum FROM sums, rows: [[ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb]] }}\n"
        )
    };
    let seed =
        "CREATE TABLE sums AS SELECT encode(digest('a', 'sha256'), 'hex') AS sum;\nGRANT SELECT ON sums TO app;\n";
    std::fs::write(user.folder.path().join("seed.sql"), seed).unwrap();
    let usual = suite("usual", "    when: true\n").replace("\n    ", "\n").replacen("  usual:\n", "", 1);
    std::fs::write(user.folder.path().join("usual.yaml"), usual).unwrap();
    let deep = suite("deep", "    when: '{{deep}}'\n");
    let suites = format!("suites:\n  usual: {{ include: usual.yaml }}\n{deep}");
    let file = user.describes(name, &(database("pgcrypto, 'uuid-ossp'") + &suites));
    user.runs(&file, "1", &[]).code(0).says("PASSED").says("Not run, because of their condition").says("deep");
    let environment = format!("{name}-pr-1");
    let report = user.report(&environment);
    assert_eq!(report["leftOut"], serde_json::json!(["deep"]));
    assert_eq!(report["suites"][0]["cases"][0]["source"], "usual.yaml:5");
    let folder = user.evidence(&environment);
    let folder = folder.to_str().unwrap();
    let verifies =
        |more: &[&str]| user.dayfly(&[&["verify", folder, "--key", "key.pem.pub", "--require-passed"], more].concat());
    verifies(&["--require-suite", "usual"]).code(10).says("suite deep did not run because of its condition");
    let accepts = verifies(&["--require-suite", "usual", "--may-leave-out", "deep"]);
    accepts.code(0).says("not run, because of its condition");
    verifies(&["--require-suite", "deep"]).code(10);
    for format in ["text", "markdown", "html"] {
        let report = user.dayfly(&["report", folder, "--format", format]).code(0);
        assert!(report.out.to_lowercase().contains("not run"), "{}", report.out);
    }
    let planned = |more: &[&str]| user.dayfly(&[&["plan", &file, "--output", "json"], more].concat()).code(0).json();
    assert_eq!(planned(&[])["suites"]["deep"]["left_out"], true);
    assert_eq!(planned(&["--set", "deep=true"])["suites"]["deep"]["left_out"], Value::Null);

    let absent = format!("{name}-absent");
    let file = user.describes(&absent, &(database("nope") + "suites:\n" + &suite("usual", "    when: false\n")));
    user.runs(&file, "1", &[]).code(4).says("the extension nope: ").says("nope.control");
    user.finds_nothing_of(&format!("{absent}-pr-1"));
}
