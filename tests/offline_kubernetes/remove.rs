//! Removal, of the right environment and to the end.

use dayfly::engine::{Engine, RemovalScope, ReplacePolicy};
use http::Method;
use serde_json::json;

use super::api_server::ApiServer;
use super::watches::Break;
use super::{ENVIRONMENT, NAMESPACE, NAMESPACES, engine, lease, namespace, owner, prepared};

#[tokio::test(start_paused = true)]
async fn removes_only_the_version_that_was_read() {
    let server = ApiServer::default();
    let (engine, lease) = prepared(&server).await;
    let seen = server.world().get(NAMESPACE).unwrap()["metadata"].clone();
    assert_eq!(engine.remove(ENVIRONMENT, RemovalScope::Run(lease.run)).await.unwrap(), []);
    assert_eq!(owner(&server), None);
    let deletions = server.asked(Method::DELETE, NAMESPACE);
    assert_eq!(deletions.len(), 1);
    let preconditions = &deletions[0].body["preconditions"];
    assert_eq!(*preconditions, json!({"uid": seen["uid"], "resourceVersion": seen["resourceVersion"]}));
}

#[tokio::test(start_paused = true)]
async fn leaves_an_environment_that_a_newer_run_takes_meanwhile() {
    let server = ApiServer::default();
    engine(&server).claim(&lease(1), ReplacePolicy::Recreate.into()).await.unwrap();
    let taken = namespace(&lease(2)).await;
    server.once(Method::DELETE, NAMESPACE, move |world| {
        world.merge(NAMESPACE, &taken);
        None
    });
    let before = server.writes().len();
    assert_eq!(engine(&server).remove(ENVIRONMENT, RemovalScope::Run(lease(1).run)).await.unwrap(), []);
    assert_eq!(owner(&server), Some(lease(2).run.to_string()));
    // The one that was refused.
    assert_eq!(server.writes().len() - before, 1);
}

#[tokio::test(start_paused = true)]
async fn does_not_touch_the_environment_of_another_run() {
    let server = ApiServer::default();
    let made = namespace(&lease(2)).await;
    server.world().put(NAMESPACE, made);
    assert_eq!(engine(&server).remove(ENVIRONMENT, RemovalScope::Run(lease(1).run)).await.unwrap(), []);
    assert!(server.writes().is_empty() && owner(&server).is_some());
}

#[tokio::test(start_paused = true)]
async fn removes_an_own_environment_that_changed_meanwhile() {
    let server = ApiServer::default();
    let (engine, lease) = prepared(&server).await;
    server.once(Method::DELETE, NAMESPACE, |world| {
        world.merge(NAMESPACE, &json!({"metadata": {"annotations": {"somebody": "was here"}}}));
        None
    });
    assert_eq!(engine.remove(ENVIRONMENT, RemovalScope::Run(lease.run)).await.unwrap(), []);
    assert_eq!(owner(&server), None);
}

#[tokio::test(start_paused = true)]
async fn removing_a_missing_environment_succeeds() {
    let server = ApiServer::default();
    assert_eq!(engine(&server).remove(ENVIRONMENT, RemovalScope::All).await.unwrap(), []);
    assert!(server.writes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn does_not_wait_for_a_namespace_that_a_newer_run_created() {
    let server = ApiServer::default();
    let (engine, lease) = prepared(&server).await;
    server.world().stuck = Some(json!({"phase": "Terminating"}));
    let before = server.world().asked.len();
    let run = lease.run;
    let removing = tokio::spawn(async move { engine.remove(ENVIRONMENT, RemovalScope::Run(run)).await });
    server.until(|world| world.asked[before..].iter().any(|a| a.path == NAMESPACES && a.watches())).await;
    let newer = namespace(&super::lease(2)).await;
    {
        // The event reaches no one: the watch was broken meanwhile.
        let mut world = server.world();
        world.watches.end(Break::Ends);
        world.remove(NAMESPACE);
        world.put(NAMESPACE, newer);
        world.watches.forget();
    }
    assert_eq!(removing.await.unwrap().unwrap(), []);
    assert_eq!(owner(&server), Some(super::lease(2).run.to_string()));
}

#[tokio::test(start_paused = true)]
async fn names_objects_that_hold_a_namespace_with_finalizer_and_manager() {
    let server = ApiServer::default();
    let (engine, lease) = prepared(&server).await;
    let message = "Some resources are remaining: configmaps. has 1 resource instances";
    {
        let mut world = server.world();
        world.stuck = Some(json!({"phase": "Terminating", "conditions": [
            {"type": "NamespaceDeletionContentFailure", "status": "False", "reason": "ContentDeleted"},
            {"type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain", "message": message},
        ]}));
        world.put(&format!("{NAMESPACE}/configmaps/kept"), json!({"metadata": {
            "name": "kept", "finalizers": ["example.com/hold"],
            "managedFields": [{"manager": "kubectl", "operation": "Update"}, {"manager": "holder", "operation": "Update"}],
        }}));
    }
    let left = engine.remove(ENVIRONMENT, RemovalScope::Run(lease.run)).await.unwrap();
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(left[0].object, "configmaps kept");
    assert!(left[0].reason.contains("example.com/hold") && left[0].reason.contains("managed by holder"), "{left:?}");
    assert_eq!(left[1].object, "namespace sample-pr-1");
    assert_eq!(left[1].reason, message);
}
