//! Answers OSV's query interface (`POST /v1/query`) from a bundle, so that scanners which ask it work without a network.
//!
//! It listens on this machine only. A query that cannot be decided gets an error and not an empty answer, which scanners take for
//! "no vulnerability".

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::advisory::{Advisory, Event};
use super::bundle::Bundle;
use super::matching::Candidate;
use super::scan::outdated;
use crate::packages::Ecosystem;
use crate::policy::DependencyLimits;

/// Maximum number of concurrent connections; more wait.
const MAX_CONNECTIONS: usize = 64;
/// Longest query in bytes.
const MAX_QUERY: usize = 64 << 10;
/// Time in which a request must arrive.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Delay after a failed accept, for example because too many files are open.
const ACCEPT_DELAY: Duration = Duration::from_millis(200);

/// A responder that listens.
pub struct Responder {
    listener: TcpListener,
    source: Arc<Source>,
}

/// The bundle that answers come from, and its limits.
struct Source {
    bundle: Bundle,
    limits: DependencyLimits,
}

#[derive(Deserialize)]
struct Query {
    package: Named,
    version: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    ecosystem: Ecosystem,
}

impl Responder {
    /// Listens on a port of the loopback address; 0 stands for any free one.
    /// Advisories that are older than the limits allow, also when they become so, answer nothing.
    pub async fn bind(port: u16, bundle: Bundle, limits: DependencyLimits) -> std::io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await?;
        Ok(Self { listener, source: Arc::new(Source { bundle, limits }) })
    }

    /// The address to ask.
    pub fn url(&self) -> std::io::Result<String> {
        Ok(format!("http://{}/v1/query", self.listener.local_addr()?))
    }

    /// Answers until it is cancelled.
    pub async fn serve(self) -> Infallible {
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(slot) = slots.clone().acquire_owned().await else { continue };
            let Ok((stream, _)) = self.listener.accept().await else {
                tokio::time::sleep(ACCEPT_DELAY).await;
                continue;
            };
            let source = self.source.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let source = source.clone();
                    async move { Ok::<_, Infallible>(respond(request, &source).await) }
                });
                let mut server = http1::Builder::new();
                server.timer(TokioTimer::new()).header_read_timeout(REQUEST_TIMEOUT);
                if let Err(e) = server.serve_connection(TokioIo::new(stream), service).await {
                    tracing::debug!("a connection ended early: {e}");
                }
                drop(slot);
            });
        }
    }
}

async fn respond(request: Request<Incoming>, source: &Source) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    if parts.method != Method::POST || parts.uri.path() != "/v1/query" {
        return answer(StatusCode::NOT_FOUND, &json!({"code": 5, "message": "only POST /v1/query is answered"}));
    }
    let collected = tokio::time::timeout(REQUEST_TIMEOUT, Limited::new(body, MAX_QUERY).collect());
    let Ok(Ok(body)) = collected.await else {
        return answer(
            StatusCode::BAD_REQUEST,
            &json!({"code": 3, "message": "the query is too long, or was cut off"}),
        );
    };
    let query: Query = match serde_json::from_slice(&body.to_bytes()) {
        Ok(query) => query,
        Err(e) => return answer(StatusCode::BAD_REQUEST, &json!({"code": 3, "message": e.to_string()})),
    };
    match affecting(&query, source) {
        // OSV answers an empty object.
        Ok(found) if found.is_empty() => answer(StatusCode::OK, &json!({})),
        Ok(found) => answer(StatusCode::OK, &json!({"vulns": found})),
        Err(why) => answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({"code": 13, "message": why})),
    }
}

/// The records that affect the version, as OSV writes them.
fn affecting(query: &Query, Source { bundle, limits }: &Source) -> Result<Vec<Value>, String> {
    let Query { package: Named { name, ecosystem }, version } = query;
    let Some(facts) = bundle.header.ecosystems.get(ecosystem) else {
        return Err(format!("the advisories have none of {ecosystem}"));
    };
    if let Some(why) = outdated(ecosystem, facts.snapshot, limits, Timestamp::now()) {
        return Err(why);
    }
    let name = ecosystem.normalise(name);
    let advisories = bundle.advisories(ecosystem, &name).map_err(|e| format!("failed to {e}"))?;
    let candidate = Candidate::new(ecosystem, version);
    let mut found = vec![];
    for advisory in advisories {
        match candidate.is_affected_by(&advisory) {
            Ok(true) => found.push(record(&advisory, ecosystem, &name)),
            Ok(false) => {}
            Err(why) => return Err(format!("{} and {name} {version}: {why}", advisory.id)),
        }
    }
    Ok(found)
}

/// The record as it concerns the package.
fn record(advisory: &Advisory, ecosystem: &Ecosystem, name: &str) -> Value {
    let event = |event: &Event| match event {
        Event::Introduced(v) => json!({"introduced": v}),
        Event::Fixed(v) => json!({"fixed": v}),
        Event::LastAffected(v) => json!({"last_affected": v}),
        Event::Limit(v) => json!({"limit": v}),
    };
    let range =
        |events: &Vec<Event>| json!({"type": "ECOSYSTEM", "events": events.iter().map(event).collect::<Vec<_>>()});
    let mut record = json!({
        "schema_version": "1.6.0",
        "id": advisory.id,
        "aliases": advisory.aliases,
        "summary": advisory.summary,
        "affected": [{
            "package": {"ecosystem": ecosystem, "name": name},
            "ranges": advisory.ranges.iter().map(range).collect::<Vec<_>>(),
            "versions": advisory.versions,
        }],
    });
    // pip-audit reads whole seconds, or exactly six digits after them.
    if let Some(time) = advisory.published {
        record["published"] = json!(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    }
    record
}

fn answer(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    // pip-audit keeps answers between its runs, and the next bundle says something else.
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
