//! CTRF files.

use super::*;

fn ctrf(text: &str) -> SuiteResults {
    read(&BTreeMap::from([("c.json".to_owned(), text.as_bytes().to_vec())]), VerdictSource::Ctrf, Severity::Low)
}

fn with(summary: &str, tests: &str) -> SuiteResults {
    ctrf(&format!(r#"{{"results": {{"tool": {{"name": "x"}}, "summary": {{{summary}}}, "tests": [{tests}]}}}}"#))
}

#[test]
fn reads_every_status() {
    let results = with(
        r#""tests": 6, "failed": 1"#,
        r#"{"name": "a", "status": "passed", "duration": 1500, "suite": "s"}, {"name": "b", "status": "failed", "message": "no", "suite": ["s", "t"], "filePath": "b.js", "line": 7},
        {"name": "c", "status": "skipped"}, {"name": "d", "status": "pending"}, {"name": "e", "status": "other", "rawStatus": "todo"}, {"name": "f", "status": "other", "duration": 1e300}"#,
    );
    assert_eq!(results.unreadable, []);
    let expected =
        [("s > a", P), ("s > t > b", F), ("c", None), ("d", None), ("e", None), ("f", Some(Verdict::Inconclusive))];
    assert_eq!(verdicts(&results), expected);
    assert_eq!((results.cases[0].took_ms, results.cases[5].took_ms), (1500, 0));
    assert_eq!((results.cases[1].source.as_deref(), results.cases[1].failures[0].got.as_str()), (Some("b.js:7"), "no"));
}

#[test]
fn reads_retries_in_each_of_their_forms() {
    let results = with(
        r#""tests": 4"#,
        r#"{"name": "a", "status": "passed", "retries": 2}, {"name": "b", "status": "passed", "flaky": true},
        {"name": "c", "status": "passed", "retryAttempts": [{"status": "failed", "message": "refused"}]}, {"name": "d", "status": "passed", "retries": 0, "flaky": false}"#,
    );
    let counts: Vec<_> = results.cases.iter().map(|c| (c.attempts, c.failed_attempts)).collect();
    assert_eq!(counts, [(3, 2), (2, 1), (2, 1), (1, 0)]);
    assert_eq!(results.cases[2].failures[0].got, "refused");
}

#[test]
fn refuses_files_that_lack_what_they_count() {
    assert!(with(r#""tests": 2"#, r#"{"name": "a", "status": "passed"}"#).unreadable[0].1.contains("counts 2 tests"));
    let hidden = with(r#""tests": 1, "failed": 1"#, r#"{"name": "a", "status": "passed"}"#);
    assert!(hidden.unreadable[0].1.contains("counts 1 failed tests but it contains 0"));
}

#[test]
fn ignores_other_json_and_refuses_damaged_or_hostile_json() {
    for other in ["{}", "[1]", r#"{"results": []}"#] {
        assert_eq!(ctrf(other).ignored, ["c.json: it is not a CTRF file"], "{other}");
    }
    let deep = format!(r#"{{"results": {{"summary": {{"tests": 1}}, "tests": {}"#, "[".repeat(100_000));
    let many = format!(
        r#"{{"results": {{"summary": {{"tests": 1}}, "tests": [{}]}}}}"#,
        r#"{"status":"passed"},"#.repeat(60_000) + r#"{"status":"passed"}"#
    );
    let twice = r#"{"results": {"summary": {"tests": 0, "tests": 9}, "tests": []}}"#;
    for bad in
        ["", "{", "\u{feff}", r#"{"results": {"summary": {"tests": -1}, "tests": []}}"#, &deep, &many, twice, "\"x\""]
    {
        let results = ctrf(bad);
        assert_eq!(results.unreadable.len(), 1, "{}", &bad[..bad.len().min(80)]);
    }
}
