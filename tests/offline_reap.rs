//! The reaper without an engine: lists of open pull requests from forges and files, records of removals, refusals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use assert_cmd::Command;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dayfly::engine::fake::{FakeEngine, Script};
use dayfly::engine::{Engine, EngineInfo, EngineKind, ObservedEnvironment, ReplacePolicy, Residual};
use dayfly::evidence::predicate::{RemovalPredicate, RemovalReason, RemovalState, Remover, RunnerId};
use dayfly::evidence::store::{REMOVAL_BEGUN, REMOVAL_ENDED};
use dayfly::evidence::verify::{Expectations, Refusal, removal as judged};
use dayfly::evidence::{EvidenceError, KeyKind, SigningKey, dsse, read, removal};
use dayfly::lease::{Lease, Retention};
use dayfly::reaper::decide::Criteria;
use dayfly::reaper::forge::{Forge, ForgeKind};
use dayfly::reaper::removal::{Outcome, RemovalLog};
use dayfly::testing::{self, COMMIT};
use jiff::Timestamp;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use serde_json::json;

#[path = "support/forge.rs"]
mod forge;

use forge::{Reply, Server, pulls};

// ---- forges -------------------------------------------------------------------------------------------------------------

fn open(server: &Server, kind: ForgeKind, token: Option<&str>) -> Result<BTreeSet<u32>, String> {
    let forge = Forge::new(kind, &server.url, "o/n", token).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(forge.open()).map_err(|e| format!("failed to {e}"))
}

fn page(path: &str) -> u32 {
    path.rsplit_once("page=").unwrap().1.parse().unwrap()
}

#[test]
fn reads_every_page_of_github_and_sends_the_token_in_a_header() {
    let server = Server::start(|own, path| {
        let next = |n: u32| vec![("link", format!("<{own}/repositories/7/pulls?page={n}>; rel=\"next\""))];
        match page(path) {
            1 => (200, next(2), pulls(&[9, 8])),
            2 => (200, next(3), pulls(&[7, 6])),
            _ => (200, vec![("link", format!("<{own}/x?page=1>; rel=\"first\""))], pulls(&[5])),
        }
    });
    assert_eq!(open(&server, ForgeKind::Github, Some("s3cret")), Ok(BTreeSet::from([5, 6, 7, 8, 9])));
    let asked = server.asked.lock().unwrap().clone();
    // Twice, because what moves from page to page meanwhile must not be missed.
    assert_eq!(asked.len(), 6);
    assert_eq!(asked[0], "/repos/o/n/pulls?state=open&per_page=100&page=1 Bearer s3cret");
    assert!(asked.iter().all(|a| a.ends_with("Bearer s3cret")), "{asked:?}");
}

#[test]
fn finds_pull_requests_that_move_to_an_earlier_page_meanwhile() {
    // Number 9 is closed after the first page was read: 7 moves up to it, and is seen only when they are read again.
    let closed = Mutex::new(false);
    let server = Server::start(move |_, path| {
        let total = vec![("x-total-count", if *closed.lock().unwrap() { "3" } else { "4" }.to_owned())];
        let mut closed = closed.lock().unwrap();
        match (page(path), std::mem::replace(&mut *closed, true)) {
            (1, false) => (200, total, pulls(&[9, 8])),
            (1, true) => (200, total, pulls(&[8, 7])),
            (2, _) => (200, total, pulls(&[6])),
            _ => (200, total, pulls(&[])),
        }
    });
    assert_eq!(open(&server, ForgeKind::Gitea, None), Ok(BTreeSet::from([6, 7, 8, 9])));
}

#[test]
fn reads_every_page_of_gitea_up_to_its_total() {
    let server = Server::start(|_, path| {
        let total = vec![("x-total-count", "3".to_owned())];
        (200, total, if page(path) == 1 { pulls(&[3, 2]) } else { pulls(&[1]) })
    });
    assert_eq!(open(&server, ForgeKind::Gitea, Some("t")), Ok(BTreeSet::from([1, 2, 3])));
    assert_eq!(server.asked.lock().unwrap()[1], "/api/v1/repos/o/n/pulls?state=open&limit=50&page=2 token t");
}

