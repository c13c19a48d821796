//! Logs of what has not begun, and of what cannot be read.

use dayfly::engine::{Engine, LogLine};
use futures::StreamExt;
use http::Method;

use super::api_server::{Answer, ApiServer};
use super::{ENVIRONMENT, POD, all_run, prepared};

const WAITS: &str = r#"container "unit" in pod "api" is waiting to start: ContainerCreating"#;

/// The lines of a log that cannot be read at first.
async fn lines(follow: bool) -> Vec<LogLine> {
    let server = ApiServer::default();
    server.kubelet(all_run);
    let (engine, lease) = prepared(&server).await;
    engine.start(&lease, "api").await.unwrap();
    let log = format!("{POD}/log");
    server.once(Method::GET, &log, |_| Some(Answer::Status(400, "BadRequest", WAITS)));
    server.once(Method::GET, &log, |world| {
        world.remove(POD);
        Some(Answer::Text("2024-01-01T00:00:00.5Z hello\n"))
    });
    let lines = engine.logs(ENVIRONMENT, Some("api"), None, follow).await.unwrap();
    lines.map(Result::unwrap).collect().await
}

#[tokio::test(start_paused = true)]
async fn a_container_that_has_not_started_has_an_empty_log() {
    assert_eq!(lines(false).await, []);
}

#[tokio::test(start_paused = true)]
async fn following_a_container_that_has_not_started_returns_its_first_line() {
    assert_eq!(
        lines(true).await,
        [LogLine {
            unit: "api".into(),
            text: "hello".into(),
            cut: false,
            at: Some("2024-01-01T00:00:00.5Z".parse().unwrap())
        }]
    );
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_log_reports_one_error_and_ends() {
    for follow in [false, true] {
        let server = ApiServer::default();
        server.kubelet(all_run);
        let (engine, lease) = prepared(&server).await;
        engine.start(&lease, "api").await.unwrap();
        for _ in 0..100 {
            let words = "dial tcp 192.0.2.1:10250: connect: connection refused";
            server.once(Method::GET, &format!("{POD}/log"), move |_| Some(Answer::Status(500, "InternalError", words)));
        }
        let lines: Vec<_> = engine.logs(ENVIRONMENT, None, None, follow).await.unwrap().take(10).collect().await;
        let [Err(why)] = lines.as_slice() else { panic!("{lines:?}") };
        assert!(why.to_string().contains("connection refused"), "{why}");
    }
}
