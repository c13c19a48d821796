//! Runs from the claim to the last case, on the fake engine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use dayfly::engine::fake::{FakeEngine, Script};
use dayfly::engine::{ClaimPolicy, Engine, ReplacePolicy, SuiteExit};
use dayfly::lease::{Hold, Lease, Owner, RetentionChange, TakenOver};
use dayfly::lifecycle::session::Session;
use dayfly::lifecycle::{Journal, RunEvent, up};
use dayfly::model::{Outcome, Verdict};
use dayfly::plan::{Plan, Position, ReadyPlan, SuitePlan};
use dayfly::report::exit_code;
use dayfly::report::facts::{Cause, CauseKind, Facts};
use dayfly::spec::model::SuiteKind;
use dayfly::suite::executor;
use dayfly::testing;
use serde_json::json;
use tokio_util::sync::CancellationToken;

struct Story {
    engine: Arc<FakeEngine>,
    lease: Lease,
    journal: Journal,
    stop: CancellationToken,
}

fn story(script: Script, plan: Plan) -> Story {
    let lease = testing::lease(plan);
    let engine = Arc::new(FakeEngine::new(script));
    let facts = testing::facts(&lease);
    Story { engine, lease, journal: Journal::new(facts, None, Box::new(|_| ())), stop: CancellationToken::new() }
}

impl Story {
    async fn up(&self) -> Result<Session, Cause> {
        self.up_with(ReplacePolicy::Recreate.into()).await
    }

    async fn up_with(&self, policy: ClaimPolicy) -> Result<Session, Cause> {
        up::bring_up(self.engine.clone(), self.lease.clone(), policy, self.journal.clone(), self.stop.clone()).await
    }

    async fn cause(&self) -> Cause {
        self.up().await.map(|_| ()).unwrap_err()
    }

    async fn up_and_test(&self) -> Facts {
        let session = self.up().await.unwrap_or_else(|c| panic!("{c:?}"));
        if let Err(cause) = executor::execute(&session, &[], &executor::Sources::new(), &Default::default()).await {
            self.journal.record(RunEvent::Cause { cause });
        }
        self.journal.facts()
    }

    /// Calls `then` as soon as the engine has performed the operation.
    fn once(&self, asked: &'static str, then: impl FnOnce(&FakeEngine) + Send + 'static) {
        let engine = self.engine.clone();
        tokio::spawn(async move {
            while !engine.done().iter().any(|d| d == asked) {
                tokio::task::yield_now().await;
            }
            then(&engine);
        });
    }
}

fn chain() -> Plan {
    testing::plan_of(&[("db", &[]), ("api", &["db"]), ("web", &["api"])])
}

/// The lease of a later run on the same environment.
fn later_lease() -> Lease {
    Lease { run: uuid::Uuid::max().into(), ..testing::lease(chain()) }
}

fn with_cases(kind: SuiteKind, cases: serde_json::Value) -> Plan {
    let suite = SuitePlan { kind, ..testing::suite("suite", serde_json::from_value(cases).unwrap()) };
    Plan { suites: [("suite".to_owned(), suite)].into(), ..chain() }
}

#[tokio::test]
async fn services_start_in_the_order_of_their_needs() {
    let story = story(Script::default(), chain());
    story.up().await.map(|_| ()).unwrap();
    assert_eq!(story.engine.done(), ["claim", "prepare", "start db", "start api", "start web"]);
    assert!(story.journal.facts().units.iter().all(|u| u.ready.is_some()));
}

#[tokio::test]
async fn a_missing_image_fails_the_run_before_anything_is_created() {
    let story = story(Script { missing_images: vec!["localhost/api:1".into()], ..Script::default() }, chain());
    let cause = story.cause().await;
    assert_eq!(cause.kind, CauseKind::NotReady);
    assert!(cause.text.contains("localhost/api:1"), "{}", cause.text);
    assert!(story.engine.done().is_empty());
}

