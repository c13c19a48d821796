//! Results of container suites, through the command on a real container engine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;
use std::process::Command;

use base64::Engine;
use serde_json::Value;
use support::User;

/// What was signed about the whole run.
fn statement(run: &Path) -> Value {
    let envelope: Value = serde_json::from_slice(&std::fs::read(run.join("run.intoto.jsonl")).unwrap()).unwrap();
    let payload = base64::engine::general_purpose::STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// A description with one container suite that runs this script.
fn with_script(fields: &str, script: &str) -> String {
    let script: String = script.lines().map(|l| format!("        {l}\n")).collect();
    format!(
        "suites:\n  tests:\n    kind: acceptance\n    image: localhost/dayfly/python:1\n{fields}    command:\n      - python3\n      - -c\n      - |\n{script}"
    )
}

/// Writes a result file as one of the corpus.
fn from_corpus(file: &str, name: &str, code: u8) -> String {
    let text = std::fs::read_to_string(support::repository().join("tests/fixtures/results").join(file)).unwrap();
    let text = serde_json::to_string(&text).unwrap();
    format!("import sys\nopen('/results/{name}', 'w').write({text})\nsys.exit({code})\n")
}

#[test]
fn signs_reruns_of_a_tool_as_warnings() {
    needs_engine!();
    let user = User::new();
    let file = user.describes("reruns", &with_script("", &from_corpus("surefire/flaky.xml", "TEST-shop.xml", 0)));
    user.owns("reruns-pr-1");
    user.runs(&file, "1", &[]).code(0).says("5 of 6 passed, 1 skipped, 1 flaky").says("1 of 2 attempts failed");
    let report = user.report("reruns-pr-1");
    let flaky = report["suites"][0]["cases"].as_array().unwrap().iter().find(|c| c["failedAttempts"] == 1).unwrap();
    assert_eq!((&flaky["id"], &flaky["attempts"]), (&"shop.ShopTest.flaky".into(), &2.into()));
    let run = user.evidence("reruns-pr-1");
    let statement = statement(&run);
    assert_eq!(statement["predicate"]["warnedTests"], serde_json::json!(["tests/shop.ShopTest.flaky"]));
    assert_eq!(statement["predicate"]["result"], "PASSED");
    let views =
        [("text", "1 of 2 attempts failed"), ("markdown", "1 of 2 attempts failed"), ("junit", "<flakyFailure")];
    for (format, says) in views.into_iter().chain([("html", "flaky: 1 of 2 attempts failed")]) {
        user.dayfly(&["report", run.to_str().unwrap(), "--format", format]).code(0).says(says);
    }
    let strict = with_script("    flaky: fail\n", &from_corpus("surefire/flaky.xml", "TEST-shop.xml", 0));
    let strict = user.describes("strict", &strict);
    user.owns("strict-pr-1");
    user.runs(&strict, "1", &[]).code(5).says("flaky: shop.ShopTest.flaky failed before it passed");
}

/// Passes if the service says that it was asked before.
const TWICE: &str = "import sys, urllib.request
again = urllib.request.urlopen('http://counter:8080/').read() == b'again'
case = lambda name, bad: f\"<testcase name='{name}'>{'<failure/>' if bad else ''}</testcase>\"
cases = case('steady', False) + case('shaky', not again)
open('/results/r.xml', 'w').write(f\"<testsuite name='s' tests='2'>{cases}</testsuite>\")
open('/results/coverage.xml', 'w').write('<!DOCTYPE coverage SYSTEM \"c.dtd\"><coverage/>')
print('again' if again else 'first')
sys.exit(0 if again else 1)
";

const COUNTER: &str = "services:
  counter:
    image: localhost/dayfly/python:1
    port: 8080
    command:
      - python3
      - -c
      - |
        import http.server
        seen = []
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = b'again' if seen else b'first'
                seen.append(1)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)
        http.server.HTTPServer(('', 8080), Handler).serve_forever()
";

#[test]
fn keeps_every_attempt_of_a_container_and_warns_of_what_failed_first() {
    needs_engine!();
    let user = User::new();
    let suite = with_script("    retries: 2\n    needs: [counter]\n", TWICE);
    let file = user.describes("attempts", &format!("{COUNTER}{suite}"));
    user.owns("attempts-pr-1");
    user.runs(&file, "1", &[])
        .code(0)
        .says("2 of 2 passed, 1 flaky")
        .says("ignored coverage.xml: its root element is <coverage>");
    let report = user.report("attempts-pr-1");
    let suite = &report["suites"][0];
    let cases: Vec<_> =
        suite["cases"].as_array().unwrap().iter().map(|c| (&c["attempts"], &c["failedAttempts"])).collect();
    assert_eq!(cases, [(&2.into(), &0.into()), (&2.into(), &1.into())]);
    let names: Vec<_> = suite["raw"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    let expected = ["log.txt", "coverage.xml", "r.xml"].map(str::to_owned);
    let of = |n: u8| expected.clone().map(|name| format!("attempt-{n}/{name}"));
    assert_eq!(names, [of(1), of(2)].concat());
    let run = user.evidence("attempts-pr-1");
    let first = suite["raw"][0]["sha256"].as_str().unwrap();
    assert_eq!(std::fs::read_to_string(run.join("raw").join(first)).unwrap().trim(), "first");
    user.dayfly(&["verify", run.to_str().unwrap(), "--key", "key.pem.pub", "--require-passed"]).code(0);
    assert_eq!(statement(&run)["predicate"]["warnedTests"], serde_json::json!(["tests/s.shaky"]));
}

#[test]
fn reads_other_formats_through_the_description() {
    needs_engine!();
    let user = User::new();
    let cases = [
        ("tap", "verdict: tap", "node/passed.tap", 0, "5 of 7 passed, 2 skipped"),
        ("ctrf", "verdict: ctrf", "ctrf-playwright/flaky.json", 0, "4 of 6 passed, 2 skipped, 1 flaky"),
        ("sarif", "verdict: sarif", "bandit/failed.sarif", 5, "1 of 5 passed, 4 failed"),
        ("lenient", "verdict: sarif, failOn: high", "bandit/failed.sarif", 5, "1 of 2 passed, 1 failed"),
        ("bom", "verdict: cyclonedx, failOn: critical", "cyclonedx/failed.json", 5, "1 of 2 passed, 1 failed"),
    ];
    for (name, fields, file, code, says) in cases {
        let fields: String = fields.split(", ").map(|f| format!("    {f}\n")).collect();
        let extension = file.rsplit('.').next().unwrap();
        let script = from_corpus(file, &format!("results.{extension}"), u8::from(code != 0));
        let description = user.describes(name, &with_script(&fields, &script));
        user.owns(&format!("{name}-pr-1"));
        user.runs(&description, "1", &[]).code(code).says(says);
    }
}

/// An image of the engine, and the archive of it, hold the same; without advisories, nothing is known about it.
#[test]
fn scans_an_image_of_the_engine() {
    if !support::engine_is_there() {
        return;
    }
    let (user, image) = (User::new(), "localhost/dayfly/python:1");
    let scanned = user.dayfly(&["scan", image, "--output", "json"]).code(7).json();
    let source = scanned["sources"][0].as_str().unwrap();
    assert!(source.starts_with(image) && source.contains("sha256:"), "{source}");
    let counts = |scanned: &Value| {
        let of = |c: &Value| (c["ecosystem"].as_str().unwrap().to_owned(), c["packages"].as_u64().unwrap());
        scanned["coverage"].as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let found = counts(&scanned);
    assert!(found.iter().any(|(e, count)| e.starts_with("Debian:") && *count > 50), "{found:?}");
    let reasons = scanned["reasons"].to_string();
    assert!(reasons.contains("there are no advisories") && !reasons.contains("layer"), "{reasons}");

    let program = ["podman", "docker"].into_iter().find(|p| {
        let saved =
            Command::new(p).args(["save", "--output", "app.tar", image]).current_dir(user.folder.path()).output();
        saved.is_ok_and(|o| o.status.success())
    });
    if program.is_some() {
        let archive = user.dayfly(&["scan", "app.tar", "--output", "json"]).code(7).json();
        assert_eq!(counts(&archive), found);
        assert_eq!(archive["gaps"].as_array().unwrap().len(), scanned["gaps"].as_array().unwrap().len());
    }
    user.dayfly(&["scan", "localhost/dayfly/none:1"]).code(4).says("localhost/dayfly/none:1");
}
