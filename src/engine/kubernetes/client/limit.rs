//! Limits each request: an API server that says nothing any more is away. Watches and followed logs may be silent once they
//! have begun; their readers notice the silence themselves. An answer counts when it is complete, so that one that breaks off
//! is repeated like one that never began; only logs, which may be large, are passed on as they come.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::UPGRADE;
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use kube::client::Body;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tower::{BoxError, Layer, Service};

/// Longest silence of the API server. Admission webhooks may take 30 s.
const LIMIT: Duration = Duration::from_secs(35);

/// The API server was silent for too long.
#[derive(Debug, thiserror::Error)]
#[error("the API server did not answer within {} s", LIMIT.as_secs())]
struct Silent;

/// Adds the limit to a client.
#[derive(Debug, Clone, Copy)]
pub struct LimitLayer;

impl<S> Layer<S> for LimitLayer {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited(inner)
    }
}

/// A client whose requests are limited.
#[derive(Debug, Clone)]
pub struct Limited<S>(S);

impl<S, B> Service<Request<Body>> for Limited<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<UnsyncBoxBody<Bytes, BoxError>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (streams, log) = (streams(&request), request.uri().path().ends_with("/log"));
        let answer = self.0.call(request);
        Box::pin(async move {
            let response = timeout(LIMIT, answer).await.map_err(|_| Silent)??;
            let limit = (!streams).then(|| Box::pin(sleep(LIMIT)));
            let response = response.map(|body| LimitedBody { body: Box::pin(body), limit });
            if streams || log {
                return Ok(response.map(BodyExt::boxed_unsync));
            }
            let (parts, body) = response.into_parts();
            let complete = Full::new(body.collect().await?.to_bytes());
            Ok(Response::from_parts(parts, complete.map_err(|never| match never {}).boxed_unsync()))
        })
    }
}

/// Reports whether the answer goes on as long as the caller wants.
fn streams(request: &Request<Body>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    request.headers().contains_key(UPGRADE) || query.split('&').any(|p| p == "watch=true" || p == "follow=true")
}

/// A body that breaks if it is silent for too long.
struct LimitedBody<B> {
    body: Pin<Box<B>>,
    limit: Option<Pin<Box<Sleep>>>,
}

impl<B> HttpBody for LimitedBody<B>
where
    B: HttpBody<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = self.body.as_mut().poll_frame(cx) {
            if let Some(limit) = &mut self.limit {
                limit.as_mut().reset(Instant::now() + LIMIT);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        match &mut self.limit {
            Some(limit) => {
                ready!(limit.as_mut().poll(cx));
                Poll::Ready(Some(Err(Silent.into())))
            }
            None => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn streamed(uri: &str) -> bool {
        streams(&Request::builder().uri(uri).body(Body::empty()).unwrap())
    }

    #[test]
    fn watches_and_followed_logs_may_be_silent() {
        assert!(streamed("/api/v1/pods?watch=true&timeoutSeconds=60") && streamed("/log?container=a&follow=true"));
        assert!(!streamed("/api/v1/pods?limit=500") && !streamed("/log?container=a"));
        let exec = Request::builder().uri("/exec").header(UPGRADE, "websocket").body(Body::empty()).unwrap();
        assert!(streams(&exec));
    }
}