#[tokio::test]
async fn an_exited_process_fails_the_run_at_once_with_exit_code_and_log() {
    let story = story(Script { exits: [("api".to_owned(), 3)].into(), ..Script::default() }, chain());
    let cause = story.cause().await;
    assert_eq!((cause.kind, cause.text.as_str()), (CauseKind::NotReady, "api: its process exited with code 3"));
    let facts = story.journal.facts();
    assert_eq!(facts.units.iter().find(|u| u.name == "api").unwrap().last_log, ["its last words"]);
    assert!(!story.engine.done().contains(&"start web".to_owned()));
}

#[tokio::test]
async fn a_refused_start_reports_the_engine_error() {
    let story = story(
        Script { refused: [("db".to_owned(), "no such command".to_owned())].into(), ..Script::default() },
        chain(),
    );
    assert_eq!(story.cause().await.text, "db: failed to start db: no such command");
}

#[tokio::test]
async fn a_signal_stops_a_run_while_a_service_hangs() {
    let story = story(Script { hangs: ["api".to_owned()].into(), ..Script::default() }, chain());
    let stop = story.stop.clone();
    story.once("start api", move |_| stop.cancel());
    assert_eq!(story.cause().await.kind, CauseKind::Interrupted);
}

#[tokio::test]
async fn a_run_that_finds_a_newer_one_stops_and_changes_nothing() {
    let older = story(Script::default(), chain());
    let newer = later_lease();
    older.engine.take_over(newer.clone());
    let cause = older.cause().await;
    assert_eq!(cause.kind, CauseKind::Superseded);
    assert!(cause.text.contains(&newer.run.to_string()));
    assert!(older.engine.done().is_empty());
}

#[tokio::test]
async fn a_run_stops_when_a_newer_one_replaces_it_during_start() {
    let older = story(Script { hangs: ["api".to_owned()].into(), ..Script::default() }, chain());
    older.once("start api", |engine| engine.take_over(later_lease()));
    assert_eq!(older.cause().await.kind, CauseKind::Superseded);
}

/// The lease of an earlier run of another repository on the same environment.
fn lease_of_another_repository() -> Lease {
    let owner = Owner::command_line(None, Some("https://git.test/other/team"));
    Lease { run: uuid::Uuid::nil().into(), owner: Some(owner), ..testing::lease(chain()) }
}

const TAKE_OVER: ClaimPolicy = ClaimPolicy { older: ReplacePolicy::InPlace, take_over: true, compared: None };

#[tokio::test]
async fn a_run_takes_nothing_from_another_owner() {
    let nameless = Lease { owner: None, ..lease_of_another_repository() };
    let newer = Lease { run: uuid::Uuid::max().into(), ..lease_of_another_repository() };
    for theirs in [lease_of_another_repository(), nameless, newer] {
        let ours = story(Script::default(), chain());
        ours.engine.take_over(theirs.clone());
        let cause = ours.cause().await;
        assert_eq!(cause.kind, CauseKind::OwnedByOther);
        assert!(cause.text.contains(&theirs.run.to_string()) && cause.text.contains("--take-over"), "{}", cause.text);
        if theirs.owner.is_some() {
            assert!(cause.text.contains("git.test/other/team"), "{}", cause.text);
        }
        assert!(ours.engine.done().is_empty());
        assert_eq!(ours.engine.lease("").await.unwrap(), Some(theirs));
    }
}

#[tokio::test]
async fn the_refusal_of_a_controllers_run_names_no_flag_of_the_command_line() {
    let (ours, theirs) = (story(Script::default(), chain()), lease_of_another_repository());
    ours.engine.take_over(theirs);
    let lease = Lease { requester: Some("evil/shop".into()), ..testing::lease(chain()) };
    let result = up::bring_up(
        ours.engine.clone(),
        lease,
        ReplacePolicy::Recreate.into(),
        ours.journal.clone(),
        CancellationToken::new(),
    );
    let cause = result.await.map(|_| ()).unwrap_err();
    assert_eq!(cause.kind, CauseKind::OwnedByOther);
    assert!(cause.text.contains("git.test/other/team") && cause.text.contains("spec.attempt"), "{}", cause.text);
    assert!(!cause.text.contains("--take-over"), "{}", cause.text);
}

