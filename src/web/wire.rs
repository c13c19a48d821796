//! A single request over TCP or TLS, with limits.
//!
//! It follows no redirects and adds no credentials. `hyper-rustls` would replace only `connect`, and the
//! agent needs `tokio-rustls` anyway.

use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::target::Target;
use super::{WebError, printable};

/// Time limit of a request, including a second attempt to connect.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest time without a piece of a body.
const SILENCE: Duration = Duration::from_secs(60);
/// Pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(300);

/// A complete answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// An answer of which only the head was read.
pub struct OpenAnswer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    body: Incoming,
    target: Target,
    /// Keeps the connection.
    _sender: SendRequest<Full<Bytes>>,
}

/// Sends requests. The machine's trusted roots are read once, at the first use of TLS.
#[derive(Default)]
pub struct Wire {
    tls: OnceLock<Result<TlsConnector, String>>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

impl Wire {
    /// Sends one GET and reads the whole answer, whose body may have `longest` bytes.
    pub async fn get(&self, target: &Target, headers: HeaderMap, longest: usize) -> Result<Answer, WebError> {
        let whole = async {
            self.begin(request(Method::GET, target, headers, Bytes::new())?, target).await?.collect(longest).await
        };
        in_time(target, whole).await
    }

    /// Sends one request with a body, once: whoever does not know whether it arrived must look. Reads the whole answer.
    pub async fn send(
        &self,
        method: Method,
        target: &Target,
        headers: HeaderMap,
        body: Bytes,
        longest: usize,
    ) -> Result<Answer, WebError> {
        let whole = async { self.begin(request(method, target, headers, body)?, target).await?.collect(longest).await };
        in_time(target, whole).await
    }

    /// Sends one GET and reads the head of the answer.
    pub async fn open(&self, target: &Target, headers: HeaderMap) -> Result<OpenAnswer, WebError> {
        in_time(target, self.begin(request(Method::GET, target, headers, Bytes::new())?, target)).await
    }

    async fn begin(&self, request: Request<Full<Bytes>>, target: &Target) -> Result<OpenAnswer, WebError> {
        let stream = match self.connect(target).await {
            Ok(stream) => stream,
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                self.connect(target).await.map_err(|why| unreachable(target, &why))?
            }
        };
        exchange(target, stream, request).await
    }

    async fn connect(&self, target: &Target) -> Result<Box<dyn Stream>, String> {
        let stream = TcpStream::connect((target.bare_host(), target.port)).await.map_err(|e| e.to_string())?;
        if !target.tls {
            return Ok(Box::new(stream));
        }
        let connector = self.tls.get_or_init(connector).as_ref().map_err(Clone::clone)?;
        let name = ServerName::try_from(target.bare_host().to_owned())
            .map_err(|_| "its host cannot be a name in a certificate".to_owned())?;
        let stream = connector.connect(name, stream).await.map_err(|e| format!("TLS: {e}"))?;
        Ok(Box::new(stream))
    }
}

/// Trusts what this machine trusts.
fn connector() -> Result<TlsConnector, String> {
    // Named, because no provider is installed for the whole process.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|e| format!("TLS cannot be used: {e}; install ca-certificates"))?;
    Ok(TlsConnector::from(Arc::new(config.with_no_client_auth())))
}

fn request(method: Method, target: &Target, headers: HeaderMap, body: Bytes) -> Result<Request<Full<Bytes>>, WebError> {
    let unsendable = |e: hyper::http::Error| WebError::Other(format!("{} cannot be asked: {e}", target.authority()));
    let request = Request::builder().method(method).uri(&target.path).header(HOST, target.authority());
    let mut request = request.body(Full::new(body)).map_err(unsendable)?;
    request.headers_mut().extend(headers);
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(concat!("dayfly/", env!("CARGO_PKG_VERSION"))));
    Ok(request)
}

impl OpenAnswer {
    /// Reads the whole body, which may have `longest` bytes.
    pub async fn whole(self, longest: usize) -> Result<Answer, WebError> {
        let target = self.target.clone();
        in_time(&target, self.collect(longest)).await
    }

    /// The next piece of the body; none at its end. A piece may take as long as a whole answer.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, WebError> {
        loop {
            let frame = tokio::time::timeout(SILENCE, self.body.frame()).await;
            let silent = |_| unreachable(&self.target, &format!("it sent nothing for {} s", SILENCE.as_secs()));
            match frame.map_err(silent)? {
                None => return Ok(None),
                Some(Err(e)) => return Err(unreachable(&self.target, &e.to_string())),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    async fn collect(self, longest: usize) -> Result<Answer, WebError> {
        let Self { status, headers, body, target, _sender } = self;
        let body = Limited::new(body, longest).collect().await.map_err(|e| {
            if e.is::<LengthLimitError>() {
                let (from, mebibytes) = (target.authority(), longest / (1024 * 1024));
                return WebError::Other(format!("{from} sends more than {mebibytes} MiB for it: check the name"));
            }
            unreachable(&target, &e.to_string())
        })?;
        Ok(Answer { status, headers, body: body.to_bytes() })
    }
}

async fn in_time<T>(target: &Target, answer: impl Future<Output = Result<T, WebError>>) -> Result<T, WebError> {
    let late = format!("no complete answer within {} s", PATIENCE.as_secs());
    tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(unreachable(target, &late)))
}

async fn exchange(
    target: &Target,
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
) -> Result<OpenAnswer, WebError> {
    let broken = |e: hyper::Error| unreachable(target, &e.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // Ends with the sender and the body; its errors come back through them.
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
    Ok(OpenAnswer { status: head.status, headers: head.headers, body, target: target.clone(), _sender: sender })
}

fn unreachable(target: &Target, why: &str) -> WebError {
    WebError::Unreachable(format!("{}: {}", target.authority(), printable(why)))
}
