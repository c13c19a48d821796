//! The agent's loop: reads its context, then serves concurrent requests until its input ends.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::protocol::{AgentRequest, AgentResponse, Opening, RequestEnvelope, ResponseEnvelope};
use super::seal::{Direction, Key, LONGEST_LINE, Seal, read_line};
use super::state::{AgentState, Progress};
use super::timeouts::CONNECT;
use super::{net, ready, status, step, tls};

/// An error that ends the agent; messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The first line is not a valid opening.
    #[error("read the context on standard input: {0}")]
    Context(String),
    /// The kernel does not protect the process.
    #[error("protect this process from others: {0}")]
    Unprotected(std::io::Error),
    /// A line on standard input does not come from the client.
    #[error("authenticate a request on standard input")]
    Forged,
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
    let (lines, mut incoming) = mpsc::channel(1);
    let mut input = BufReader::new(input);
    let Some(first) = read_line(&mut input).await.map_err(stream("read standard input"))? else { return Ok(()) };
    let Opening { key, context } = serde_json::from_str(&first)
        .map_err(|e| AgentError::Context(format!("this version of dayfly does not support it ({:?})", e.classify())))?;
    let key = Key::from_hex(&key).ok_or_else(|| AgentError::Context("its key is invalid".into()))?;
    let mut seal = key.seal(Direction::Request);
    let (http, amqp) = tls::connectors(&context.ca).map_err(AgentError::Authority)?;
    let state = Arc::new(AgentState::new(context, http, amqp)?);
    let (replies, outgoing) = mpsc::unbounded_channel();
    let mut writer = JoinSet::new();
    writer.spawn(write(output, key.seal(Direction::Answer), outgoing));
    let mut requests = Requests { state, replies, running: JoinSet::new(), ids: HashMap::new() };
    let reading = read_lines(input, lines);
    tokio::pin!(reading);
    let mut read = false;
    loop {
        tokio::select! {
            line = incoming.recv() => match line.transpose().map_err(stream("read standard input"))? {
                Some(line) => requests.start(seal.check(&line).ok_or(AgentError::Forged)?),
                None => return Ok(()),
            },
            // `read_line` may not be cancelled, so this future lives as long as the loop.
            () = &mut reading, if !read => read = true,
            Some(ended) = requests.running.join_next_with_id() => requests.ended(ended),
            Some(written) = writer.join_next() => return written.unwrap_or(Ok(())),
        }
    }
}

/// The number of a request that cannot be read, for its answer.
#[derive(serde::Deserialize)]
struct Numbered {
    id: u64,
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
            // The position reveals no content.
            Err(error) => {
                tracing::warn!("invalid request ({:?} error at column {})", error.classify(), error.column());
                if let Ok(Numbered { id }) = serde_json::from_str(line) {
                    let message = "this agent is of another version of dayfly, which does not know this request".into();
                    self.replies.send(ResponseEnvelope { id, answer: AgentResponse::Error { message } }).ok();
                }
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
        AgentRequest::Ping => AgentResponse::Pong,
    }
}

async fn read_lines(mut input: impl tokio::io::AsyncBufRead + Unpin, lines: mpsc::Sender<std::io::Result<String>>) {
    while let Some(line) = read_line(&mut input).await.transpose() {
        let broken = line.is_err();
        if lines.send(line).await.is_err() || broken {
            return;
        }
    }
}

/// Replaces an answer that exceeds the limit.
fn too_long(seal: &mut Seal, id: u64) -> Option<String> {
    let answer = AgentResponse::Error { message: format!("the answer is longer than {LONGEST_LINE} bytes") };
    seal.write(&serde_json::to_string(&ResponseEnvelope { id, answer }).ok()?)
}

/// Closes this process's memory and streams to processes of the same user.
pub fn protect() -> Result<(), AgentError> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(|e| AgentError::Unprotected(e.into()))
}

async fn write(
    mut output: impl AsyncWrite + Unpin,
    mut seal: Seal,
    mut replies: mpsc::UnboundedReceiver<ResponseEnvelope>,
) -> Result<(), AgentError> {
    while let Some(reply) = replies.recv().await {
        let Ok(text) = serde_json::to_string(&reply) else { continue };
        let Some(line) = seal.write(&text).or_else(|| too_long(&mut seal, reply.id)) else { continue };
        let written = async {
            output.write_all(line.as_bytes()).await?;
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
