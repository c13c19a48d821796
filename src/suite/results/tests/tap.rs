//! TAP files.

use super::*;

fn tap(text: &str) -> SuiteResults {
    read(&BTreeMap::from([("t.tap".to_owned(), text.as_bytes().to_vec())]), VerdictSource::Tap, Severity::Low)
}

#[test]
fn reads_directives_and_numbers() {
    let results = tap(
        "TAP version 14\n1..6\nok 1 - a\nok\nnot ok 3 # TODO later\nok 4 d # SKIP no x\nnot ok 5 e \\# f # not a directive\nok 6 - # todo done\n",
    );
    assert_eq!(results.unreadable, []);
    assert_eq!(
        verdicts(&results),
        [("a", P), ("test 2", P), ("test 3", None), ("d", None), ("e # f # not a directive", F), ("test 6", P)]
    );
}

#[test]
fn keeps_the_block_after_a_failure() {
    let results = tap("1..1\nnot ok 1 - a\n  ---\n  duration_ms: 12.5\n  error: '1 == 2'\n  not ok 7\n  ...\n");
    let case = &results.cases[0];
    assert_eq!((case.took_ms, case.failures[0].got.as_str()), (13, "error: '1 == 2'\nnot ok 7\n"));
}

#[test]
fn names_the_tests_of_subtests_by_their_path() {
    let results = tap(
        "# Subtest: x\n    # Subtest: y\n        ok 1 - a\n        not ok 2 - b\n        1..2\n    not ok 1 - y\n    ok 2 - c\n    1..2\nnot ok 1 - x\n1..1\n",
    );
    assert_eq!(results.unreadable, []);
    assert_eq!(verdicts(&results), [("x > y > a", P), ("x > y > b", F), ("x > c", P)]);
}

#[test]
fn a_test_that_fails_although_its_parts_passed_is_a_case() {
    let results = tap("    ok 1 - a\n    1..1\nnot ok 1 - x\n1..1\n");
    assert_eq!(verdicts(&results), [("x > a", P), ("x", F)]);
    let expected = tap("    not ok 1 - a\n    1..1\nnot ok 1 - x # TODO\n1..1\n");
    assert_eq!(verdicts(&expected), [("x > a", None)]);
}

#[test]
fn a_subtest_without_a_test_proves_nothing() {
    let results = tap("# Subtest: api\n    1..0\nok 1 - api\n1..1\n");
    assert_eq!((results.unreadable.len(), verdicts(&results)), (0, vec![("api", None)]));
    assert_eq!(verdict(&exit(0), VerdictSource::Tap, &results).0, Verdict::Inconclusive);
}

#[test]
fn refuses_what_may_be_incomplete_and_counts_its_failures() {
    let cases = [
        ("ok 1\nok 2\n", "no plan"),
        ("1..3\nok 1\nok 2\n", "plans 3 tests but contains 2"),
        ("1..1\nok 1\nok 2\n", "plans 1 tests but contains 2"),
        ("1..2\nok 1\nok 1\n", "test 1 is there twice"),
        ("1..2\nok 1\nok 3\n", "plans 2 tests but contains 2"),
        ("1..1\n1..1\nok 1\n", "two plans"),
        ("1..2\nok 1\nBail out! no power\n", "the tests bailed out: no power"),
        ("1..1\n    ok 1\nok 1\n", "no plan"),
        ("1..1\nok 1\n  ---\n  x: y\n", "inside a block"),
        ("1..99999999999999999999\n", "more than 50000"),
        ("1..1\nok 99999999999999999999\n", "has the number"),
        ("TAP version 99\n1..1\nok 1\n", "unknown TAP version"),
        ("", "is empty"),
        ("hello\n", "no plan"),
    ];
    for (text, why) in cases {
        let results = tap(text);
        let reason = results.unreadable.first().map_or("read", |u| u.1.as_str());
        assert!(reason.contains(why), "{text}: {reason}");
        assert_eq!(verdict(&exit(0), VerdictSource::Tap, &results).0, Verdict::Inconclusive, "{text}");
    }
    let failed = tap("1..3\nok 1\nnot ok 2 - b\n");
    assert_eq!(
        (verdicts(&failed), verdict(&exit(1), VerdictSource::Tap, &failed).0),
        (vec![("b", F)], Verdict::Failed)
    );
}

#[test]
fn a_plan_of_nothing_is_skipped() {
    let results = tap("1..0 # SKIP no database\n");
    assert_eq!(verdicts(&results), [("all tests", None)]);
    assert_eq!(verdict(&exit(0), VerdictSource::Tap, &results).0, Verdict::Inconclusive);
}

#[test]
fn bounds_depth() {
    let deep: String = (0..200).map(|i| format!("{}ok 1\n", " ".repeat(i * 4))).collect();
    assert!(tap(&deep).unreadable[0].1.contains("nested deeper"));
}
