//! Tests of claims on an environment that other runs want too.

use dayfly::engine::kubernetes::ServiceAccountRef;
use dayfly::engine::{Claim, ClaimPolicy, Engine, EngineError, Leftover, RemovalScope, ReplacePolicy};
use dayfly::lease::{Hold, Lease, Owner, RetentionChange, TakenOver};
use dayfly::secrets::Secrets;
use http::Method;
use serde_json::json;

use super::api_server::{Answer, ApiServer};
use super::{ENVIRONMENT, NAMESPACE, NAMESPACES, POD, engine, engine_of, lease, namespace, owner};

fn ours(replaced: Option<u128>) -> Claim {
    Claim::Acquired { replaced: replaced.map(|run| lease(run).run), taken_over: None }
}

fn newer(run: u128) -> Claim {
    Claim::HeldByNewer { run: lease(run).run, commit: lease(run).commit }
}

#[tokio::test(start_paused = true)]
async fn the_newer_of_two_concurrent_runs_owns_the_environment() {
    for (first, second) in [(1, 2), (2, 1)] {
        let server = ApiServer::default();
        let (a, b) = (engine(&server), engine(&server));
        let (first_lease, second_lease) = (lease(first), lease(second));
        let claims = tokio::join!(
            a.claim(&first_lease, ReplacePolicy::Recreate.into()),
            b.claim(&second_lease, ReplacePolicy::Recreate.into())
        );
        let claims = [(first, claims.0.unwrap()), (second, claims.1.unwrap())];
        assert_eq!(owner(&server), Some(lease(2).run.to_string()));
        for (run, claim) in claims {
            let expected = if run == 2 { [ours(None), ours(Some(1))] } else { [newer(2), ours(None)] };
            assert!(expected.contains(&claim), "{run}: {claim:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn reads_the_owner_when_the_namespace_was_created_meanwhile() {
    for (rival, expected) in [(3, newer(3)), (1, ours(Some(1)))] {
        let server = ApiServer::default();
        let made = namespace(&lease(rival)).await;
        server.once(Method::POST, NAMESPACES, move |world| {
            world.put(NAMESPACE, made);
            None
        });
        assert_eq!(engine(&server).claim(&lease(2), ReplacePolicy::Recreate.into()).await.unwrap(), expected);
        let winner = rival.max(2);
        assert_eq!(owner(&server), Some(lease(winner).run.to_string()));
    }
}

#[tokio::test(start_paused = true)]
async fn replaces_a_lease_only_in_the_version_that_was_read() {
    let server = ApiServer::default();
    let made = namespace(&lease(1)).await;
    server.world().put(NAMESPACE, made);
    let read = server.world().get(NAMESPACE).unwrap()["metadata"]["resourceVersion"].clone();
    let taken = namespace(&lease(3)).await;
    server.once(Method::PATCH, NAMESPACE, move |world| {
        world.merge(NAMESPACE, &taken);
        None
    });
    assert_eq!(engine(&server).claim(&lease(2), ReplacePolicy::Recreate.into()).await.unwrap(), newer(3));
    let patches = server.asked(Method::PATCH, NAMESPACE);
    assert_eq!(patches.len(), 1);
    assert_eq!(patches[0].body["metadata"]["resourceVersion"], read);
    assert_eq!(owner(&server), Some(lease(3).run.to_string()));
    assert_eq!(server.writes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn removes_the_older_run_after_a_takeover_whose_answer_was_lost() {
    let server = ApiServer::default();
    let made = namespace(&lease(1)).await;
    server.world().put(NAMESPACE, made);
    server.world().put(POD, json!({"metadata": {"name": "api"}}));
    server.once(Method::PATCH, NAMESPACE, |_| Some(Answer::Lost));
    assert_eq!(engine(&server).claim(&lease(2), ReplacePolicy::Recreate.into()).await.unwrap(), ours(Some(1)));
    assert!(server.world().get(POD).is_none());
    assert_eq!(owner(&server), Some(lease(2).run.to_string()));
}

#[tokio::test(start_paused = true)]
async fn owns_a_namespace_whose_creation_was_interrupted() {
    for (broke, asked) in [(Answer::Broken, 2), (Answer::Lost, 1)] {
        let server = ApiServer::default();
        server.once(Method::POST, NAMESPACES, move |_| Some(broke));
        assert_eq!(engine(&server).claim(&lease(2), ReplacePolicy::Recreate.into()).await.unwrap(), ours(None));
        assert_eq!(owner(&server), Some(lease(2).run.to_string()));
        assert_eq!(server.asked(Method::POST, NAMESPACES).len(), asked);
    }
}

#[tokio::test(start_paused = true)]
async fn refuses_a_foreign_namespace_and_writes_nothing() {
    let server = ApiServer::default();
    server.world().put(NAMESPACE, json!({"kind": "Namespace", "metadata": {"name": "sample-pr-1", "labels": {}}}));
    let engine = engine(&server);
    let claimed = engine.claim(&lease(1), ReplacePolicy::Recreate.into()).await.unwrap_err();
    let removed = engine.remove("sample-pr-1", RemovalScope::All).await.unwrap_err();
    for refused in [claimed, removed] {
        assert!(matches!(&refused, EngineError::Api { detail, .. } if detail.contains("not dayfly's")), "{refused}");
    }
    assert!(server.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn waits_for_a_terminating_namespace_and_creates_it_again() {
    let server = ApiServer::default();
    let mut leaving = namespace(&lease(1)).await;
    leaving["metadata"]["deletionTimestamp"] = json!("2024-01-01T00:00:00Z");
    server.world().put(NAMESPACE, leaving);
    let (engine, lease) = (engine(&server), lease(2));
    let claiming = tokio::spawn(async move { engine.claim(&lease, ReplacePolicy::Recreate.into()).await });
    server.until(|world| world.asked.iter().any(|a| a.watches())).await;
    assert!(server.writes().is_empty());
    server.world().remove(NAMESPACE);
    assert_eq!(claiming.await.unwrap().unwrap(), ours(None));
    let writes = server.writes();
    assert!(writes.len() == 1 && writes[0].method == Method::POST && writes[0].path == NAMESPACES, "{writes:?}");
}

const TAKE_OVER: ClaimPolicy = ClaimPolicy { older: ReplacePolicy::InPlace, take_over: true, compared: None };

/// The lease of the first run, for a TestEnvironment of another namespace.
fn lease_of_another_owner() -> Lease {
    Lease { owner: Some(Owner::namespace("other", Some("https://git.test/other/team"))), ..lease(1) }
}

#[tokio::test(start_paused = true)]
async fn takes_nothing_from_another_owner_and_writes_nothing() {
    let theirs = lease_of_another_owner();
    let expected = Claim::OwnedByOther { run: Some(theirs.run), owner: theirs.owner.clone().map(Box::new), held: None };
    for policy in [ReplacePolicy::Recreate, ReplacePolicy::InPlace] {
        let server = ApiServer::default();
        let made = namespace(&theirs).await;
        server.world().put(NAMESPACE, made);
        assert_eq!(engine(&server).claim(&lease(2), policy.into()).await.unwrap(), expected);
        assert!(server.writes().is_empty());
    }
    // A lease that this version cannot read has an owner too.
    let server = ApiServer::default();
    let mut unreadable = namespace(&theirs).await;
    unreadable["metadata"]["annotations"]["dayfly.dev/lease"] = json!("{\"of\": \"another version\"}");
    server.world().put(NAMESPACE, unreadable);
    let claimed = engine(&server).claim(&lease(2), ReplacePolicy::Recreate.into()).await.unwrap();
    assert_eq!(claimed, Claim::OwnedByOther { run: None, owner: None, held: None });
    assert!(server.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_deliberate_takeover_keeps_nothing_of_the_other_owner() {
    let (server, theirs) = (ApiServer::default(), lease_of_another_owner());
    let made = namespace(&theirs).await;
    server.world().put(NAMESPACE, made);
    server.world().put(POD, json!({"metadata": {"name": "api"}}));
    let claimed = engine(&server).claim(&lease(2), TAKE_OVER).await.unwrap();
    let taken = TakenOver { run_id: Some(theirs.run), owner: theirs.owner };
    let expected = Claim::Acquired { replaced: Some(theirs.run), taken_over: Some(Box::new(taken)) };
    assert_eq!(claimed, expected);
    assert!(server.world().get(POD).is_none());
    assert_eq!(owner(&server), Some(lease(2).run.to_string()));
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_changes_after_the_look_keeps_its_environment() {
    let server = ApiServer::default();
    let made = namespace(&lease(1)).await;
    server.world().put(NAMESPACE, made);
    let taken = namespace(&lease_of_another_owner()).await;
    server.once(Method::PATCH, NAMESPACE, move |world| {
        world.merge(NAMESPACE, &taken);
        None
    });
    let claimed = engine(&server).claim(&lease(2), ReplacePolicy::Recreate.into()).await.unwrap();
    assert!(matches!(claimed, Claim::OwnedByOther { .. }), "{claimed:?}");
    assert_eq!(owner(&server), Some(lease(1).run.to_string()));
}

#[tokio::test(start_paused = true)]
async fn nobody_takes_over_what_another_owner_keeps() {
    let (server, theirs) = (ApiServer::default(), lease_of_another_owner());
    let made = namespace(&theirs).await;
    server.world().put(NAMESPACE, made);
    let engine = engine(&server);
    let hold = Hold { reason: Some("look".into()), since: theirs.expires };
    engine.update_retention(ENVIRONMENT, theirs.run, &RetentionChange::Held(hold)).await.unwrap();
    let writes = server.writes().len();
    let claimed = engine.claim(&lease(2), TAKE_OVER).await.unwrap();
    let held = Some("look".to_owned());
    assert_eq!(claimed, Claim::OwnedByOther { run: Some(theirs.run), owner: theirs.owner.map(Box::new), held });
    assert_eq!(server.writes().len(), writes);
}

const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/namespaces/sample-pr-1/rolebindings";
const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

fn runner() -> Option<ServiceAccountRef> {
    Some(ServiceAccountRef { namespace: "dayfly-system".into(), name: "dayfly-runner".into() })
}

#[tokio::test(start_paused = true)]
async fn a_runner_binds_its_role_and_waits_until_it_is_in_effect() {
    let server = ApiServer::default();
    let engine = engine_of(&server, runner());
    for allowed in ["false", "false", "true"] {
        server.once(Method::POST, REVIEWS, move |_| {
            Some(Answer::Text(match allowed {
                "true" => r#"{"spec": {}, "status": {"allowed": true}}"#,
                _ => r#"{"spec": {}, "status": {"allowed": false}}"#,
            }))
        });
    }
    engine.claim(&lease(1), ReplacePolicy::Recreate.into()).await.unwrap();
    engine.prepare(&lease(1), &Secrets::default()).await.unwrap();
    let bindings = server.asked(Method::POST, BINDINGS);
    assert_eq!(bindings.len(), 1);
    assert_eq!(bindings[0].body["roleRef"]["name"], "dayfly-environment");
    assert_eq!(
        bindings[0].body["subjects"],
        json!([{"kind": "ServiceAccount", "namespace": "dayfly-system", "name": "dayfly-runner"}])
    );
    // The namespace, the role, three questions; then all the rest.
    let inside = format!("/namespaces/{ENVIRONMENT}/");
    let world = server.world();
    let last = world.asked.iter().rposition(|a| a.path == REVIEWS).unwrap();
    let early = world.asked[..last].iter().filter(|a| a.path.contains(&inside) && a.path != BINDINGS);
    assert_eq!(early.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn names_a_role_binding_that_fails_and_leaves_removable_objects() {
    let refused = Answer::Status(403, "Forbidden", "attempting to grant RBAC permissions not currently held");
    for (answer, says) in [(Some(refused), "not currently held"), (None, "dayfly-environment")] {
        let server = ApiServer::default();
        if let Some(answer) = answer {
            server.once(Method::POST, BINDINGS, |_| Some(answer));
        }
        let failed = engine_of(&server, runner()).claim(&lease(1), ReplacePolicy::Recreate.into()).await.unwrap_err();
        assert!(failed.to_string().contains(says), "{failed}");
        assert_eq!(failed.leftover(), Leftover::Removable);
    }
}
