//! Retries requests while the API server is unavailable: requests that were not sent, or may safely be sent again, for a
//! minute. A busy server (429, 503) counts as unavailable, and its `Retry-After` is respected. A server that has just
//! restarted refuses every request (403) until it has read the roles, so that such refusals are retried too.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use tokio::time::{Instant, Sleep};
use tower::BoxError;
use tower::retry::Policy;

use crate::engine::kubernetes::outages::Outages;
use crate::render::kubernetes::UNIT_CONTAINER;

/// Time limit of one request with its retries.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// First and longest pause between attempts.
const RETRY_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Time after an outage in which a refusal may mean that the server has not read the roles.
const RESTART_WINDOW: Duration = Duration::from_secs(10);

/// State of one request.
#[derive(Clone, Default)]
pub struct RetryPolicy {
    /// The outages that all requests of this client have met.
    outages: Outages,
    since: Option<Instant>,
    attempts: u32,
}

impl RetryPolicy {
    /// A policy that records outages here.
    pub fn new(outages: Outages) -> Self {
        Self { outages, ..Self::default() }
    }

    fn pause(&mut self, retry_after: Duration) -> Option<Sleep> {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        if now - since > TIME_LIMIT {
            return None;
        }
        let pause = RETRY_PAUSES
            .0
            .saturating_mul(2u32.saturating_pow(self.attempts))
            .min(RETRY_PAUSES.1)
            .max(retry_after.min(TIME_LIMIT));
        self.attempts += 1;
        Some(tokio::time::sleep(pause))
    }

    fn was_unavailable(&self) -> bool {
        let now = Instant::now();
        self.outages.api_server_was_away_since(now.checked_sub(RESTART_WINDOW).unwrap_or(now))
    }
}

/// Reports whether a request is idempotent. Watches are excluded, because watchers restart them, and so are commands in the
/// container of a unit, which may change it. Those of agents change nothing.
fn is_idempotent(request: &Request<Body>) -> bool {
    let asks = |what: &str| request.uri().query().is_some_and(|q| q.split('&').any(|p| p == what));
    let acts = request.uri().path().ends_with("/exec") && asks(&format!("container={UNIT_CONTAINER}"));
    request.method() != Method::POST && !asks("watch=true") && !acts
}

/// The `Retry-After` of a busy server.
fn retry_after<B>(result: &Result<Response<B>, BoxError>) -> Duration {
    let header = result.as_ref().ok().and_then(|r| r.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok());
    Duration::from_secs(header.unwrap_or_default())
}

/// Reports whether no connection could be made, so that the request did not arrive.
fn not_sent(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<hyper_util::client::legacy::Error>().is_some_and(|e| e.is_connect()) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Reports whether the connection broke after the request was sent, so that it may have arrived.
pub fn is_interrupted(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Service(_) | kube::Error::HyperError(_)) && !not_sent(error)
}

impl<B> Policy<Request<Body>, Response<B>, BoxError> for RetryPolicy {
    type Future = Sleep;

    fn retry(
        &mut self,
        request: &mut Request<Body>,
        result: &mut Result<Response<B>, BoxError>,
    ) -> Option<Self::Future> {
        let again = match result {
            Ok(response) => match response.status() {
                StatusCode::TOO_MANY_REQUESTS => true,
                // A proxy in front of an API server that is away.
                StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                    self.outages.api_server_is_away();
                    is_idempotent(request)
                }
                StatusCode::SERVICE_UNAVAILABLE => {
                    self.outages.api_server_is_away();
                    true
                }
                StatusCode::FORBIDDEN => self.was_unavailable(),
                _ => {
                    self.outages.api_server_answers();
                    false
                }
            },
            Err(error) => {
                self.outages.api_server_is_away();
                not_sent(error.as_ref()) || is_idempotent(request)
            }
        };
        if !again {
            return None;
        }
        if let Err(error) = result
            && self.attempts == 0
        {
            tracing::debug!("the API server does not answer ({error}); retrying for {} s", TIME_LIMIT.as_secs());
        }
        self.pause(retry_after(result))
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        let mut copy = Request::new(request.body().try_clone()?);
        copy.method_mut().clone_from(request.method());
        copy.uri_mut().clone_from(request.uri());
        copy.headers_mut().clone_from(request.headers());
        copy.extensions_mut().clone_from(request.extensions());
        Some(copy)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn request(method: Method, uri: &str) -> Request<Body> {
        Request::builder().method(method).uri(uri).body(Body::empty()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn retries_on_a_busy_server_for_a_minute() {
        let mut policy = RetryPolicy::default();
        let mut tries = 0;
        loop {
            let mut answer: Result<Response<()>, BoxError> =
                Ok(Response::builder().status(StatusCode::TOO_MANY_REQUESTS).body(()).unwrap());
            match policy.retry(&mut request(Method::POST, "/api/v1/pods"), &mut answer) {
                Some(pause) => pause.await,
                None => break,
            }
            tries += 1;
        }
        assert!((30..60).contains(&tries), "{tries}");
    }

    #[tokio::test]
    async fn repeats_only_idempotent_requests_that_may_have_arrived() {
        let broken = || -> Result<Response<()>, BoxError> { Err("connection reset".into()) };
        let retried = |method, uri| RetryPolicy::default().retry(&mut request(method, uri), &mut broken()).is_some();
        assert!(!retried(Method::POST, "/api/v1/pods"));
        assert!(retried(Method::GET, "/api/v1/pods") && retried(Method::DELETE, "/api/v1/pods"));
        assert!(!retried(Method::GET, "/api/v1/pods?watch=true&timeoutSeconds=5"));
        let command = format!("/api/v1/namespaces/a/pods/web/exec?&stdout=true&container={UNIT_CONTAINER}&command=x");
        assert!(!retried(Method::GET, &command) && retried(Method::GET, &command.replace(UNIT_CONTAINER, "agent")));
    }

    #[tokio::test(start_paused = true)]
    async fn retries_refusals_only_after_an_outage() {
        let client = RetryPolicy::default();
        let refused = |mut request_state: RetryPolicy| {
            let mut answer: Result<Response<()>, BoxError> =
                Ok(Response::builder().status(StatusCode::FORBIDDEN).body(()).unwrap());
            request_state.retry(&mut request(Method::POST, "/api/v1/pods"), &mut answer).is_none()
        };
        assert!(refused(client.clone()));
        let mut broken: Result<Response<()>, BoxError> = Err("connection reset".into());
        client.clone().retry(&mut request(Method::GET, "/"), &mut broken);
        assert!(!refused(client.clone()));
        tokio::time::sleep(RESTART_WINDOW).await;
        assert!(refused(client));
    }

    #[test]
    fn does_not_retry_after_an_answer() {
        let mut answer: Result<Response<()>, BoxError> =
            Ok(Response::builder().status(StatusCode::NOT_FOUND).body(()).unwrap());
        assert!(RetryPolicy::default().retry(&mut request(Method::GET, "/"), &mut answer).is_none());
    }
}
