//! JSON requests over the engine's socket that the client library does not support: podman's own endpoints, and container
//! states that only podman has.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Method, Request};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};

/// Time limit of an answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// The address of the engine.
#[derive(Debug, Clone)]
pub enum Raw {
    /// A socket file.
    Unix(String),
    /// `host:port`.
    Tcp(String),
}

/// A failed request: the status, if there was an answer, and the message.
#[derive(Debug, Clone)]
pub struct Failed {
    pub status: Option<u16>,
    pub words: String,
}

impl Failed {
    /// Returns true if the object does not exist. podman answers 500 if a container is removed during the request.
    pub fn is_gone(&self) -> bool {
        self.status == Some(404) || (self.status == Some(500) && self.words.contains("no such container"))
    }

    fn unsent(words: impl ToString) -> Self {
        Self { status: None, words: words.to_string() }
    }
}

impl Raw {
    /// Sends a GET request and parses the answer.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failed> {
        let (_, body) = self.send(Method::GET, path, None).await?;
        serde_json::from_slice(&body)
            .map_err(|e| Failed::unsent(format!("the engine's answer to {path} is invalid: {e}")))
    }

    /// Sends a GET request and returns the answer as text.
    pub async fn get_text(&self, path: &str) -> Result<String, Failed> {
        Ok(String::from_utf8_lossy(&self.send(Method::GET, path, None).await?.1).into_owned())
    }

    /// Sends a GET request and returns the headers of the answer.
    pub async fn get_headers(&self, path: &str) -> Result<HeaderMap, Failed> {
        Ok(self.send(Method::GET, path, None).await?.0)
    }

    /// Sends a POST request with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Failed> {
        let (_, answer) = self.send(Method::POST, path, Some(body)).await?;
        Ok(serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }

    /// Sends a DELETE request.
    pub async fn delete(&self, path: &str) -> Result<(), Failed> {
        self.send(Method::DELETE, path, None).await.map(drop)
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<(HeaderMap, Bytes), Failed> {
        let sent = async {
            match self {
                Self::Unix(socket) => {
                    exchange(tokio::net::UnixStream::connect(socket).await.map_err(Failed::unsent)?, method, path, body)
                        .await
                }
                Self::Tcp(address) => {
                    exchange(tokio::net::TcpStream::connect(address).await.map_err(Failed::unsent)?, method, path, body)
                        .await
                }
            }
        };
        tokio::time::timeout(PATIENCE, sent)
            .await
            .unwrap_or_else(|_| Err(Failed::unsent("the engine did not answer in time")))
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<(HeaderMap, Bytes), Failed> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(Failed::unsent)?;
    // Ends with the sender; the request reports its errors.
    tokio::spawn(connection);
    let text = body.map(Value::to_string).unwrap_or_default();
    let request =
        Request::builder().method(method).uri(path).header("host", "engine").header("content-type", "application/json");
    let request = request.body(Full::new(Bytes::from(text))).map_err(Failed::unsent)?;
    let answer = sender.send_request(request).await.map_err(Failed::unsent)?;
    let status = answer.status();
    let headers = answer.headers().clone();
    let body = answer.into_body().collect().await.map_err(Failed::unsent)?.to_bytes();
    if status.is_success() {
        return Ok((headers, body));
    }
    let said: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let said = said
        .get("message")
        .and_then(Value::as_str)
        .map_or_else(|| String::from_utf8_lossy(&body).into_owned(), str::to_owned);
    let mut words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        words = format!("it answered with status {status} and no reason");
    }
    Err(Failed { status: Some(status.as_u16()), words })
}

/// Percent-encodes the value of a query parameter.
pub fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