#[test]
fn refuses_incomplete_lists_and_says_why() {
    let limit = || vec![("x-ratelimit-remaining", "0".to_owned())];
    let message = |text: &str| json!({"message": text}).to_string();
    type Answers = Box<dyn Fn(&str, &str) -> Reply + Send>;
    let cases: Vec<(&str, Answers)> = vec![
        ("the token was refused", Box::new(move |_, _| (401, vec![], message("Bad credentials")))),
        ("401, Bad credentials", Box::new(move |_, _| (401, vec![], message("Bad credentials")))),
        ("the token was refused", Box::new(|_, _| (403, vec![], String::new()))),
        ("rate limit exceeded", Box::new(move |_, _| (403, limit(), message("API rate limit exceeded")))),
        ("rate limit exceeded", Box::new(|_, _| (429, vec![("retry-after", "60".into())], String::new()))),
        ("no such repository", Box::new(|_, _| (404, vec![], String::new()))),
        ("it redirects", Box::new(|_, _| (301, vec![("location", "/repositories/7/pulls".into())], String::new()))),
        ("try again later (502)", Box::new(|_, _| (502, vec![], "<html>".into()))),
        ("not a list of pull requests", Box::new(|_, _| (200, vec![], "<html>welcome</html>".into()))),
        ("not a list of pull requests", Box::new(|_, _| (200, vec![], "{}".into()))),
        ("not a list of pull requests", Box::new(|_, _| (200, vec![], pulls(&[1])[..20].to_owned()))),
        ("127.0.0.1", Box::new(|_, _| (200, vec![("content-length", "5000".into())], pulls(&[1])))),
        (
            "on another server",
            Box::new(|_, _| (200, vec![("link", "<http://localhost:9/x>; rel=\"next\"".into())], pulls(&[1]))),
        ),
        (
            "rate limit exceeded",
            Box::new(move |own, path| match page(path) {
                1 => (200, vec![("link", format!("<{own}/x?page=2>; rel=\"next\""))], pulls(&[1])),
                _ => (403, limit(), String::new()),
            }),
        ),
        (
            "page 2 is empty",
            Box::new(|own, path| match page(path) {
                1 => (200, vec![("link", format!("<{own}/x?page=2>; rel=\"next\""))], pulls(&[1])),
                _ => (200, vec![], pulls(&[])),
            }),
        ),
    ];
    for (expected, answers) in cases {
        let said = open(&Server::start(answers), ForgeKind::Github, Some("s3cret")).unwrap_err();
        assert!(said.starts_with("failed to ask 127.0.0.1") && said.contains(expected), "{expected}: {said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
    let without = open(&Server::start(|_, _| (401, vec![], String::new())), ForgeKind::Github, None).unwrap_err();
    assert!(without.contains("DAYFLY_FORGE_TOKEN"), "{without}");
    let less = Server::start(|_, path| {
        (200, vec![("x-total-count", "9".into())], if page(path) == 1 { pulls(&[1]) } else { pulls(&[]) })
    });
    let said = open(&less, ForgeKind::Gitea, None).unwrap_err();
    assert!(said.contains("counts 9 open pull requests and lists 1"), "{said}");
}

#[test]
fn refuses_a_forge_without_tls_except_on_this_machine() {
    for (url, name) in [("http://git.example", "o/n"), ("git.example", "o/n"), ("https://git.example", "n")] {
        assert!(Forge::new(ForgeKind::Gitea, url, name, None).is_err(), "{url} {name}");
    }
    let of = |kind, url| Forge::new(kind, url, "O/N", None).unwrap().repository().to_string();
    assert_eq!(of(ForgeKind::Github, "https://api.github.com"), "github.com/o/n");
    assert_eq!(of(ForgeKind::Github, "https://ghe.example/api/v3"), "ghe.example/o/n");
    assert_eq!(of(ForgeKind::Gitea, "https://git.example/api/v1/"), "git.example/o/n");
    assert_eq!(of(ForgeKind::Gitea, "https://example/git"), "example/git/o/n");
}

// ---- the command ----------------------------------------------------------------------------------------------------------

fn dayfly(arguments: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = Command::cargo_bin("dayfly").unwrap();
    for variable in ["DAYFLY_KEY", "DAYFLY_EVIDENCE", "DAYFLY_ENGINE", "DAYFLY_CONTEXT", "CONTAINER_HOST"] {
        command.env_remove(variable);
    }
    command.env("DOCKER_HOST", "unix:///nonexistent.sock").args(arguments).assert()
}

#[test]
fn reaping_without_a_reason_is_a_usage_error() {
    let told = dayfly(&["reap", "--dry-run"]).code(2);
    told.stderr(contains("--expired|--orphans|--idle <DURATION>|--open-prs <FILE>|--forge <FORGE>"));
}

#[test]
fn only_a_dry_run_works_without_key_and_evidence() {
    dayfly(&["reap", "--expired"]).code(2).stderr(contains("--key <FILE>").and(contains("--evidence <FOLDER>")));
    // It gets as far as the engine, which is not there.
    dayfly(&["reap", "--expired", "--dry-run"]).code(4);
}

#[test]
fn refuses_contradictory_flags_before_contacting_the_engine() {
    for (flags, expected) in [
        (&["--open-prs", "x"][..], "give --repository or --description"),
        (&["--open-prs", "x", "--repository", "n"], "expected OWNER/NAME or a URL"),
        (&["--open-prs", "x", "--forge", "github", "--repository", "o/n"], "cannot be used with"),
        (&["--forge", "github"], "--repository <REPOSITORY>"),
        (&["--forge", "gitea", "--repository", "o/n"], "--forge-url"),
        (&["--forge", "github", "--repository", "https://github.com/o/n"], "OWNER/NAME"),
        (&["--forge", "github", "--repository", "o/n", "--token-file", "none"], "--token-file none"),
        (&["--expired", "--none-open"], "--open-prs <FILE>|--forge <FORGE>"),
        (&["--expired", "--repository", "o/n"], "--open-prs <FILE>|--forge <FORGE>"),
        (&["--idle", "soon"], "write a number with a unit"),
        (&["--idle", "0s"], "at least 1ms"),
    ] {
        dayfly(&[&["reap", "--dry-run"], flags].concat()).code(2).stderr(contains(expected));
    }
    dayfly(&["up", "environments/hello", "--pr", "1", "--repository", "x"])
        .code(2)
        .stderr(contains("expected OWNER/NAME or a URL"));
    dayfly(&["extend", "a-pr-1", "soon"]).code(2).stderr(contains("write a number with a unit"));
    dayfly(&["extend", "a-pr-1", "-1h"]).code(2);
    dayfly(&["keep", "a-pr-1"]).code(2).stderr(contains("--reason"));
    dayfly(&["keep", "a-pr-1", "--reason", " "]).code(2).stderr(contains("one line"));
    dayfly(&["keep", "a-pr-1", "--reason", "x", "--release"]).code(2);
}

#[test]
fn reports_an_unusable_list_before_contacting_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("open.txt");
    for (text, expected) in [("", "--none-open"), ("7\nseven\n", "line 2"), ("# none\n", "lists no pull request")] {
        std::fs::write(&file, text).unwrap();
        let flags = ["reap", "--dry-run", "--repository", "o/n", "--open-prs", file.to_str().unwrap()];
        dayfly(&flags).code(4).stderr(contains(expected).and(contains("nothing is removed for a closed one")));
    }
    let server = Server::start(|_, _| (401, vec![], String::new()));
    let flags = ["reap", "--dry-run", "--forge", "github", "--forge-url", &server.url, "--repository", "o/n"];
    dayfly(&flags).stderr(contains("it requires a token"));
}

// ---- records --------------------------------------------------------------------------------------------------------------

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(KeyKind::P256, &[seed; 32]).unwrap()
}

