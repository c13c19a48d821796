//! The reaper and a cluster with many environments.

use dayfly::engine::{Engine, ReplacePolicy};
use dayfly::evidence::predicate::{Remover, RunnerId};
use dayfly::lease::Lease;
use dayfly::reaper::batch;
use dayfly::reaper::decide::Criteria;
use dayfly::reaper::removal::{Outcome, RemovalLog};
use futures::StreamExt;
use serde_json::json;

use super::api_server::ApiServer;
use super::{engine, lease, signing_key};

#[tokio::test(start_paused = true)]
async fn removes_six_environments_at_once_and_reports_them_in_the_order_of_the_list() {
    let (server, folder) = (ApiServer::default(), tempfile::tempdir().unwrap());
    let engine = engine(&server);
    for pr in 1..=8 {
        let mut lease = Lease { environment: format!("sample-pr-{pr}"), ..lease(pr) };
        lease.plan.environment.clone_from(&lease.environment);
        engine.claim(&lease, ReplacePolicy::Recreate.into()).await.unwrap();
    }
    // Each removal takes its whole time limit: a minute.
    let holds = json!([{"type": "NamespaceContentRemaining", "status": "True", "message": "pods are left"}]);
    server.world().stuck = Some(json!({"phase": "Terminating", "conditions": holds}));
    let log = RemovalLog {
        remover: Remover {
            program: RunnerId { name: "dayfly".into(), version: "1".into() },
            host: "a@b".into(),
            account: None,
            job: None,
            actor: None,
        },
        key: signing_key(),
        entries: None,
        evidence: folder.path().to_owned(),
        store: None,
    };
    let all = engine.list().await.unwrap();
    let criteria = Criteria { idle: Some(jiff::SignedDuration::ZERO), ..Criteria::default() };
    let began = tokio::time::Instant::now();
    let decided: Vec<_> = batch::each(&engine, &all, &criteria, Some(&log)).collect().await;
    let took = began.elapsed().as_secs();
    assert!((120..180).contains(&took), "{took} s of the story's own time");
    let names = |environments: Vec<&str>| environments.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let listed = names(all.iter().map(|o| o.environment.as_str()).collect());
    assert_eq!((names(decided.iter().map(|d| d.observed.environment.as_str()).collect()), listed.len()), (listed, 8));
    assert!(decided.iter().all(|d| matches!(d.outcome, Some(Outcome::Left { .. }))));
}
