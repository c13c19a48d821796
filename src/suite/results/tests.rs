#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::limits::MAX_CASES;
use super::*;
use crate::engine::SuiteExit;
use crate::model::Verdict;
use crate::spec::model::{Severity, VerdictSource};

mod ctrf;
mod dialects;
mod scans;
mod tap;

fn read_junit_files(files: &BTreeMap<String, Vec<u8>>) -> SuiteResults {
    read(files, VerdictSource::Junit, Severity::Low)
}

fn one(text: &str) -> SuiteResults {
    read_junit_files(&BTreeMap::from([("junit.xml".to_owned(), text.as_bytes().to_vec())]))
}

fn verdicts(results: &SuiteResults) -> Vec<(&str, Option<Verdict>)> {
    results.cases.iter().map(|c| (c.id.as_str(), c.verdict)).collect()
}

fn exit(code: i64) -> SuiteExit {
    SuiteExit {
        code: Some(code),
        oom_killed: false,
        timed_out: false,
        log: String::new(),
        files: BTreeMap::new(),
        lost: vec![],
    }
}

fn junit_verdict(code: i64, text: &str) -> (Verdict, Option<String>) {
    verdict(&exit(code), VerdictSource::Junit, &one(text))
}

const P: Option<Verdict> = Some(Verdict::Passed);
const F: Option<Verdict> = Some(Verdict::Failed);

#[test]
fn reads_pytest_results_with_skips_failures_and_errors() {
    let results = one(
        r#"<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="1" skipped="2" tests="5" time="0.046" timestamp="2026-01-02T03:04:05.678901+00:00" hostname="box">
<testcase classname="tests.test_api" name="test_upload" time="0.002" />
<testcase classname="tests.test_api" name="test_bad[a &lt; b]" time="1.5"><failure message="assert 1 == 2&#10; +  where 1 = f()">def test_bad():
&gt;       assert f() == 2
E       assert 1 == 2</failure></testcase>
<testcase classname="tests.test_api" name="test_skip" time="0.000"><skipped type="pytest.skip" message="no reason">x.py:9: no reason</skipped></testcase>
<testcase classname="tests.test_api" name="test_xfail" time="0.000"><skipped type="pytest.xfail" message="" /></testcase>
<testcase classname="tests.test_api" name="test_fixture" time="0.001"><error message="failed on setup with &quot;boom&quot;">boom</error></testcase>
</testsuite></testsuites>"#,
    );
    assert_eq!(results.unreadable, []);
    assert_eq!(
        verdicts(&results),
        [
            ("tests.test_api.test_upload", P),
            ("tests.test_api.test_bad[a < b]", F),
            ("tests.test_api.test_skip", None),
            ("tests.test_api.test_xfail", None),
            ("tests.test_api.test_fixture", F)
        ]
    );
    let bad = &results.cases[1];
    assert_eq!((bad.took_ms, bad.failures.len(), bad.failures[0].step.as_str()), (1500, 1, "failure"));
    assert!(
        bad.failures[0].got.starts_with("assert 1 == 2\n +  where 1 = f()\ndef test_bad"),
        "{}",
        bad.failures[0].got
    );
    assert_eq!(results.cases[4].failures[0].step, "error");
}

