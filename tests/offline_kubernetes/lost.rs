//! Tests of runs whose runner was lost after it had sealed the evidence.

use dayfly::engine::EngineKind;
use dayfly::evidence::configmap_store::ConfigMapStore;
use dayfly::evidence::read::read_run;
use dayfly::evidence::{KeyKind, SigningKey, open, seal};
use dayfly::lease::Lease;
use dayfly::model::Verdict;
use dayfly::report::Facts;
use dayfly::report::facts::SuiteFact;
use dayfly::spec::model::SuiteKind;
use dayfly::testing;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::json;

use super::api_server::ApiServer;
use super::controller::{OBJECT, RUNNERS, asked, is_done, status, until};
use super::released::{dies, judged, made, records};
use super::{engine, signing_key};

/// The facts of a run that passed, before its environment was removed.
fn passed(lease: &Lease) -> Facts {
    let now = jiff::Timestamp::now();
    let suite = SuiteFact {
        name: "acceptance".into(),
        kind: SuiteKind::Acceptance,
        digest: "a".repeat(64),
        verdict: Some(Verdict::Passed),
        reason: None,
        started: now,
        finished: Some(now),
        cases: vec![testing::case_fact("A1")],
        scans: vec![],
        may_end: vec![],
        raw: vec![],
        ignored: vec![],
        source: None,
        confinement: None,
        origin: None,
    };
    Facts { engine: EngineKind::Kubernetes, suites: vec![suite], finished: Some(now), ..testing::facts(lease) }
}

/// Seals facts and stores the evidence where the runner of the lease's run stores it.
async fn sealed(server: &ApiServer, lease: &Lease, facts: &Facts, key: &SigningKey) {
    let folder = tempfile::tempdir().unwrap();
    let planned = testing::suite("acceptance", vec![]);
    open(facts, [&planned], Some(key), None, folder.path()).unwrap();
    let dir = seal(facts, &Default::default(), Some(key), None, folder.path()).unwrap().dir;
    let store = ConfigMapStore::new(engine(server).client(), "team", OwnerReference::default());
    store.put(lease.run, &read_run(&dir).unwrap()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_runner_lost_during_the_removal_leaves_its_verdict() {
    let server = asked();
    let (_replica, lease) = made(&server).await;
    sealed(&server, &lease, &passed(&lease), &signing_key()).await;
    dies(&server, &lease);
    until(&server, is_done).await;
    let world = server.world();
    let run = status(&world)["run"].clone();
    assert_eq!((&run["outcome"], &run["exitCode"]), (&json!("PASSED"), &json!(9)), "{run:#}");
    assert!(run["causes"].to_string().contains("the removal of the environment was not confirmed"), "{run:#}");
    assert_eq!(run["evidence"]["configMaps"], json!([format!("evidence-{}-0", lease.run)]));
    assert_eq!(run["suites"][0]["passed"], 1);
    assert_eq!(run["removalReason"]["kind"], "unfinished");
    let [record] = records(&world).try_into().unwrap();
    assert_eq!(judged(&record).reason.kind, "unfinished");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_confirmed_its_removal_only_in_the_evidence_is_whole() {
    let server = asked();
    let (_replica, lease) = made(&server).await;
    let now = jiff::Timestamp::now();
    sealed(&server, &lease, &Facts { removed: Some(now), ..passed(&lease) }, &signing_key()).await;
    dies(&server, &lease);
    until(&server, is_done).await;
    let run = status(&server.world())["run"].clone();
    assert_eq!((&run["outcome"], &run["exitCode"], &run["removalReason"]), (&json!("PASSED"), &json!(0), &json!(null)));
}

#[tokio::test(start_paused = true)]
async fn evidence_of_another_run_or_key_gives_no_verdict() {
    let other = Lease { run: uuid::Uuid::from_u128(1 << 100).into(), ..super::lease(1) };
    for (facts_of_other, key) in
        [(true, signing_key()), (false, SigningKey::from_seed(KeyKind::P256, &[8; 32]).unwrap())]
    {
        let server = asked();
        let (_replica, lease) = made(&server).await;
        let facts = passed(if facts_of_other { &other } else { &lease });
        sealed(&server, &lease, &facts, &key).await;
        dies(&server, &lease);
        until(&server, is_done).await;
        let run = status(&server.world())["run"].clone();
        assert_eq!((&run["outcome"], &run["evidence"]), (&json!("ERROR"), &json!(null)), "{run:#}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_runner_whose_pod_was_deleted_by_force_may_still_report_its_result() {
    let server = asked();
    let (_replica, lease) = made(&server).await;
    server.world().remove(&format!("{RUNNERS}/runner-{}", lease.run));
    until(&server, |w| !status(w)["runnerMissingTime"].is_null()).await;
    assert_eq!(status(&server.world())["phase"], "Testing");
    let now = jiff::Timestamp::now();
    let last =
        json!({"stage": "Ended", "outcome": "ABORTED", "exitCode": 130, "completionTime": now, "removalTime": now});
    server.world().merge(OBJECT, &json!({"status": {"run": last}}));
    until(&server, is_done).await;
    let status = status(&server.world());
    assert_eq!((&status["run"]["outcome"], &status["runnerMissingTime"]), (&json!("ABORTED"), &json!(null)));
}
