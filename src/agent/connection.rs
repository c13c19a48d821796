//! The connection to an agent: its pending requests, and the tasks that write, read and watch it.
//!
//! A connection may die without a word, as when a node loses its power. So one that is silent while a request waits is asked
//! for a sign of life, and is lost without one.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::protocol::{AgentRequest, AgentResponse, RequestEnvelope, ResponseEnvelope};
use super::seal::{self, Seal};

/// Pause between two looks at a connection. Silence is counted in looks, so that time in which this process itself did not
/// run counts as one look at most.
const LOOK: Duration = Duration::from_secs(1);
/// Looks without a sign of life before a ping, and between pings.
const PING_AFTER: u32 = 5;
/// Looks without a sign of life after which the agent is lost.
const LOST_AFTER: u32 = 20;
/// Bytes per write. Each completed one but the last of a line shows that the connection lives.
const PIECE: usize = 32 * 1024;

/// The agent is gone, or does not answer; the message completes "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("get an answer from the agent: {reason}")]
pub struct AgentLost {
    /// The reason.
    pub reason: String,
    /// A line was not the agent's own: nothing at this position can be judged any more.
    pub interfered: bool,
    /// The request may have reached the agent, and may have had its effect.
    pub sent: bool,
}

/// A request that may have had its effect, and has no answer.
pub fn lost(reason: impl Into<String>) -> AgentLost {
    AgentLost { reason: reason.into(), interfered: false, sent: true }
}

/// The state of a connection.
#[derive(Default)]
pub struct Connection {
    pending: Mutex<Pending>,
    /// Cancelled when it is lost, so that nobody waits for the other side any more.
    ended: CancellationToken,
}

#[derive(Default)]
struct Pending {
    /// The last number that was given to a request.
    last: u64,
    waiting: HashMap<u64, mpsc::UnboundedSender<AgentResponse>>,
    lost: Option<AgentLost>,
    /// Looks since the last sign of life while a request waits.
    silent: u32,
}

/// The next action of the watch.
enum Look {
    Wait,
    Ping(u64),
    End,
}

impl Connection {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reason why it has ended, if it has.
    pub fn lost(&self) -> Option<AgentLost> {
        self.pending().lost.clone()
    }

    /// Numbers a request. Fails if the connection has ended: then nothing is sent.
    pub fn begin(&self) -> Result<(mpsc::UnboundedReceiver<AgentResponse>, PendingRequest<'_>), AgentLost> {
        let (sender, answers) = mpsc::unbounded_channel();
        let mut pending = self.pending();
        if let Some(lost) = &pending.lost {
            return Err(AgentLost { sent: false, ..lost.clone() });
        }
        pending.last += 1;
        let id = pending.last;
        pending.waiting.insert(id, sender);
        Ok((answers, PendingRequest { id, connection: self }))
    }

    /// Records the first reason and fails all pending requests.
    pub fn lose(&self, reason: String) {
        let mut pending = self.pending();
        pending.lost.get_or_insert(lost(reason));
        pending.waiting.clear();
        self.ended.cancel();
    }

    /// Like `lose`, if a line was not the agent's own, which outweighs an earlier reason.
    fn interfere(&self, reason: String) {
        let mut pending = self.pending();
        pending.lost.take_if(|lost| !lost.interfered);
        pending.lost.get_or_insert(AgentLost { interfered: true, ..lost(reason) });
        pending.waiting.clear();
        self.ended.cancel();
    }

    fn sign_of_life(&self) {
        self.pending().silent = 0;
    }

    fn look(&self) -> Look {
        let mut pending = self.pending();
        if pending.lost.is_some() {
            return Look::End;
        }
        if pending.waiting.is_empty() {
            pending.silent = 0;
            return Look::Wait;
        }
        pending.silent += 1;
        if pending.silent >= LOST_AFTER {
            return Look::End;
        }
        if pending.silent.is_multiple_of(PING_AFTER) {
            pending.last += 1;
            return Look::Ping(pending.last);
        }
        Look::Wait
    }

    /// Returns false if the answer belongs to no request. The caller of a request may have stopped waiting.
    fn deliver(&self, reply: ResponseEnvelope) -> bool {
        let mut pending = self.pending();
        if matches!(reply.answer, AgentResponse::Waiting { .. }) {
            if let Some(requester) = pending.waiting.get(&reply.id) {
                requester.send(reply.answer).ok();
            }
        } else if let Some(requester) = pending.waiting.remove(&reply.id) {
            requester.send(reply.answer).ok();
        }
        (1..=pending.last).contains(&reply.id)
    }
}

