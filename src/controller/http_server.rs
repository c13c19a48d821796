//! `/healthz`, `/readyz` and `/metrics`, for probes and Prometheus. Any other path is 404.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::context::Context;

/// Maximum number of concurrent connections; more wait.
const MAX_CONNECTIONS: usize = 64;
/// Time in which a request must arrive.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Delay after a failed accept, for example because too many files are open.
const ACCEPT_DELAY: Duration = Duration::from_millis(200);

/// Serves until it is cancelled; fails if the address is not available.
pub async fn serve(address: SocketAddr, context: Arc<Context>) -> std::io::Result<Infallible> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!("serving /healthz, /readyz and /metrics at {}", listener.local_addr()?);
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { continue };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(e) => {
                tracing::warn!("failed to accept a connection: {e}");
                tokio::time::sleep(ACCEPT_DELAY).await;
                continue;
            }
        };
        let context = context.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let response = respond(&request, &context);
                async move { Ok::<_, Infallible>(response) }
            });
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIMEOUT).keep_alive(false);
            if let Err(e) = server.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!("a connection ended early: {e}");
            }
            drop(slot);
        });
    }
}

fn respond(request: &Request<Incoming>, context: &Context) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET and HEAD are supported\n".into());
    }
    match request.uri().path() {
        // Answering proves that the process lives: a leader that loses its lease exits by itself.
        "/healthz" => text(StatusCode::OK, "text/plain", "ok\n".into()),
        "/readyz" => match context.unready() {
            None => text(StatusCode::OK, "text/plain", "ok\n".into()),
            Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", format!("{why}\n")),
        },
        "/metrics" => {
            let all = context.objects();
            let body = context.metrics.render(all.iter().map(AsRef::as_ref));
            text(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", body)
        }
        _ => text(StatusCode::NOT_FOUND, "text/plain", "not found; try /healthz, /readyz or /metrics\n".into()),
    }
}

fn text(status: StatusCode, media_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    response
}
