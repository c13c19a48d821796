//! A single GET over TCP or TLS, with limits.
//!
//! It follows no redirects and adds no credentials. `hyper-rustls` would replace only `connect`, and the
//! agent needs `tokio-rustls` anyway.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::header::{HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode};
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
/// Pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(300);

/// A complete answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
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
        let request = request(target, headers)?;
        let whole = async {
            let stream = match self.connect(target).await {
                Ok(stream) => stream,
                Err(_) => {
                    tokio::time::sleep(PAUSE).await;
                    self.connect(target).await.map_err(|why| unreachable(target, &why))?
                }
            };
            exchange(target, stream, request, longest).await
        };
        let late = format!("no complete answer within {} s", PATIENCE.as_secs());
        tokio::time::timeout(PATIENCE, whole).await.unwrap_or_else(|_| Err(unreachable(target, &late)))
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

fn request(target: &Target, headers: HeaderMap) -> Result<Request<Empty<Bytes>>, WebError> {
    let unsendable = |e: hyper::http::Error| WebError::Other(format!("{} cannot be asked: {e}", target.authority()));
    let mut request =
        Request::get(&target.path).header(HOST, target.authority()).body(Empty::new()).map_err(unsendable)?;
    request.headers_mut().extend(headers);
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(concat!("dayfly/", env!("CARGO_PKG_VERSION"))));
    Ok(request)
}

async fn exchange(
    target: &Target,
    stream: Box<dyn Stream>,
    request: Request<Empty<Bytes>>,
    longest: usize,
) -> Result<Answer, WebError> {
    let broken = |e: hyper::Error| unreachable(target, &e.to_string());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // Ends with the sender and the body; its errors come back through them.
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.map_err(broken)?.into_parts();
    let body = Limited::new(body, longest).collect().await.map_err(|e| {
        if e.is::<LengthLimitError>() {
            let (from, mebibytes) = (target.authority(), longest / (1024 * 1024));
            return WebError::Other(format!("{from} sends more than {mebibytes} MiB for it: check the name"));
        }
        unreachable(target, &e.to_string())
    })?;
    Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
}

fn unreachable(target: &Target, why: &str) -> WebError {
    WebError::Unreachable(format!("{}: {}", target.authority(), printable(why)))
}