/// Forgets a request when its caller stops waiting.
pub struct PendingRequest<'a> {
    id: u64,
    connection: &'a Connection,
}

impl PendingRequest<'_> {
    pub fn id(&self) -> u64 {
        self.id
    }
}

impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        self.connection.pending().waiting.remove(&self.id);
    }
}

/// Pings a silent agent while a request waits, and loses one that stays silent.
pub async fn watch(lines: mpsc::WeakUnboundedSender<String>, connection: Arc<Connection>) {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is immediate.
    looks.tick().await;
    loop {
        looks.tick().await;
        match connection.look() {
            Look::Wait => {}
            Look::Ping(id) => {
                let ping = serde_json::to_string(&RequestEnvelope { id, ask: AgentRequest::Ping });
                if let (Ok(ping), Some(lines)) = (ping, lines.upgrade()) {
                    lines.send(ping).ok();
                }
            }
            Look::End => return connection.lose(format!("it has given no sign of life for {LOST_AFTER} s")),
        }
    }
}

/// Writes the opening and each line, until the last client is gone or the connection is lost.
pub async fn write(
    input: Pin<Box<dyn AsyncWrite + Send>>,
    opening: String,
    seal: Seal,
    lines: mpsc::UnboundedReceiver<String>,
    connection: Arc<Connection>,
) {
    connection.ended.run_until_cancelled(write_lines(input, opening, seal, lines, &connection)).await;
}

async fn write_lines(
    mut input: Pin<Box<dyn AsyncWrite + Send>>,
    opening: String,
    mut seal: Seal,
    mut lines: mpsc::UnboundedReceiver<String>,
    connection: &Connection,
) {
    let mut next = Some(opening);
    while let Some(line) = next {
        let written = async {
            let (pieces, last) = line.as_bytes().split_at(line.len() - line.len() % PIECE);
            for piece in pieces.chunks(PIECE) {
                input.write_all(piece).await?;
                connection.sign_of_life();
            }
            input.write_all(last).await?;
            input.flush().await
        };
        if let Err(error) = written.await {
            return connection.lose(format!("it accepts no requests: {error}"));
        }
        next = match lines.recv().await.map(|text| seal.write(&text)) {
            Some(Some(line)) => Some(line),
            Some(None) => return connection.lose(format!("a request is longer than {} bytes", seal::LONGEST_LINE)),
            None => None,
        };
    }
    // The last client is gone, so a failed shutdown does not matter.
    input.shutdown().await.ok();
}

/// Delivers each answer, until the connection ends or a line is not the agent's own.
pub async fn read(
    output: Pin<Box<dyn AsyncRead + Send>>,
    mut seal: Seal,
    connection: Arc<Connection>,
    suspect: String,
) {
    let mut output = BufReader::new(Heard { output, connection: connection.clone() });
    loop {
        let misfit = match seal::read_line(&mut output).await {
            Ok(Some(line)) => match seal.check(&line).map(serde_json::from_str::<ResponseEnvelope>) {
                Some(Ok(reply)) => {
                    if connection.deliver(reply) {
                        continue;
                    }
                    "it answers no request".to_owned()
                }
                Some(Err(error)) => return connection.lose(format!("its answer is invalid: {error}")),
                None => format!("`{}`", line.chars().take(100).collect::<String>()),
            },
            Ok(None) => return connection.lose("its connection ended".into()),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => error.to_string(),
            Err(error) => return connection.lose(format!("its connection broke: {error}")),
        };
        let reason =
            format!("{suspect} interfered with its connection, on which came a line that is not its own: {misfit}");
        // Whoever wrote one line may write more, so the connection is not used again.
        return connection.interfere(reason);
    }
}

/// A reader for which everything that arrives is a sign of life.
struct Heard {
    output: Pin<Box<dyn AsyncRead + Send>>,
    connection: Arc<Connection>,
}

impl AsyncRead for Heard {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let read = self.output.as_mut().poll_read(cx, buf);
        if buf.filled().len() > before {
            self.connection.sign_of_life();
        }
        read
    }
}
