//! The agent's loop: reads its context, then serves concurrent requests until its input ends.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::protocol::{AgentContext, AgentRequest, AgentResponse, RequestEnvelope, ResponseEnvelope};
use super::state::{AgentState, Progress};
use super::timeouts::CONNECT;
use super::{net, ready, status, step, tls};

/// An error that ends the agent; messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The first line is not a valid context.
    #[error("read the context on standard input: {0}")]
    Context(String),
    /// The certificate authority of the context is invalid.
    #[error("trust the environment's certificate authority: {0}")]
    Authority(String),
    /// The secrets of the context are too many to search for.
    #[error("search for the secrets of the context: {0}")]
    Secrets(#[from] aho_corasick::BuildError),
    /// A stream broke.
    #[error("{what}: {source}")]
    Stream {
        /// The operation, as a verb phrase.
        what: String,
        /// The system's error.
        source: std::io::Error,
    },
}

fn stream(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> AgentError {
    move |source| AgentError::Stream { what: what.into(), source }
}

/// Serves one connection until `input` ends, then aborts running requests.
pub async fn serve(
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin + Send + 'static,
) -> Result<(), AgentError> {
    // Fails only if a provider is installed already.
    rustls::crypto::ring::default_provider().install_default().ok();
    let mut lines = BufReader::new(input).lines();
    let Some(first) = lines.next_line().await.map_err(stream("read standard input"))? else { return Ok(()) };
    let context: AgentContext = serde_json::from_str(&first)
        .map_err(|e| AgentError::Context(format!("this version of dayfly does not support it ({:?})", e.classify())))?;
    let (http, amqp) = tls::connectors(&context.ca).map_err(AgentError::Authority)?;
    let state = Arc::new(AgentState::new(context, http, amqp)?);
    let (replies, outgoing) = mpsc::unbounded_channel();
    let mut writer = JoinSet::new();
    writer.spawn(write(output, outgoing));
    let mut requests = Requests { state, replies, running: JoinSet::new(), ids: HashMap::new() };
    loop {
        tokio::select! {
            line = lines.next_line() => match line.map_err(stream("read standard input"))? {
                Some(line) => requests.start(&line),
                None => return Ok(()),
            },
            Some(ended) = requests.running.join_next_with_id() => requests.ended(ended),
            Some(written) = writer.join_next() => return written.unwrap_or(Ok(())),
        }
    }
}

struct Requests {
    state: Arc<AgentState>,
    replies: mpsc::UnboundedSender<ResponseEnvelope>,
    running: JoinSet<AgentResponse>,
    ids: HashMap<tokio::task::Id, u64>,
}

impl Requests {
    fn start(&mut self, line: &str) {
        match serde_json::from_str::<RequestEnvelope>(line) {
            Ok(RequestEnvelope { id, ask }) => {
                let progress = Progress { id, state: self.state.clone(), replies: self.replies.clone() };
                let task = self.running.spawn(answer(self.state.clone(), ask, progress));
                self.ids.insert(task.id(), id);
            }
            // Without an id, no answer is possible. The position reveals no content.
            Err(error) => {
                tracing::warn!("invalid request ({:?} error at column {})", error.classify(), error.column());
            }
        }
    }

    fn ended(&mut self, ended: Result<(tokio::task::Id, AgentResponse), tokio::task::JoinError>) {
        let (task, answer) = match ended {
            Ok((task, answer)) => (task, answer),
            Err(error) => (
                error.id(),
                AgentResponse::Error { message: "the agent panicked on this request; see its standard error".into() },
            ),
        };
        if let Some(id) = self.ids.remove(&task) {
            self.replies.send(ResponseEnvelope { id, answer: self.state.redacted(answer) }).ok();
        }
    }
}

async fn answer(state: Arc<AgentState>, ask: AgentRequest, progress: Progress) -> AgentResponse {
    match ask {
        AgentRequest::Ready { unit, ready, within_ms, at } => {
            state.set_address(&unit, at);
            ready::wait(&state, &unit, &ready, within_ms, &progress).await
        }
        AgentRequest::Step { action, within_ms } => step::perform(&state, &action, within_ms).await,
        AgentRequest::Reach { addresses, timeout_ms } => net::reach(addresses, timeout_ms).await,
        AgentRequest::Names { names, servers, timeout_ms } => net::names(names, servers, timeout_ms).await,
        AgentRequest::Listen { port } => net::listen(&state, port).await,
        AgentRequest::Status => status::answer().await,
    }
}

async fn write(
    mut output: impl AsyncWrite + Unpin,
    mut replies: mpsc::UnboundedReceiver<ResponseEnvelope>,
) -> Result<(), AgentError> {
    while let Some(reply) = replies.recv().await {
        let Ok(mut line) = serde_json::to_vec(&reply) else { continue };
        line.push(b'\n');
        let written = async {
            output.write_all(&line).await?;
            output.flush().await
        };
        match written.await {
            Ok(()) => {}
            // The other side closed the connection.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(stream("write standard output")(error)),
        }
    }
    Ok(())
}

/// Relays `input` and `output` to a TCP connection to `host:port`, until the peer closes or both directions ended.
pub async fn dial(
    to: &str,
    mut input: impl AsyncRead + Unpin,
    mut output: impl AsyncWrite + Unpin,
) -> Result<(), AgentError> {
    let connected = tokio::time::timeout(CONNECT, TcpStream::connect(to))
        .await
        .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
    let (mut from, mut into) = connected.map_err(stream(format!("connect to {to}")))?.into_split();
    let up = async {
        tokio::io::copy(&mut input, &mut into).await?;
        into.shutdown().await
    };
    let down = async {
        tokio::io::copy(&mut from, &mut output).await?;
        output.flush().await
    };
    tokio::pin!(up, down);
    // If the peer closes, nothing is left to send. If the input ends, the peer may still answer.
    let relayed = tokio::select! {
        done = &mut down => done,
        sent = &mut up => match sent { Ok(()) => down.await, Err(error) => Err(error) },
    };
    relayed.map_err(stream(format!("relay to {to}")))
}
