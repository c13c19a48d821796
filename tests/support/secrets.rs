//! Secrets in variables and files, for the stories of both engines.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::User;

/// A server that says whether its variable opens the database, and whether its file holds the secret as it is.
const API: &str = r#"
import http.server, json, os, psycopg2
class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        psycopg2.connect(os.environ['DATABASE_URL']).close()
        token = open('/run/secrets/token').read()
        settings = open('/etc/dayfly/app/settings.json').read()
        body = json.dumps({'file': settings == '{"token": "<&\'' + token + '>"}'}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
print('listening')
http.server.ThreadingHTTPServer(('', 8080), Api).serve_forever()
"#;

const DESCRIPTION: &str = r#"secrets: { token: {} }
services:
  api:
    image: localhost/dayfly/python:1
    command: [python3, -u, /etc/dayfly/api.py]
    port: 8080
    needs: [pg]
    secrets: [pg.app, token]
    secretEnv: { DATABASE_URL: 'postgres://app:{{secret "pg.app"}}@pg/app' }
    resources: { memory: 96Mi }
    files:
      /etc/dayfly/app/settings.json: { text: "{\"token\": \"<&'{{secret \"token\"}}>\"}" }
      /etc/dayfly/api.py:
       text: |
PROGRAM
databases: { pg: { image: localhost/dayfly/postgres:1, roles: [app] } }
suites:
  api-works:
    kind: acceptance
    needs: [api]
    cases:
      - { id: A1, name: the program finds both, steps: [ http: { url: 'http://api:8080/', expect: { json: { file: true } } } ] }
  box:
    kind: acceptance
    image: localhost/dayfly/python:1
    verdict: exit-code
    secrets: [token]
    secretEnv: { AUTHORIZATION: 'Bearer {{secret "token"}}' }
    command:
      - python3
      - -c
      - |
        import os
        print(os.environ['AUTHORIZATION'])
        assert os.environ['AUTHORIZATION'] == 'Bearer ' + open('/run/secrets/token').read()
  tight:
    kind: security
    needs: [api]
    cases:
      - { id: S1, name: no secret leaks, steps: [ noSecretsLeaked: {} ] }
"#;

/// Programs find their secrets in variables and files; neither a report nor the plan holds one. Leaves the environment for
/// what the engine shows; returns the values by name.
#[track_caller]
pub fn reach_programs(user: &User, name: &str) -> BTreeMap<String, String> {
    let program: String = API.lines().map(|line| format!("        {line}\n")).collect();
    let file = user.describes(name, &DESCRIPTION.replace("PROGRAM\n", &program));
    let environment = format!("{name}-pr-1");
    user.owns(&environment);
    user.dayfly(&["plan", &file, "--pr", "1"])
        .code(0)
        .says("secrets in variables DATABASE_URL")
        .says("secrets in files /etc/dayfly/app/settings.json");
    let ended = user.runs(&file, "1", &["--keep", "always"]).code(0).says("PASSED");
    let values: BTreeMap<String, String> =
        serde_json::from_value(user.dayfly(&["secrets", &environment, "--reveal", "--output", "json"]).code(0).json())
            .unwrap();
    assert!(values.contains_key("token") && values.contains_key("pg.app"), "{:?}", values.keys());
    hold_no_secret(&ended.err, &values);
    let evidence = user.evidence(&environment);
    let report = std::fs::read_to_string(evidence.join("report.json")).unwrap();
    assert!(report.contains("It shows the variables under `secretEnv` to everybody who may"), "{report}");
    let files = all_files(&evidence);
    assert!(files.contains("Bearer [secret token]"), "the log of the suite");
    hold_no_secret(&files, &values);
    values
}

/// The texts of all files in a folder and below.
fn all_files(folder: &Path) -> String {
    let read = |path: std::path::PathBuf| match path.is_dir() {
        true => all_files(&path),
        false => String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned(),
    };
    std::fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap().path())).collect()
}

/// Demands that a text holds none of the values, as they are or in base64.
#[track_caller]
pub fn hold_no_secret(text: &str, values: &BTreeMap<String, String>) {
    for (name, value) in values {
        assert!(!text.contains(value) && !text.contains(&STANDARD.encode(value)), "{name} stands in {text}");
    }
}
