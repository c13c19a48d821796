//! Findings of scanners: SARIF, CycloneDX and ZAP.

use super::*;

fn scan(source: VerdictSource, fail_on: Severity, text: &str) -> SuiteResults {
    read(&BTreeMap::from([("scan.json".to_owned(), text.as_bytes().to_vec())]), source, fail_on)
}

fn sarif(fail_on: Severity, results: &str) -> SuiteResults {
    let rules = r#"[{"id": "R0"}, {"id": "R1", "defaultConfiguration": {"level": "error"}, "shortDescription": {"text": "no eval"}}, {"id": "R2", "defaultConfiguration": {"level": "note"}}]"#;
    let run = format!(
        r#"{{"tool": {{"driver": {{"name": "lint", "rules": {rules}}}, "extensions": [{{"name": "x", "rules": [{{"id": "X0", "defaultConfiguration": {{"level": "error"}}}}]}}]}}, "results": {results}}}"#
    );
    scan(VerdictSource::Sarif, fail_on, &format!(r#"{{"version": "2.1.0", "runs": [{run}]}}"#))
}

#[test]
fn a_result_without_a_level_has_that_of_its_rule() {
    let cases = [
        (r#"{"ruleIndex": 1, "message": {"text": "m"}}"#, "high"),
        (r#"{"ruleId": "R1", "message": {"text": "m"}}"#, "high"),
        (r#"{"ruleId": "R1/part", "message": {"text": "m"}}"#, "high"),
        (r#"{"ruleIndex": 2, "message": {"text": "m"}}"#, "low"),
        (r#"{"ruleIndex": 0, "message": {"text": "m"}}"#, "medium"),
        (r#"{"ruleId": "unknown", "message": {"text": "m"}}"#, "medium"),
        (r#"{"ruleIndex": 99, "message": {"text": "m"}}"#, "medium"),
        (r#"{"ruleIndex": -1, "message": {"text": "m"}}"#, "medium"),
        (r#"{"ruleIndex": 1, "level": "warning", "message": {"text": "m"}}"#, "medium"),
        (r#"{"rule": {"index": 0, "toolComponent": {"index": 0}}, "message": {"text": "m"}}"#, "high"),
        (r#"{"rule": {"id": "X0"}, "message": {"text": "m"}}"#, "high"),
        // The place is that of another rule, or one in a component that is only named.
        (r#"{"ruleId": "R1", "ruleIndex": 2, "message": {"text": "m"}}"#, "high"),
        (r#"{"ruleId": "X0", "rule": {"index": 2, "toolComponent": {"name": "x"}}, "message": {"text": "m"}}"#, "high"),
    ];
    for (result, severity) in cases {
        let results = sarif(Severity::Low, &format!("[{result}]"));
        assert_eq!(results.unreadable, [], "{result}");
        assert_eq!(results.cases[1].failures[0].step, format!("{severity} finding of lint"), "{result}");
    }
}

#[test]
fn only_findings_from_the_limit_fail() {
    let all = r#"[{"level": "error", "message": {}}, {"level": "warning", "message": {}}, {"level": "note", "message": {}}, {"level": "none", "message": {}}, {"kind": "pass", "message": {}}]"#;
    for (fail_on, failing) in [(Severity::Low, 3), (Severity::Medium, 2), (Severity::High, 1)] {
        let results = sarif(fail_on, all);
        let bad = results.cases.iter().filter(|c| c.verdict == F).count();
        assert_eq!((bad, results.cases[0].verdict, results.cases[0].steps.len()), (failing, P, 5 - failing));
        assert_eq!(verdict(&exit(0), VerdictSource::Sarif, &results), (Verdict::Failed, None));
    }
    let clean = sarif(Severity::High, r#"[{"level": "note", "message": {"text": "m"}}]"#);
    assert_eq!(verdict(&exit(0), VerdictSource::Sarif, &clean), (Verdict::Passed, None));
    let (v, why) = verdict(&exit(2), VerdictSource::Sarif, &clean);
    assert_eq!(
        (v, why.unwrap().as_str()),
        (Verdict::Failed, "no finding reaches `failOn`, but the suite exited with code 2")
    );
}

#[test]
fn suppressed_results_do_not_fail_unless_the_suppression_was_rejected() {
    let of = |suppressions: &str| {
        let results = sarif(
            Severity::Low,
            &format!(r#"[{{"level": "error", "message": {{}}, "suppressions": {suppressions}}}]"#),
        );
        results.cases.iter().any(|c| c.verdict == F)
    };
    assert!(!of(r#"[{"kind": "inSource", "justification": "reviewed"}]"#));
    assert!(!of(r#"[{"kind": "external", "status": "accepted"}]"#));
    for still in [
        "[]",
        "null",
        r#"[{"kind": "external", "status": "rejected"}]"#,
        r#"[{"kind": "x"}, {"kind": "x", "status": "underReview"}]"#,
    ] {
        assert!(of(still), "{still}");
    }
}

#[test]
fn a_scan_that_did_not_complete_proves_nothing() {
    let run = |rest: &str| {
        scan(
            VerdictSource::Sarif,
            Severity::Low,
            &format!(r#"{{"version": "2.1.0", "runs": [{{"tool": {{"driver": {{"name": "lint"}}}}, {rest}}}]}}"#),
        )
    };
    for rest in [
        r#""results": null"#,
        r#""columnKind": "x""#,
        r#""results": [], "invocations": [{"executionSuccessful": false}]"#,
        r#""results": [], "invocations": [{"executionSuccessful": true, "toolExecutionNotifications": [{"level": "error", "message": {"text": "x"}}]}]"#,
        r#""results": [], "externalPropertyFileReferences": {"results": [{}]}"#,
    ] {
        assert_eq!(verdict(&exit(0), VerdictSource::Sarif, &run(rest)).0, Verdict::Inconclusive, "{rest}");
    }
    assert_eq!(
        verdict(
            &exit(0),
            VerdictSource::Sarif,
            &run(r#""results": [], "invocations": [{"executionSuccessful": true}]"#)
        )
        .0,
        Verdict::Passed
    );
    let many = r#"{"level": "warning", "message": {"text": "x"}}, "#.repeat(200);
    let late = format!(
        r#""results": [], "invocations": [{{"executionSuccessful": true, "toolExecutionNotifications": [{many}{{"level": "error", "message": {{"text": "x"}}}}]}}]"#
    );
    assert_eq!(verdict(&exit(0), VerdictSource::Sarif, &run(&late)).0, Verdict::Inconclusive);
    let none = scan(VerdictSource::Sarif, Severity::Low, r#"{"version": "2.1.0", "runs": []}"#);
    assert_eq!(verdict(&exit(0), VerdictSource::Sarif, &none).0, Verdict::Inconclusive);
    let unknown = sarif(Severity::High, r#"[{"level": "grave", "message": {}}, {"kind": "review", "message": {}}]"#);
    assert_eq!(verdict(&exit(0), VerdictSource::Sarif, &unknown).0, Verdict::Inconclusive);
    assert_eq!(scan(VerdictSource::Sarif, Severity::Low, r#"{"version": "2.0.0", "runs": []}"#).unreadable.len(), 1);
}

fn bom(fail_on: Severity, vulnerabilities: &str) -> SuiteResults {
    scan(
        VerdictSource::Cyclonedx,
        fail_on,
        &format!(r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6" {vulnerabilities}}}"#),
    )
}

#[test]
fn reads_the_worst_rating_of_a_vulnerability() {
    let one = |ratings: &str| {
        bom(
            Severity::High,
            &format!(
                r#", "vulnerabilities": [{{"id": "CVE-1", "ratings": {ratings}, "affects": [{{"ref": "pkg:npm/a@1"}}]}}]"#
            ),
        )
    };
    let verdict_of = |ratings: &str| verdict(&exit(0), VerdictSource::Cyclonedx, &one(ratings)).0;
    assert_eq!(verdict_of(r#"[{"severity": "low"}, {"severity": "critical"}]"#), Verdict::Failed);
    assert_eq!(verdict_of(r#"[{"severity": "medium"}]"#), Verdict::Passed);
    assert_eq!(verdict_of(r#"[{"score": 7.5, "method": "CVSSv31"}]"#), Verdict::Failed);
    assert_eq!(verdict_of(r#"[{"score": 6.9}]"#), Verdict::Passed);
    for unknown in
        ["[]", r#"[{"severity": "unknown"}]"#, r#"[{"score": 1e300}]"#, r#"[{"score": 3, "method": "OWASP"}]"#]
    {
        assert_eq!(verdict_of(unknown), Verdict::Inconclusive, "{unknown}");
    }
    assert_eq!(one(r#"[{"severity": "high"}]"#).cases[1].id, "CVE-1 at pkg:npm/a@1");
}

#[test]
fn a_vex_dismisses_vulnerabilities_by_its_analysis() {
    for (state, expected) in [
        ("not_affected", Verdict::Passed),
        ("false_positive", Verdict::Passed),
        ("resolved", Verdict::Passed),
        ("in_triage", Verdict::Failed),
        ("exploitable", Verdict::Failed),
    ] {
        let results = bom(
            Severity::Low,
            &format!(
                r#", "vulnerabilities": [{{"id": "CVE-1", "ratings": [{{"severity": "high"}}], "analysis": {{"state": "{state}", "detail": "never called"}}}}]"#
            ),
        );
        assert_eq!(verdict(&exit(0), VerdictSource::Cyclonedx, &results).0, expected, "{state}");
    }
}

#[test]
fn a_bom_without_a_list_of_vulnerabilities_proves_nothing() {
    assert_eq!(verdict(&exit(0), VerdictSource::Cyclonedx, &bom(Severity::Low, "")).0, Verdict::Inconclusive);
    assert_eq!(
        verdict(&exit(0), VerdictSource::Cyclonedx, &bom(Severity::Low, r#", "vulnerabilities": []"#)).0,
        Verdict::Passed
    );
}

const ZAP: &str = r#"{"@programName": "ZAP", "@version": "2.16.1", "site": [{"@name": "http://web:8080", "alerts": [
    {"pluginid": "10038", "name": "CSP header not set", "riskcode": "2", "confidence": "3", "desc": "<p>A policy</p><p>helps.</p>", "instances": [{"uri": "http://web:8080/", "method": "GET", "param": ""}], "count": "1"},
    {"pluginid": "10021", "name": "No nosniff", "riskcode": "1", "confidence": "2", "instances": []},
    {"pluginid": 40012, "alert": "XSS", "riskcode": 3, "confidence": "0"},
    {"pluginid": "10109", "name": "Modern app", "riskcode": "0", "confidence": "2"}]}]}"#;

#[test]
fn reads_alerts_of_zap_by_risk() {
    let ids = |fail_on| {
        scan(VerdictSource::Zap, fail_on, ZAP)
            .cases
            .iter()
            .filter(|c| c.verdict == F)
            .map(|c| c.id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(Severity::Low), ["ZAP-10038 at http://web:8080/", "ZAP-10021"]);
    assert_eq!(ids(Severity::Medium), ["ZAP-10038 at http://web:8080/"]);
    assert!(ids(Severity::High).is_empty(), "the high one is a false positive");
    let all = scan(VerdictSource::Zap, Severity::Low, ZAP);
    assert_eq!(all.cases[1].failures[0].got, "A policyhelps.\nGET http://web:8080/\n");
    assert_eq!(
        all.cases[0].steps.iter().map(|s| s.saw.as_str()).collect::<Vec<_>>(),
        ["marked as a false positive", "below low"]
    );
}

#[test]
fn zap_that_scanned_nothing_proves_nothing() {
    for text in [
        r#"{"site": []}"#,
        r#"{"site": [{"@name": "x"}]}"#,
        r#"{"site": [{"@name": "x", "alerts": [{"riskcode": "9"}]}]}"#,
    ] {
        let results = scan(VerdictSource::Zap, Severity::High, text);
        assert_eq!(verdict(&exit(0), VerdictSource::Zap, &results).0, Verdict::Inconclusive, "{text}");
    }
    assert_eq!(scan(VerdictSource::Zap, Severity::High, r#"{"runs": []}"#).ignored.len(), 1);
}

#[test]
fn bounds_findings_and_their_texts() {
    let many = format!("[{}]", vec![r#"{"level": "error", "message": {}}"#; 50_000].join(","));
    assert!(sarif(Severity::Low, &many).unreadable[0].1.contains("more than 50000 cases"));
    let notes = format!("[{}]", vec![r#"{"level": "note", "message": {}}"#; 1000].join(","));
    assert_eq!(sarif(Severity::High, &notes).cases[0].steps.len(), 201);
    let long = format!(r#"[{{"level": "error", "ruleId": "{0}", "message": {{"text": "{0}"}}}}]"#, "é".repeat(100_000));
    let case = &sarif(Severity::Low, &long).cases[1];
    assert!(case.id.len() <= 512 && case.name.len() <= 512 && case.failures[0].got.len() <= 8192);
}