#[tokio::test]
async fn a_deliberate_takeover_records_from_whom() {
    let (ours, theirs) = (story(Script::default(), chain()), lease_of_another_repository());
    ours.engine.take_over(theirs.clone());
    ours.up_with(TAKE_OVER).await.map(|_| ()).unwrap();
    let facts = ours.journal.facts();
    assert_eq!(facts.taken_over, Some(TakenOver { run_id: Some(theirs.run), owner: theirs.owner }));
    assert!(facts.events.iter().any(|e| e.text.contains("from the command line, repository git.test/other/team")));
}

#[tokio::test]
async fn nobody_takes_over_what_another_owner_keeps() {
    let (ours, theirs) = (story(Script::default(), chain()), lease_of_another_repository());
    ours.engine.take_over(theirs.clone());
    let hold = Hold { reason: Some("being\ndebugged".into()), since: theirs.expires };
    ours.engine.update_retention("", theirs.run, &RetentionChange::Held(hold)).await.unwrap();
    let cause = ours.up_with(TAKE_OVER).await.map(|_| ()).unwrap_err();
    assert_eq!(cause.kind, CauseKind::OwnedByOther);
    assert!(cause.text.contains("is kept (being debugged)") && cause.text.contains("--release"), "{}", cause.text);
    assert!(ours.engine.done().is_empty());
}

#[tokio::test]
async fn a_run_without_a_suite_is_inconclusive() {
    let facts = story(Script::default(), chain()).up_and_test().await;
    assert_eq!(exit_code::from_facts(&facts), exit_code::INCONCLUSIVE);
}

#[tokio::test]
async fn a_suite_without_a_case_is_inconclusive() {
    let facts = story(Script::default(), with_cases(SuiteKind::Acceptance, json!([]))).up_and_test().await;
    assert_eq!(
        (exit_code::from_facts(&facts), facts.suites[0].reason.as_deref()),
        (exit_code::INCONCLUSIVE, Some("no test ran"))
    );
}

#[tokio::test]
async fn a_refusal_without_a_passed_control_is_inconclusive() {
    let cases = json!([{"id": "S1", "name": "the port is closed", "steps": [{"tcp": {"to": "127.0.0.1:1", "refused": true}, "control": "open"}]}]);
    let facts = story(Script::default(), with_cases(SuiteKind::Security, cases)).up_and_test().await;
    assert_eq!(facts.suites[0].verdict, Some(Verdict::Inconclusive));
    assert_eq!(exit_code::from_facts(&facts), exit_code::INCONCLUSIVE);
}

#[tokio::test]
async fn a_failed_security_case_has_its_own_exit_code_and_details() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = listener.local_addr().unwrap().to_string();
    let cases = json!([{"id": "S1", "name": "the port is closed", "steps": [
        {"name": "open", "tcp": {"to": to}},
        {"tcp": {"to": to, "refused": true}, "control": "open"}]}]);
    let facts = story(Script::default(), with_cases(SuiteKind::Security, cases)).up_and_test().await;
    assert_eq!(exit_code::from_facts(&facts), exit_code::SECURITY);
    let failure = &facts.suites[0].cases[0].failures[0];
    assert!(failure.step.contains(&to) && !failure.expected.is_empty() && !failure.got.is_empty(), "{failure:?}");
}

#[tokio::test]
async fn a_case_inside_a_unit_that_interferes_is_inconclusive() {
    let open = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = open.local_addr().unwrap();
    let reaches = |id: &str, from: &str, to: String| json!({ "id": id, "name": "reaches", "steps": [ { "from": from, "tcp": { "to": to } } ] });
    // Also a case that would pass is inconclusive, and so is a later one: no new agent takes the place of the first.
    let cases = json!([
        reaches("A1", "web", "127.0.0.1:1".into()),
        reaches("A2", "web", address.to_string()),
        reaches("A3", "api", address.to_string()),
    ]);
    let passed = r#"{"id":1,"answer":{"answer":"passed","captured":{},"saw":"forged","waited_ms":1}}"#;
    let endless = "x".repeat(9 << 20);
    for forged in [format!("{passed}\n"), format!("{} {passed}\n", "0".repeat(64)), "\n".into(), endless] {
        let script = Script { forged: [("web".to_owned(), forged)].into(), ..Script::default() };
        let facts = story(script, with_cases(SuiteKind::Acceptance, cases.clone())).up_and_test().await;
        let [one, two, three] = facts.suites[0].cases.as_slice() else { panic!("{facts:?}") };
        for case in [one, two] {
            assert_eq!(case.verdict, Some(Verdict::Inconclusive), "{case:?}");
            assert!(case.failures[0].got.contains("unit web interfered with its connection"), "{case:?}");
        }
        assert_eq!(three.verdict, Some(Verdict::Passed), "{three:?}");
        assert_eq!(exit_code::from_facts(&facts), exit_code::INCONCLUSIVE);
    }
}