fn remover() -> Remover {
    Remover {
        program: RunnerId { name: "dayfly".into(), version: "0.1.0".into() },
        host: "ci@runner-7".into(),
        account: Some("system:serviceaccount:ci:reaper".into()),
        job: None,
        actor: None,
    }
}

fn observed() -> ObservedEnvironment {
    let lease = Lease {
        repository: Some("https://git.example/o/n".into()),
        ..testing::lease(testing::plan(vec![testing::unit("api")]))
    };
    ObservedEnvironment {
        environment: lease.environment.clone(),
        retention: Some(Retention::from_lease(&lease)),
        lease: Some(lease),
        unreadable_lease: false,
        units: BTreeMap::new(),
        objects: vec![],
        terminating: false,
    }
}

fn begun(observed: &ObservedEnvironment, engine: EngineKind) -> Result<removal::Record, EvidenceError> {
    let info = EngineInfo { product: "podman".into(), version: "5".into(), endpoint: "here".into(), gaps: vec![] };
    let reason = RemovalReason { kind: "expired".into(), text: "its time was over".into() };
    removal::begin(removal::environment(observed, engine, &info), remover(), reason, Timestamp::now(), &key(1))
}

type Files = BTreeMap<String, Vec<u8>>;

fn record(outcome: Option<Result<Vec<Residual>, String>>) -> Files {
    let dir = tempfile::tempdir().unwrap();
    let mut record = begun(&observed(), EngineKind::Local).unwrap();
    let folder = record.write(dir.path()).unwrap();
    assert!(folder.starts_with(dir.path().join("removals/sample-pr-1")));
    if let Some(outcome) = outcome {
        record.end(outcome, Timestamp::now(), &key(1)).unwrap();
        assert_eq!(record.write(dir.path()).unwrap(), folder);
    }
    read::read_run(&folder).unwrap()
}

