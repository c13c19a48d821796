//! What single tools write into JUnit XML.

use super::*;

#[test]
fn a_case_without_a_name_gets_a_number() {
    let results = one("<testsuite name='s'><testcase name='a'/><testcase/><testcase name=' '/></testsuite>");
    assert_eq!(results.unreadable, []);
    assert_eq!(verdicts(&results), [("s.a", P), ("s.test 2 (without a name)", P), ("s.test 3 (without a name)", P)]);
}

#[test]
fn repeated_cases_of_gotestsum_are_attempts() {
    let suite = |go: &str, cases: &str| {
        one(&format!(
            "<testsuite tests='2'><properties><property name='go.version' value='{go}'/></properties>{cases}</testsuite>"
        ))
    };
    let fail = "<testcase name='a'><failure message='no'/></testcase>";
    let flaky = suite("go1.24.1 linux/amd64", &format!("{fail}<testcase name='a'/>"));
    assert_eq!((verdicts(&flaky), flaky.cases[0].attempts, flaky.cases[0].failed_attempts), (vec![("a", P)], 2, 1));
    let failed = suite("go1.24.1 linux/amd64", &format!("{fail}{fail}"));
    assert_eq!((verdicts(&failed), failed.cases[0].attempts, failed.cases[0].failed_attempts), (vec![("a", F)], 2, 2));
    // go-junit-report exits with 0 whatever happened, so nothing says that the failure does not matter.
    assert_eq!(verdicts(&suite("go1.24.1", &format!("{fail}<testcase name='a'/>"))), [("a", F), ("a", P)]);
}

#[test]
fn cases_of_one_name_are_different_cases_of_other_tools() {
    let results = one("<testsuite name='s'><testcase name='a'><failure/></testcase><testcase name='a'/></testsuite>");
    assert_eq!(verdicts(&results), [("s.a", F), ("s.a", P)]);
}

#[test]
fn repeated_cases_of_pytest_are_attempts_if_there_are_more_than_it_counts() {
    let suite = |tests: u8, second: &str| {
        one(&format!(
            "<testsuite name='pytest' tests='{tests}'><testcase name='a'/><testcase name='a'>{second}</testcase></testsuite>"
        ))
    };
    let of = |results: &SuiteResults| {
        results.cases.iter().map(|c| (c.verdict, c.attempts, c.failed_attempts)).collect::<Vec<_>>()
    };
    assert_eq!(of(&suite(1, "")), [(P, 2, 1)]);
    assert_eq!(of(&suite(1, "<failure message='no'/>")), [(F, 2, 2)]);
    assert_eq!(of(&suite(2, "")), [(P, 1, 0), (P, 1, 0)]);
}

#[test]
fn an_error_after_a_failure_is_no_attempt_of_pytest() {
    let results = one(
        "<testsuite name='pytest' tests='1'><testcase name='a'><failure message='no'/></testcase><testcase name='a'><error message='failed on teardown with x'/></testcase></testsuite>",
    );
    assert_eq!(
        (verdicts(&results), results.cases[0].attempts, results.cases[0].failures.len()),
        (vec![("pytest.a", F)], 1, 2)
    );
}

#[test]
fn a_count_of_assertions_is_no_count_of_tests() {
    for mark in ["hostname='tbd'", "doctest_version='2.4.11'"] {
        let suite = |counts: &str, cases: &str| {
            one(&format!("<testsuites><testsuite {mark} {counts}>{cases}</testsuite></testsuites>"))
        };
        assert_eq!(suite("tests='9' failures='0'", "<testcase name='a'/>").unreadable, []);
        assert_eq!(suite("tests='9' failures='0'", "").unreadable.len(), 1, "tests, and none is there");
        assert_eq!(suite("tests='9' failures='2'", "<testcase name='a'/>").unreadable.len(), 1, "a hidden failure");
    }
}

#[test]
fn skipped_tests_may_be_counted_and_left_out() {
    let whole = |skipped: u8| {
        one(&format!(
            "<testsuites tests='3' skipped='{skipped}'><testsuite name='s' tests='3'><testcase name='a'/></testsuite></testsuites>"
        ))
    };
    assert_eq!(whole(2).unreadable, []);
    assert!(whole(1).unreadable[0].1.contains("the suite `s` declares 3 tests but contains 1"));
    let outer = one("<testsuites><testsuite name='s' tests='3'><testcase name='a'/></testsuite></testsuites>");
    assert_eq!(outer.unreadable.len(), 1);
}

#[test]
fn surefire_counts_every_attempt() {
    let results = one(
        "<testsuite name='s' tests='2' errors='1'><testcase name='a'><flakyError message='x'><stackTrace>t</stackTrace></flakyError></testcase></testsuite>",
    );
    assert_eq!(
        (results.unreadable.len(), verdicts(&results), results.cases[0].failed_attempts),
        (0, vec![("s.a", P)], 1)
    );
}

#[test]
fn a_risky_test_of_phpunit_passed() {
    let of = |class: &str| {
        one(&format!(
            "<testsuite errors='1'><testcase name='a'><error type='{class}'>no assertions</error></testcase></testsuite>"
        ))
    };
    let risky = of("PHPUnit\\Framework\\RiskyTestError");
    assert_eq!((verdicts(&risky), risky.unreadable.len()), (vec![("a", P)], 0));
    assert_eq!(risky.cases[0].failures[0].step, "risky (PHPUnit\\Framework\\RiskyTestError)");
    assert_eq!(verdicts(&of("App\\RiskyTestError")), [("a", F)]);
}

#[test]
fn a_failure_of_a_todo_is_expected() {
    let results = one(
        "<testsuite><testcase name='a'><skipped type='todo'/><failure message='x'/></testcase><testcase name='b'><skipped/><failure/></testcase></testsuite>",
    );
    assert_eq!(verdicts(&results), [("a", None), ("b", F)]);
}

#[test]
fn reads_reruns_of_nextest() {
    let results = one(
        "<testsuites><testsuite name='n' tests='2' failures='1'><testcase name='a'><flakyFailure type='test failure' message='x'>t</flakyFailure></testcase><testcase name='b'><failure/><rerunFailure/><rerunFailure/></testcase></testsuite></testsuites>",
    );
    let counts: Vec<_> = results.cases.iter().map(|c| (c.verdict, c.attempts, c.failed_attempts)).collect();
    assert_eq!(counts, [(P, 2, 1), (F, 3, 3)]);
}

#[test]
fn reruns_without_end_are_counted_up_to_a_limit() {
    let results =
        one(&format!("<testsuite><testcase name='a'>{}</testcase></testsuite>", "<flakyFailure/>".repeat(5000)));
    assert_eq!((results.cases[0].failed_attempts, results.cases[0].failures.len()), (255, 20));
}