#[tokio::test]
async fn steps_restart_services() {
    let cases = json!([{"id": "A1", "name": "api comes back", "steps": [{"restart": {"service": "api"}}]}]);
    let story = story(Script::default(), with_cases(SuiteKind::Acceptance, cases));
    let facts = story.up_and_test().await;
    assert_eq!(exit_code::from_facts(&facts), exit_code::PASSED, "{facts:#?}");
    assert_eq!(story.engine.done()[5..], ["stop api", "start api"]);
}

/// The facts of a run in which `web` ends 30 times as soon as the suite begins, and the suite allows these units to end.
async fn web_ends(may_end: &[&str]) -> Facts {
    let mut plan =
        with_cases(SuiteKind::Acceptance, json!([{"id": "A1", "name": "n", "steps": [{"wait": {"for": "100ms"}}]}]));
    plan.suites.get_mut("suite").unwrap().may_end = may_end.iter().map(|name| (*name).to_owned()).collect();
    let mut story = story(Script::default(), plan);
    let engine = story.engine.clone();
    let observer = move |event: &RunEvent| {
        if matches!(event, RunEvent::SuiteStarted { .. }) {
            (0..30).for_each(|_| engine.end("web", 3));
        }
    };
    story.journal = Journal::new(testing::facts(&story.lease), None, Box::new(observer));
    story.up_and_test().await
}

#[tokio::test]
async fn a_unit_that_ends_unasked_is_told_once_with_how_often() {
    let facts = web_ends(&[]).await;
    assert_eq!((facts.outcome(), exit_code::from_facts(&facts)), (Outcome::Failed, exit_code::NOT_READY));
    assert_eq!(facts.suites[0].verdict, Some(Verdict::Passed));
    let ends: Vec<_> = facts.unit_ends.iter().map(|e| (e.unit.as_str(), e.times, e.during.as_slice())).collect();
    assert_eq!(ends, [("web", 30, ["suite".to_owned()].as_slice())]);
    assert_eq!(facts.events.iter().filter(|e| e.text.contains("no step asked")).count(), 1);
    assert!(facts.causes[0].text.contains("30 such events"), "{:?}", facts.causes);
}

#[tokio::test]
async fn a_suite_allows_ends_by_name_only() {
    let allowed = web_ends(&["web"]).await;
    assert_eq!((allowed.outcome(), allowed.unit_ends.len()), (Outcome::Passed, 1));
    assert_eq!(web_ends(&["api"]).await.outcome(), Outcome::Failed);
}

#[tokio::test]
async fn a_container_suite_is_judged_by_its_results_and_not_only_its_exit_code() {
    let junit =
        br#"<testsuite name="s"><testcase classname="c" name="t"><failure message="no"/></testcase></testsuite>"#;
    let ended = SuiteExit {
        code: Some(0),
        oom_killed: false,
        timed_out: false,
        log: "done".into(),
        files: [("j.xml".to_owned(), junit.to_vec())].into(),
        lost: vec![],
    };
    let mut plan = with_cases(SuiteKind::Acceptance, json!([]));
    plan.suites.get_mut("suite").unwrap().executor = serde_json::from_value(json!({"by": "container", "image": "localhost/t:1", "command": [], "env": {}, "results": "/results", "verdict": "junit",
        "limits": {"memory": 1, "cpu_millis": 1, "pids": 1}, "confinement": {"user": null, "root": false, "writable_root": false, "capabilities": [], "reason": null}}))
    .unwrap();
    let facts =
        story(Script { suites: [("suite".to_owned(), ended)].into(), ..Script::default() }, plan).up_and_test().await;
    assert_eq!(exit_code::from_facts(&facts), exit_code::ACCEPTANCE);
    assert_eq!(facts.suites[0].raw.len(), 2);
}