fn judge(files: &Files) -> Result<RemovalPredicate, Refusal> {
    judged(files, &key(1).verifying_key(), &Expectations::default())
}

#[test]
fn a_record_holds_remover_environment_reason_and_result() {
    let left = vec![Residual { object: "volume x".into(), reason: "in use".into() }];
    for (outcome, state) in [
        (None, RemovalState::Begun),
        (Some(Ok(vec![])), RemovalState::Removed),
        (Some(Ok(left.clone())), RemovalState::Incomplete),
        (Some(Err("failed to list".to_owned())), RemovalState::Incomplete),
    ] {
        let said = judge(&record(outcome.clone())).unwrap();
        assert_eq!(said.state, state);
        assert_eq!((said.reason.kind.as_str(), said.remover), ("expired", remover()));
        assert_eq!(said.environment.pr.unwrap().head_sha, COMMIT);
        assert_eq!(said.environment.repo.unwrap().uri, "https://git.example/o/n");
        assert_eq!(said.ended_on.is_some(), outcome.is_some());
        assert_eq!(said.residual, outcome.and_then(Result::ok).unwrap_or_default());
    }
    let expect = |commit: &str| Expectations { commit: Some(commit.into()), image_sha256: None };
    let files = record(Some(Ok(vec![])));
    assert!(judged(&files, &key(1).verifying_key(), &expect(COMMIT)).is_ok());
    assert!(judged(&files, &key(1).verifying_key(), &expect(&"0".repeat(40))).is_err());
}

#[test]
fn records_remnants_by_their_name() {
    let dir = tempfile::tempdir().unwrap();
    let remnants = ObservedEnvironment { lease: None, retention: None, ..observed() };
    let folder = begun(&remnants, EngineKind::Kubernetes).unwrap().write(dir.path()).unwrap();
    let said = judge(&read::read_run(&folder).unwrap()).unwrap();
    assert_eq!(
        (said.environment.id.as_str(), said.environment.run_id, said.environment.pr),
        ("sample-pr-1", None, None)
    );
}

