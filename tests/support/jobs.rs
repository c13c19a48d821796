//! Jobs, for the stories of both engines.

use super::User;

/// Counts its attempts in the database, and fails at the first; then it makes a table.
const MIGRATE: &str = r#"
import os, psycopg2
database = psycopg2.connect(os.environ['DATABASE_URL'])
database.autocommit = True
cursor = database.cursor()
cursor.execute('CREATE TABLE IF NOT EXISTS attempts (n int)')
cursor.execute('INSERT INTO attempts VALUES (1)')
cursor.execute('SELECT count(*) FROM attempts')
if cursor.fetchone()[0] < 2:
    raise SystemExit(3)
cursor.execute('CREATE TABLE articles (name text)')
print('migrated')
"#;

/// Answers with the number of articles that were there when it started.
const API: &str = r#"
import http.server, json, os, psycopg2
cursor = psycopg2.connect(os.environ['DATABASE_URL']).cursor()
cursor.execute('SELECT count(*) FROM articles')
body = json.dumps({'articles': cursor.fetchone()[0]}).encode()
class Api(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
print('listening')
http.server.ThreadingHTTPServer(('', 8080), Api).serve_forever()
"#;

/// A container with the database's address that runs this program.
fn container(name: &str, needs: &str, program: &str, more: &str) -> String {
    let program: String = program.lines().map(|line| format!("        {line}\n")).collect();
    format!(
        "  {name}:\n    image: localhost/dayfly/python:1\n    command: [python3, -u, /etc/dayfly/p.py]\n    needs: {needs}\n    secrets: [pg.app]\n    secretEnv: {{ DATABASE_URL: 'postgres://app:{{{{secret \"pg.app\"}}}}@pg/app' }}\n    resources: {{ memory: 96Mi }}\n{more}    files:\n      /etc/dayfly/p.py:\n       text: |\n{program}"
    )
}

/// The case that captures `at` again and the one after it run side by side; the last one has what was captured last.
const AGAIN: &str =
    "      - { id: C1, name: the database answers, steps: [ tcp: { to: 'pg:5432', capture: { at: address } } ] }
      - { id: C2, name: the service answers, steps: [ http: { url: 'http://api:8080/' } ] }
      - { id: C3, name: its port is open, steps: [ tcp: { to: 'api:8080', capture: { at: address } } ] }
      - { id: C4, name: there is no way out, steps: [ noWayOut: {} ] }
      - { id: C5, name: the address is that of the service, steps: [ http: { url: 'http://${at}/' } ] }
";

/// A statement, and what the first column of its first row is.
fn statement(sql: &str, word: &str) -> String {
    format!(
        "import os, psycopg2\ndatabase = psycopg2.connect(os.environ['DATABASE_URL'])\ndatabase.autocommit = True\ncursor = database.cursor()\ncursor.execute({sql:?})\nprint('{word}', cursor.fetchone()[0])\n"
    )
}

/// Jobs run in their order before the service that needs them, again after a failure, and one more after the suites.
#[track_caller]
pub fn end_before_what_needs_them_starts(user: &User, name: &str) {
    std::fs::write(user.folder.path().join("grant.sql"), "GRANT CREATE ON SCHEMA public TO app;").unwrap();
    let jobs = container("migrate", "[pg]", MIGRATE, "    retries: 1\n")
        + &container(
            "seed",
            "[pg, migrate]",
            &statement("INSERT INTO articles VALUES ('kettle') RETURNING name", "made"),
            "",
        )
        + &container(
            "collect",
            "[pg]",
            &statement("SELECT count(*) FROM attempts", "attempts:"),
            "    after: suites\n",
        );
    let description = format!(
        "databases: {{ pg: {{ image: localhost/dayfly/postgres:1, roles: [app], sql: [grant.sql] }} }}\njobs:\n{jobs}services:\n{}suites:\n  works:\n    kind: acceptance\n    needs: [api]\n    cases:\n      - {{ id: A1, name: the article is there, steps: [ http: {{ url: 'http://api:8080/', expect: {{ json: {{ articles: 1 }} }} }} ] }}\n  tight:\n    kind: security\n    needs: [api, pg]\n    cases:\n      - {{ id: S1, name: nothing leaks, steps: [ confined: {{}}, noSecretsLeaked: {{}} ] }}\n{AGAIN}",
        container("api", "[pg, seed]", API, "    port: 8080\n"),
    );
    let file = user.describes(name, &description);
    user.dayfly(&["plan", &file, "--pr", "1"])
        .code(0)
        .says("migrate (job)")
        .says("ready when it exits with code 0, after at most 2 attempts, within 5m")
        .says("collect (job, after the suites)");
    user.runs(&file, "1", &[]).code(0).says("PASSED");
    let environment = format!("{name}-pr-1");
    let report = user.report(&environment);
    assert_eq!(report["unitEnds"], serde_json::Value::Null, "{report:#}");
    let log = |unit: &str| {
        let file = format!("{unit}.log");
        let trace = report["traces"].as_array().unwrap().iter().find(|f| f["name"] == file.as_str());
        let trace = trace.unwrap_or_else(|| panic!("no {file} in {report:#}"));
        let path = user.evidence(&environment).join("raw").join(trace["sha256"].as_str().unwrap());
        std::fs::read_to_string(path).unwrap()
    };
    assert!(log("migrate").contains("migrated") && log("seed").contains("made kettle"));
    assert!(log("collect").contains("attempts: 2"), "{}", log("collect"));
    user.finds_nothing_of(&environment);
    run_again_only_with_what_they_need(user, &file, &environment);
}

/// A job that has done its work stays done, until what it needs is replaced. Done twice, `migrate` would fail.
#[track_caller]
fn run_again_only_with_what_they_need(user: &User, file: &str, environment: &str) {
    user.owns(environment);
    let up = || user.dayfly(&["up", file, "--pr", "1"]).code(0);
    up();
    up().says("nothing differs");
    std::fs::write(user.folder.path().join("grant.sql"), "GRANT ALL ON SCHEMA public TO app;").unwrap();
    up().says("migrate: it needs pg, which starts anew");
    user.dayfly(&["test", environment, "--suite", "works"]).code(0);
    user.dayfly(&["down", environment]).code(0);
}

/// What needs a job that failed does not start, and the job's last words are in the report.
#[track_caller]
pub fn fail_the_run(user: &User, name: &str) {
    let description = "jobs:\n  broken:\n    image: localhost/dayfly/python:1\n    retries: 1\n    command: [python3, -c, \"print('no such column'); raise SystemExit(7)\"]\nservices:\n  web:\n    image: localhost/dayfly/python:1\n    needs: [broken]\n    command: [sleep, '600']\n";
    let file = user.describes(name, description);
    user.runs(&file, "1", &[])
        .code(4)
        .says("broken: its process exited with code 7 in the last of 2 attempts")
        .says("no such column");
    let report = user.report(&format!("{name}-pr-1"));
    let web = report["units"].as_array().unwrap().iter().find(|u| u["name"] == "web").unwrap();
    assert_eq!(web["started"], serde_json::Value::Null, "{report:#}");
}

/// A job after the suites runs although a suite failed, and fails the run when it does not end.
#[track_caller]
pub fn have_a_time_limit(user: &User, name: &str) {
    let description = "jobs:\n  slow:\n    image: localhost/dayfly/python:1\n    after: suites\n    timeout: 2s\n    command: [sh, -c, 'echo begun; exec sleep 600']\n  never:\n    image: localhost/dayfly/python:1\n    after: suites\n    needs: [slow]\n    command: [echo, ran]\nsuites:\n  wrong:\n    kind: acceptance\n    image: localhost/dayfly/python:1\n    command: ['false']\n    verdict: exit-code\n";
    let file = user.describes(name, description);
    user.runs(&file, "1", &[])
        .code(5)
        .says("slow: it has not ended within 2 s")
        .says("never: it did not run: the job slow, which it needs, failed");
}
