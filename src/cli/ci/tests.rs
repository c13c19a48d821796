#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect()
}

const GITHUB: [(&str, &str); 8] = [
    ("GITHUB_ACTIONS", "true"),
    ("GITHUB_SERVER_URL", "https://github.example"),
    ("GITHUB_REPOSITORY", "o/r"),
    ("GITHUB_RUN_ID", "77"),
    ("GITHUB_RUN_ATTEMPT", "2"),
    ("GITHUB_ACTOR", "someone"),
    ("GITHUB_REF", "refs/pull/42/merge"),
    ("GITHUB_SHA", "merge"),
];

#[test]
fn the_head_of_a_pull_request_comes_from_the_event_and_never_from_the_merge_commit() {
    let event = r#"{"pull_request":{"number":42,"head":{"sha":"head"}}}"#;
    let found = job(&env(&GITHUB), Some(event));
    assert_eq!((found.commit.as_deref(), found.pr), (Some("head"), Some(42)));
    assert_eq!(found.url.as_deref(), Some("https://github.example/o/r/actions/runs/77/attempts/2"));
    assert_eq!(
        (found.actor.as_deref(), found.repository.as_deref()),
        (Some("someone"), Some("https://github.example/o/r"))
    );
    for event in [None, Some("{"), Some("{}"), Some(r#"{"pull_request":7}"#)] {
        let found = job(&env(&GITHUB), event);
        assert_eq!((found.commit, found.pr), (None, Some(42)));
    }
}

#[test]
fn a_push_defaults_to_its_commit_and_no_pull_request() {
    let mut env = env(&GITHUB);
    env.insert("GITHUB_REF".into(), "refs/heads/main".into());
    let found = job(&env, Some("{}"));
    assert_eq!((found.commit.as_deref(), found.pr), (Some("merge"), None));
}

#[test]
fn on_pull_request_target_the_number_comes_from_the_event() {
    let mut env = env(&GITHUB);
    env.insert("GITHUB_REF".into(), "refs/heads/main".into());
    let found = job(&env, Some(r#"{"pull_request":{"number":9,"head":{"sha":"head"}}}"#));
    assert_eq!((found.commit.as_deref(), found.pr), (Some("head"), Some(9)));
}

#[test]
fn gitlab_names_the_merge_request_and_its_source_commit() {
    let mut env = env(&[
        ("GITLAB_CI", "true"),
        ("CI_COMMIT_SHA", "built"),
        ("CI_MERGE_REQUEST_IID", "5"),
        ("CI_JOB_URL", "u"),
        ("CI_PROJECT_URL", "p"),
        ("GITLAB_USER_LOGIN", "me"),
    ]);
    let found = job(&env, None);
    assert_eq!((found.commit.as_deref(), found.pr, found.url.as_deref()), (Some("built"), Some(5), Some("u")));
    assert_eq!((found.repository.as_deref(), found.actor.as_deref()), (Some("p"), Some("me")));
    env.insert("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA".into(), "source".into());
    assert_eq!(job(&env, None).commit.as_deref(), Some("source"));
    env.insert("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA".into(), String::new());
    assert_eq!(job(&env, None).commit.as_deref(), Some("built"));
}

#[test]
fn outside_of_ci_nothing_is_known() {
    assert_eq!(detect(&env(&[("GITHUB_ACTIONS", "false"), ("CI", "true")])), None);
    assert_eq!(job(&env(&[("GITHUB_SHA", "x"), ("CI_COMMIT_SHA", "y")]), None), CiJob::default());
}

#[test]
fn a_full_step_summary_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("summary.md");
    summarise(&path, "one").unwrap();
    summarise(&path, "two").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    let full = "x".repeat(1024 * 1024);
    assert!(summarise(&path, &full).unwrap_err().to_string().contains("full"));
    assert_eq!(fs::metadata(&path).unwrap().len(), 8);
}