#[test]
fn reads_surefire_results_with_cdata_reruns_and_thousands_separators() {
    let results = one(r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuite xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="3.0" name="org.x.ApiTest" time="1,204.5" tests="3" errors="0" skipped="0" failures="1">
  <properties><property name="java.version" value="21"/></properties>
  <testcase name="slow" classname="org.x.ApiTest" time="1,200.25"/>
  <testcase name="flaky" classname="org.x.ApiTest" time="0.1"><flakyFailure message="first" type="E"><stackTrace><![CDATA[at <x>]]></stackTrace><system-out>no</system-out></flakyFailure></testcase>
  <testcase name="bad" classname="org.x.ApiTest" time="0.2"><failure message="m" type="org.junit.AssertionError"><![CDATA[<b>&amp;</b>]]></failure><rerunFailure message="again" type="E"/><system-err><![CDATA[noise]]></system-err></testcase>
</testsuite>"#);
    assert_eq!(results.unreadable, []);
    assert_eq!(verdicts(&results), [("org.x.ApiTest.slow", P), ("org.x.ApiTest.flaky", P), ("org.x.ApiTest.bad", F)]);
    assert_eq!(results.cases[0].took_ms, 1_200_250);
    let attempts = |case: usize| (results.cases[case].attempts, results.cases[case].failed_attempts);
    assert_eq!((attempts(0), attempts(1), attempts(2)), ((1, 0), (2, 1), (2, 2)));
    assert_eq!(results.cases[1].failures[0].step, "failure in another attempt (E)");
    assert_eq!(results.cases[2].failures[0].got, "m\n<b>&amp;</b>");
}

#[test]
fn impossible_times_count_as_none() {
    for time in ["1e300", "-1", "NaN", "inf", "99999999999", "soon"] {
        let results =
            one(&format!(r#"<testsuite tests="1" failures="0"><testcase name="a" time="{time}"/></testsuite>"#));
        assert_eq!((results.cases[0].took_ms, results.cases[0].verdict), (0, P), "{time}");
    }
}

#[test]
fn reads_go_junit_report_and_jest_results() {
    let go = one(
        r#"<testsuites tests="2" failures="1"><testsuite name="example.org/x" tests="2" failures="1" errors="0" id="0" hostname="h" time="0.010" timestamp="2026-01-02T03:04:05Z">
<properties><property name="go.version" value="go1.24"></property></properties>
<testcase name="TestA" classname="example.org/x" time="0.000"></testcase>
<testcase name="TestB/sub" classname="example.org/x" time="0.010"><failure message="Failed"><![CDATA[    x_test.go:9: no]]></failure></testcase>
<system-out><![CDATA[out]]></system-out></testsuite></testsuites>"#,
    );
    assert_eq!(
        (go.unreadable.len(), verdicts(&go)),
        (0, vec![("example.org/x.TestA", P), ("example.org/x.TestB/sub", F)])
    );
    let jest = one(
        r#"<?xml version="1.0"?><testsuites name="jest tests" tests="2" failures="1" errors="0" time="1.2"><testsuite name="adds" errors="0" failures="1" skipped="1" timestamp="2026-01-02T03:04:05" time="0.9" tests="2">
<testcase classname="adds two" name="adds two" time="0.004" file="src/add.test.js" line="7"><failure>Error: expect(received).toBe(expected)</failure></testcase>
<testcase classname="adds later" name="adds later" time="0"><skipped/></testcase></testsuite></testsuites>"#,
    );
    assert_eq!(
        (jest.unreadable.len(), verdicts(&jest)),
        (0, vec![("adds two.adds two", F), ("adds later.adds later", None)])
    );
    assert_eq!(jest.cases[0].source.as_deref(), Some("src/add.test.js:7"));
}

#[test]
fn reads_nested_suites_and_turns_a_broken_fixture_into_a_failed_case() {
    let results = one(
        r#"<testsuites><testsuite name="outer" tests="2"><testsuite name="inner" tests="1"><testcase name="a"/></testsuite>
<testcase name="b"/><error message="fixture broke">trace</error></testsuite></testsuites>"#,
    );
    assert_eq!(verdicts(&results), [("inner.a", P), ("outer.b", P), ("outer (whole suite)", F)]);
    assert_eq!(results.cases[2].failures[0].got, "fixture broke\ntrace");
}

#[test]
fn reads_skipped_and_failed_from_status_attributes() {
    let results = one(
        r#"<testsuite name="g"><testcase name="a" status="notrun"/><testcase name="b" status="run"/><testcase name="c" status="failed"/></testsuite>"#,
    );
    assert_eq!(verdicts(&results), [("g.a", None), ("g.b", P), ("g.c", F)]);
}

#[test]
fn ignores_other_files_and_other_xml() {
    let cobertura = "<?xml version='1.0'?>\n<!DOCTYPE coverage SYSTEM 'http://x/coverage-04.dtd'>\n<!-- c -->\n<coverage line-rate='1'>";
    let jacoco =
        "<!DOCTYPE report PUBLIC '-//JACOCO//DTD Report 1.1//EN' 'report.dtd' [<!ENTITY a 'a'>]><report name='&a;'/>";
    let files = [
        ("cov.xml", "<coverage line-rate='1'></coverage>"),
        ("cobertura.xml", cobertura),
        ("jacoco.xml", jacoco),
        ("log.txt", "<testsuite"),
        ("shot.png", "\u{1}"),
    ];
    let results = read_junit_files(&files.iter().map(|(n, t)| ((*n).to_owned(), t.as_bytes().to_vec())).collect());
    assert_eq!((results.cases.len(), results.unreadable.len()), (0, 0));
    assert_eq!(
        results.ignored,
        [
            "cobertura.xml: its root element is <coverage>, not <testsuites> or <testsuite>",
            "cov.xml: its root element is <coverage>, not <testsuites> or <testsuite>",
            "jacoco.xml: its root element is <report>, not <testsuites> or <testsuite>"
        ]
    );
}

#[test]
fn refuses_hostile_files_and_never_passes_them() {
    let bomb = r#"<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><testsuite name="x"><testcase name="&b;"/></testsuite>"#;
    let deep = format!("<testsuite>{}<testcase name='a'/>", "<testsuite>".repeat(100_000));
    let wide = format!("<testsuite {}/>", (0..100_000).map(|i| format!("a{i}='' ")).collect::<String>());
    let many = format!("<testsuite>{}</testsuite>", "<testcase name='a'/>".repeat(MAX_CASES + 1));
    let cases: [(&str, Vec<u8>, &str); 13] = [
        ("entities", bomb.into(), "document type"),
        (
            "undeclared entity",
            "<testsuite><testcase name='a'><failure>&x;</failure></testcase></testsuite>".into(),
            "undeclared entity",
        ),
        ("external entity", "<testsuite><testcase name='&x;'/></testsuite>".into(), "invalid value"),
        ("deep", deep.into(), "nested deeper"),
        ("wide", wide.into(), "attributes"),
        ("many", many.into(), "more than 50000 cases"),
        ("huge", vec![b' '; 100 * 1024 * 1024], "larger than"),
        ("not UTF-8", b"<testsuite><testcase name='\xff'/></testsuite>".to_vec(), "not UTF-8"),
        ("UTF-16", "<testsuite/>".encode_utf16().flat_map(u16::to_le_bytes).collect(), "not UTF-8"),
        ("empty", vec![], "is empty"),
        ("truncated", "<testsuite><testcase name='a'/>".into(), "truncated"),
        ("two roots", "<testsuite><testcase name='a'/></testsuite><testsuite/>".into(), "second root"),
        (
            "declares more",
            "<testsuite name='s' tests='2'><testcase name='a'/></testsuite>".into(),
            "declares 2 tests but contains 1",
        ),
    ];
    for (what, bytes, why) in cases {
        let results = read_junit_files(&BTreeMap::from([("r.xml".to_owned(), bytes)]));
        let reason = results.unreadable.first().map_or("read", |u| u.1.as_str());
        assert!(reason.contains(why), "{what}: {reason}");
        let (verdict, reason) = verdict(&exit(0), VerdictSource::Junit, &results);
        assert_ne!(verdict, Verdict::Passed, "{what}: {reason:?}");
    }
}

#[test]
fn counts_only_failures_of_a_truncated_file() {
    let results = one(
        "<testsuite name='s'><testcase name='a'/><testcase name='b'><failure>no</failure></testcase><testcase name='c'>",
    );
    assert_eq!((verdicts(&results), results.unreadable.len()), (vec![("s.b", F)], 1));
    assert_eq!(verdict(&exit(137), VerdictSource::Junit, &results).0, Verdict::Failed);
}

#[test]
fn is_inconclusive_without_tests_with_only_skips_and_with_lost_results() {
    let empty = verdict(&exit(0), VerdictSource::Junit, &SuiteResults::default());
    assert_eq!(empty, (Verdict::Inconclusive, Some("no test results found".into())));
    let crashed = verdict(&exit(2), VerdictSource::Junit, &SuiteResults::default());
    assert_eq!(crashed.1.unwrap(), "no test results found; the suite exited with code 2");
    assert_eq!(
        junit_verdict(0, "<testsuite><testcase name='a'><skipped/></testcase></testsuite>").0,
        Verdict::Inconclusive
    );
    let lost = SuiteExit { lost: vec!["big.xml: more than 32 MiB".into()], ..exit(0) };
    let (v, why) = verdict(&lost, VerdictSource::Junit, &one("<testsuite><testcase name='a'/></testsuite>"));
    assert_eq!((v, why.unwrap().as_str()), (Verdict::Inconclusive, "results were lost: big.xml: more than 32 MiB"));
}

#[test]
fn passes_only_if_exit_code_and_results_agree() {
    let good = "<testsuite><testcase name='a'/></testsuite>";
    let bad = "<testsuite><testcase name='a'><failure/></testcase></testsuite>";
    assert_eq!(junit_verdict(0, good), (Verdict::Passed, None));
    assert_eq!(
        junit_verdict(3, good),
        (Verdict::Failed, Some("every test that ran passed, but the suite exited with code 3".into()))
    );
    assert_eq!(
        junit_verdict(0, bad),
        (Verdict::Failed, Some("the suite exited with code 0 although a test failed".into()))
    );
    assert_eq!(junit_verdict(1, bad), (Verdict::Failed, None));
}

#[test]
fn fails_a_suite_that_exceeds_a_limit_even_if_its_results_passed() {
    let good = one("<testsuite><testcase name='a'/></testsuite>");
    let late = SuiteExit { code: None, timed_out: true, ..exit(0) };
    let fat = SuiteExit { oom_killed: true, ..exit(137) };
    for source in [VerdictSource::Junit, VerdictSource::ExitCode] {
        let (v, why) = verdict(&late, source, &good);
        assert!(v == Verdict::Failed && why.unwrap().contains("exceeded its time limit"));
        let (v, why) = verdict(&fat, source, &good);
        assert!(v == Verdict::Failed && why.unwrap().contains("OOM-killed"));
        assert_eq!(verdict(&SuiteExit { code: None, ..exit(0) }, source, &good).0, Verdict::Inconclusive);
    }
}

#[test]
fn turns_an_exit_code_into_one_case_with_the_end_of_the_log() {
    let log = (1..=30).map(|i| format!("line {i}\n")).collect::<String>();
    let case = exit_code_case("scan", &SuiteExit { log, ..exit(4) }, 1200);
    assert_eq!((case.verdict, case.took_ms), (F, 1200));
    assert!(
        case.failures[0].got.starts_with("the suite exited with code 4\nline 11\n")
            && case.failures[0].got.ends_with("line 30")
    );
    assert_eq!(exit_code_case("scan", &exit(0), 1).verdict, P);
}

fn case_xml() -> impl Strategy<Value = (String, Option<Verdict>)> {
    ("[a-z]{1,8}", 0..4_u8).prop_map(|(name, kind)| {
        let (inner, verdict) = match kind {
            0 => ("", P),
            1 => ("<failure message='m'>t</failure>", F),
            2 => ("<error>t</error>", F),
            _ => ("<skipped/>", None),
        };
        (format!("<testcase name='{name}' time='0.1'>{inner}</testcase>"), verdict)
    })
}

proptest! {
    #[test]
    fn never_panics_on_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let results = read_junit_files(&BTreeMap::from([("a.xml".to_owned(), bytes)]));
        prop_assert!(results.unreadable.is_empty() || results.cases.iter().all(|c| c.verdict == F));
    }

    #[test]
    fn never_panics_on_arbitrary_lines(lines in prop::collection::vec(prop::sample::select(vec![
        "TAP version 14", "1..2", "    1..1", "1..0 # SKIP x", "ok", "not ok 1", "ok 2 - a # TODO", "    not ok 1 - b", "        ok", "  ---",
        "  ...", "---", "Bail out!", "# Subtest: é", "    # Subtest", "ok 99999999999999999999", "duration_ms: 1e300", "é", "\u{1b}[0m",
    ]), 0..24)) {
        let files = BTreeMap::from([("a.tap".to_owned(), lines.join("\n").into_bytes())]);
        let results = read(&files, VerdictSource::Tap, Severity::Low);
        prop_assert!(results.unreadable.is_empty() || results.cases.iter().all(|c| c.verdict == F));
    }

    #[test]
    fn never_passes_a_tap_file_truncated_anywhere(oks in prop::collection::vec(any::<bool>(), 1..8), at in 0.0..1.0_f64) {
        let lines: String = oks.iter().map(|ok| if *ok { "ok - a\n" } else { "not ok - b\n" }).collect();
        let whole = format!("TAP version 13\n{lines}1..{}", oks.len());
        let cut = &whole[..((whole.len() as f64) * at) as usize];
        let files = BTreeMap::from([("a.tap".to_owned(), cut.as_bytes().to_vec())]);
        let results = read(&files, VerdictSource::Tap, Severity::Low);
        prop_assert_ne!(verdict(&exit(0), VerdictSource::Tap, &results).0, Verdict::Passed);
    }

    #[test]
    fn never_panics_on_arbitrary_markup(parts in prop::collection::vec(prop::sample::select(vec![
        "<testsuites>", "</testsuites>", "<testsuite name='s'>", "</testsuite>", "<testcase name='a'>", "</testcase>", "<testcase name='b'/>",
        "<failure>", "</failure>", "<skipped/>", "<error/>", "<![CDATA[", "]]>", "&amp;", "&#0;", "&#xD800;", "<!--", "-->", "text", "<?xml version='1.0'?>", "é",
    ]), 0..24)) {
        let results = read_junit_files(&BTreeMap::from([("a.xml".to_owned(), parts.concat().into_bytes())]));
        prop_assert!(results.unreadable.is_empty() || results.cases.iter().all(|c| c.verdict == F));
    }

    #[test]
    fn reads_back_every_written_case(cases in prop::collection::vec(case_xml(), 0..20)) {
        let body: String = cases.iter().map(|c| c.0.as_str()).collect();
        let results = one(&format!("<testsuites><testsuite name='s' tests='{}'>{body}</testsuite></testsuites>", cases.len()));
        prop_assert_eq!(&results.unreadable, &[]);
        prop_assert_eq!(results.cases.iter().map(|c| c.verdict).collect::<Vec<_>>(), cases.iter().map(|c| c.1).collect::<Vec<_>>());
        let passed = verdict(&exit(0), VerdictSource::Junit, &results).0 == Verdict::Passed;
        let should = cases.iter().any(|c| c.1 == P) && cases.iter().all(|c| c.1 != F);
        prop_assert_eq!(passed, should);
    }

    #[test]
    fn never_passes_a_file_truncated_anywhere(cases in prop::collection::vec(case_xml(), 1..8), at in 0.0..1.0_f64) {
        let body: String = cases.iter().map(|c| c.0.as_str()).collect();
        let whole = format!("<testsuite name='s'>{body}</testsuite>");
        let cut = &whole[..((whole.len() as f64) * at) as usize];
        prop_assert_ne!(verdict(&exit(0), VerdictSource::Junit, &one(cut)).0, Verdict::Passed);
    }
}
