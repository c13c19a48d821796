//! A single HTTP exchange, sent exactly as written.
//!
//! No redirects, no reuse of connections, no normalisation of paths.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::timeouts::patiently;
use super::{io_error, net, tls};

/// Maximum size of an answer, in bytes.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// A URL, split so that the path stays as written.
#[derive(Debug, PartialEq)]
pub(super) struct Target {
    pub tls: bool,
    pub host: String,
    pub port: u16,
    pub path: String,
    /// Its address, if the resolver is not used.
    pub at: Option<String>,
}

impl Target {
    /// Splits `http://host[:port][/path][?query]`.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (tls, rest) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(format!("`{url}` does not start with http:// or https://")),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let standard = if tls { 443 } else { 80 };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| format!("`{url}` has an invalid port: `{port}`"))?)
            }
            _ => (authority, standard),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains('@') {
            return Err(format!("`{url}` has no host"));
        }
        Ok(Self { tls, host: host.to_owned(), port, path, at: None })
    }

    /// Returns `host:port`, with an IPv6 address in brackets.
    pub fn authority(&self) -> String {
        authority(&self.host, self.port)
    }
}

/// `host:port`, an IPv6 address in brackets.
pub(super) fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A request.
#[derive(Default)]
pub(super) struct Outgoing<'a> {
    pub method: &'a str,
    pub headers: Vec<(&'a str, &'a str)>,
    pub body: Bytes,
    /// Unless the headers have one.
    pub content_type: Option<&'a str>,
}

/// An answer.
pub(super) struct Incoming {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// The failure of an exchange.
pub(super) enum NoAnswer {
    /// The request is invalid.
    Unsendable(String),
    /// The network, TLS or the peer failed.
    Broken(String),
    /// The machine was so busy that the silence proves nothing about the peer.
    Busy(String),
}

impl From<net::NotReached> for NoAnswer {
    fn from(why: net::NotReached) -> Self {
        if why.busy { Self::Busy(why.to_string()) } else { Self::Broken(why.to_string()) }
    }
}

/// Sends a request and reads the complete answer, within the limits of the connection and of the whole.
pub(super) async fn exchange(
    connector: &TlsConnector,
    target: &Target,
    outgoing: Outgoing<'_>,
    (connect, limit): (Duration, Duration),
) -> Result<Incoming, NoAnswer> {
    let request = build(target, outgoing).map_err(NoAnswer::Unsendable)?;
    let whole = async {
        let host = target.at.as_ref().unwrap_or(&target.host);
        let stream = net::connect(&authority(host, target.port), connect).await?;
        let answer = if target.tls {
            match tls::wrap(connector, &target.host, stream).await {
                Ok(stream) => send(stream, request).await,
                Err(e) => Err(format!("TLS: {}", io_error::text(&e))),
            }
        } else {
            send(stream, request).await
        };
        answer.map_err(NoAnswer::Broken)
    };
    patiently(limit, whole).await.unwrap_or_else(|end| Err(net::NotReached::from(end).into()))
}

fn build(target: &Target, outgoing: Outgoing<'_>) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::builder().method(outgoing.method).uri(&target.path);
    let has = |name: &str| outgoing.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
    if !has("host") {
        request = request.header(HOST, target.authority());
    }
    if let Some(content_type) = outgoing.content_type.filter(|_| !has("content-type")) {
        request = request.header(CONTENT_TYPE, content_type);
    }
    for (name, value) in outgoing.headers {
        request = request.header(name, value);
    }
    request.body(Full::new(outgoing.body)).map_err(|e| format!("the request is invalid: {e}"))
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Incoming, String> {
    let broke = |e: hyper::Error| format!("the connection broke: {e}");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broke)?;
    let answer = async {
        let (head, body) = sender.send_request(request).await.map_err(broke)?.into_parts();
        let body = Limited::new(body, MAX_BODY)
            .collect()
            .await
            .map_err(|e| format!("the body of the answer is incomplete: {e}"))?;
        Ok(Incoming { status: head.status, headers: head.headers, body: body.to_bytes() })
    };
    tokio::pin!(answer);
    // The connection must be driven while the answer is awaited.
    tokio::select! {
        answer = &mut answer => answer,
        _ = connection => answer.await,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn target(tls: bool, host: &str, port: u16, path: &str) -> Target {
        Target { tls, host: host.into(), port, path: path.into(), at: None }
    }

    #[test]
    fn a_path_stays_as_it_was_written() {
        let raw = Target::parse("http://file-api:3003/v1/p11/..%2f../%2e%2e/x?a=1&b=/../c").unwrap();
        assert_eq!(raw, target(false, "file-api", 3003, "/v1/p11/..%2f../%2e%2e/x?a=1&b=/../c"));
        let request = build(&raw, Outgoing { method: "GET", ..Outgoing::default() }).unwrap();
        assert_eq!(request.uri().to_string(), raw.path);
    }

    #[test]
    fn ports_and_paths_have_their_usual_defaults() {
        assert_eq!(Target::parse("https://edge").unwrap(), target(true, "edge", 443, "/"));
        assert_eq!(Target::parse("http://a?x=1").unwrap(), target(false, "a", 80, "/?x=1"));
        assert_eq!(Target::parse("http://[::1]:8080/").unwrap(), target(false, "::1", 8080, "/"));
        assert_eq!(Target::parse("http://[::1]").unwrap().authority(), "[::1]:80");
    }

    #[test]
    fn a_url_without_scheme_host_or_port_number_is_refused() {
        for url in ["ftp://a/", "http:///x", "http://a:b/", "http://user@a/"] {
            assert!(Target::parse(url).is_err(), "{url}");
        }
    }
}