#[test]
fn refuses_a_tampered_record() {
    let good = || record(Some(Ok(vec![])));
    let other = || record(Some(Ok(vec![])));
    type Change = Box<dyn Fn(&mut Files)>;
    let flipped = |file: &'static str| -> Change {
        Box::new(move |files| {
            let mut envelope: dsse::Envelope = serde_json::from_slice(&files[file]).unwrap();
            envelope.payload.replace_range(40..41, if &envelope.payload[40..41] == "A" { "B" } else { "A" });
            files.insert(file.into(), serde_json::to_vec(&envelope).unwrap());
        })
    };
    // The right key signed it, and it names the right beginning.
    let resigned = |change: fn(&mut serde_json::Value)| -> Change {
        Box::new(move |files| {
            let envelope: dsse::Envelope = serde_json::from_slice(&files[REMOVAL_ENDED]).unwrap();
            let mut ended: serde_json::Value =
                serde_json::from_slice(&STANDARD.decode(envelope.payload).unwrap()).unwrap();
            change(&mut ended["predicate"]);
            let envelope = dsse::sign(ended.to_string().as_bytes(), &key(1));
            files.insert(REMOVAL_ENDED.into(), serde_json::to_vec(&envelope).unwrap());
        })
    };
    let cases: Vec<(&str, Change)> = vec![
        ("the signature does not match", flipped(REMOVAL_BEGUN)),
        ("the signature does not match", flipped(REMOVAL_ENDED)),
        ("begun.intoto.jsonl is missing", Box::new(|files| drop(files.remove(REMOVAL_BEGUN)))),
        ("does not belong to this run", Box::new(|files| drop(files.insert("raw/x".into(), vec![])))),
        (
            "not the one",
            Box::new(move |files| drop(files.insert(REMOVAL_BEGUN.into(), other()[REMOVAL_BEGUN].clone()))),
        ),
        ("differ in the environment", resigned(|ended| ended["environment"]["id"] = json!("other-pr-2"))),
        ("differ in the reason", resigned(|ended| ended["reason"]["kind"] = json!("closed"))),
        (
            "not of a removal that is over",
            Box::new(|files| drop(files.insert(REMOVAL_ENDED.into(), files[REMOVAL_BEGUN].clone()))),
        ),
        (
            "not of a removal that begins",
            Box::new(|files| drop(files.insert(REMOVAL_BEGUN.into(), files[REMOVAL_ENDED].clone()))),
        ),
    ];
    judge(&good()).unwrap();
    for (expected, change) in cases {
        let mut files = good();
        change(&mut files);
        let said = judge(&files).unwrap_err().to_string();
        assert!(said.contains(expected), "{expected}: {said}");
    }
    assert!(judged(&good(), &key(2).verifying_key(), &Expectations::default()).is_err());
}

#[test]
fn another_remover_completes_an_unfinished_record_in_its_own_name() {
    let other = Remover { host: "dayfly@second".into(), ..remover() };
    let begun = begun(&observed(), EngineKind::Local).unwrap();
    let left = || begun.files()[REMOVAL_BEGUN].clone();
    let mut taken_up = removal::resume(left(), other.clone(), &key(1).verifying_key()).unwrap();
    assert_eq!(taken_up.id(), begun.id());
    taken_up.end(Ok(vec![]), Timestamp::now(), &key(1)).unwrap();
    let said = judge(taken_up.files()).unwrap();
    assert_eq!((said.state, said.remover, said.removal_id), (RemovalState::Removed, other, begun.id()));
    // A record that another key signed and a finished one cannot be resumed.
    assert!(removal::resume(left(), remover(), &key(2).verifying_key()).is_err());
    assert!(removal::resume(taken_up.files()[REMOVAL_ENDED].clone(), remover(), &key(1).verifying_key()).is_err());
}

#[tokio::test]
async fn removes_nothing_without_a_record() {
    let dir = tempfile::tempdir().unwrap();
    let engine = FakeEngine::new(Script::default());
    let lease = testing::lease(testing::plan(vec![testing::unit("api")]));
    engine.claim(&lease, ReplacePolicy::Recreate.into()).await.unwrap();
    let idle = jiff::SignedDuration::ZERO;
    let asked = Criteria { idle: Some(idle), ..Criteria::default() };
    let log =
        RemovalLog { remover: remover(), key: key(1), evidence: dir.path().to_owned(), entries: None, store: None };
    // Nothing of this engine is ever signed.
    let outcome = dayfly::reaper::removal::remove(&engine, "sample-pr-1", &asked, &log).await.unwrap();
    assert!(matches!(outcome, Outcome::Unrecorded(EvidenceError::Fake)), "{outcome:?}");
    assert_eq!(engine.done(), ["claim"]);
    // An environment that is no longer due when its turn comes is not recorded at all.
    let outcome = dayfly::reaper::removal::remove(&engine, "sample-pr-1", &Criteria::default(), &log).await.unwrap();
    assert!(matches!(outcome, Outcome::NotDue), "{outcome:?}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