/// A service on this port, which the control agent probes for at most this long.
fn probed(port: u16, within_ms: u64) -> Plan {
    let mut plan = testing::plan_of(&[("localhost", &[])]);
    plan.units[0].ready = ReadyPlan::Tcp { port };
    plan.units[0].within_ms = within_ms;
    plan
}

#[tokio::test(start_paused = true)]
async fn a_lost_agent_is_replaced_while_a_service_becomes_ready() {
    let listener = tokio::net::TcpListener::bind("localhost:0").await.unwrap();
    let silent = [(Position::Control, 1)].into();
    let plan = probed(listener.local_addr().unwrap().port(), 60_000);
    let story = story(Script { silent, ..Script::default() }, plan);
    story.up().await.map(|_| ()).unwrap();
    assert_eq!(story.engine.agents(&Position::Control), 2);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_readiness_ends_at_its_limit_if_no_agent_answers() {
    let silent = [(Position::Control, usize::MAX)].into();
    let outage = Some("the API server was away".to_owned());
    let story = story(Script { silent, outage, ..Script::default() }, probed(1, 30_000));
    let began = tokio::time::Instant::now();
    let cause = story.cause().await;
    assert!(began.elapsed() <= Duration::from_secs(45), "{:?}", began.elapsed());
    assert_eq!(cause.kind, CauseKind::NotReady);
    for words in ["localhost: not ready within 30 s", "no sign of life", "the API server was away"] {
        assert!(cause.text.contains(words), "{}", cause.text);
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_reads_is_asked_again_and_one_that_acts_is_inconclusive() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = Position::Suite("suite".into());
    let verdict = async |step: serde_json::Value, silent: usize| {
        let cases = json!([{"id": "A1", "name": "it goes on", "steps": [step]}]);
        let mut plan = with_cases(SuiteKind::Acceptance, cases);
        plan.suites.get_mut("suite").unwrap().timeout_ms = 600_000;
        let story = story(Script { silent: [(at.clone(), silent)].into(), ..Script::default() }, plan);
        let case = story.up_and_test().await.suites[0].cases[0].clone();
        (case, story.engine.agents(&at))
    };
    let reads = json!({"tcp": {"to": listener.local_addr().unwrap().to_string()}});
    let (case, agents) = verdict(reads.clone(), 2).await;
    assert_eq!((case.verdict, agents), (Some(Verdict::Passed), 3), "{case:?}");
    let (case, agents) = verdict(reads, usize::MAX).await;
    assert_eq!((case.verdict, agents), (Some(Verdict::Inconclusive), 3), "{case:?}");
    let acts = json!({"publish": {"user": "u", "vhost": "v", "exchange": "x", "key": "k"}});
    let (case, agents) = verdict(acts, 1).await;
    assert_eq!((case.verdict, agents), (Some(Verdict::Inconclusive), 1), "{case:?}");
    assert!(case.failures[0].got.contains("may have had its effect"), "{case:?}");
}

#[tokio::test]
async fn a_case_that_fails_during_an_outage_is_inconclusive_and_says_so() {
    let open = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = |id: &str, to: String| json!({"id": id, "name": id, "steps": [{"tcp": {"to": to}}]});
    let cases = json!([tcp("S1", "127.0.0.1:1".into()), tcp("S2", open.local_addr().unwrap().to_string())]);
    for (outage, one, code) in [
        (None, Verdict::Failed, exit_code::SECURITY),
        (Some("the API server was away"), Verdict::Inconclusive, exit_code::INCONCLUSIVE),
    ] {
        let script = Script { outage: outage.map(str::to_owned), ..Script::default() };
        let facts = story(script, with_cases(SuiteKind::Security, cases.clone())).up_and_test().await;
        let verdicts: Vec<_> = facts.suites[0].cases.iter().map(|c| c.verdict.unwrap()).collect();
        assert_eq!((verdicts, exit_code::from_facts(&facts)), (vec![one, Verdict::Passed], code));
        let said = facts.suites[0].cases[0].failures.iter().any(|f| f.got.contains("the API server was away"));
        assert_eq!(said, outage.is_some(), "{facts:?}");
    }
}
