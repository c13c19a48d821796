//! An API server that is busy or away for a while.

use std::time::Duration;

use dayfly::engine::{Claim, Engine, Leftover, ReplacePolicy};
use http::Method;

use super::api_server::{Answer, ApiServer};
use super::{ENVIRONMENT, NAMESPACE, NAMESPACES, engine, lease};

#[tokio::test(start_paused = true)]
async fn retries_on_a_busy_server_after_its_retry_after() {
    let server = ApiServer::default();
    for (code, after) in [(429, None), (429, Some(7)), (503, None)] {
        server.once(Method::POST, NAMESPACES, move |_| Some(Answer::Busy(code, after)));
    }
    let claimed = engine(&server).claim(&lease(1), ReplacePolicy::Recreate.into()).await.unwrap();
    assert_eq!(claimed, Claim::Acquired { replaced: None, taken_over: None });
    let asked = server.asked(Method::POST, NAMESPACES);
    assert_eq!(asked.len(), 4);
    assert!(asked[2].at - asked[1].at >= Duration::from_secs(7));
    // All of them asked for the same.
    assert!(asked.iter().all(|a| a.body == asked[0].body));
}

#[tokio::test(start_paused = true)]
async fn retries_while_the_server_is_unreachable() {
    let server = ApiServer::default();
    server.once(Method::GET, NAMESPACE, |_| Some(Answer::Unreached));
    server.once(Method::POST, NAMESPACES, |_| Some(Answer::Unreached));
    engine(&server).claim(&lease(1), ReplacePolicy::Recreate.into()).await.unwrap();
    assert_eq!(server.asked(Method::POST, NAMESPACES).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn reports_unknown_leftovers_when_the_server_stays_unreachable() {
    let server = ApiServer::default();
    for _ in 0..1000 {
        server.once(Method::POST, NAMESPACES, |_| Some(Answer::Unreached));
    }
    let away = engine(&server).claim(&lease(1), ReplacePolicy::Recreate.into()).await.unwrap_err();
    assert_eq!(away.leftover(), Leftover::Unknown);
}

#[tokio::test(start_paused = true)]
async fn repeats_an_interrupted_read() {
    let server = ApiServer::default();
    server.once(Method::GET, NAMESPACE, |_| Some(Answer::Broken));
    assert_eq!(engine(&server).lease(ENVIRONMENT).await.unwrap(), None);
    assert_eq!(server.asked(Method::GET, NAMESPACE).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn gives_up_on_a_busy_server_and_quotes_it() {
    let server = ApiServer::default();
    for _ in 0..1000 {
        server.once(Method::GET, NAMESPACE, |_| Some(Answer::Busy(503, None)));
    }
    let failed = engine(&server).lease(ENVIRONMENT).await.unwrap_err();
    assert!(failed.to_string().contains("busy"), "{failed}");
}
