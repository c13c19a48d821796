//! The client of an agent: sends numbered requests and returns each answer to its caller.
//!
//! Several tasks may send requests concurrently. When the connection ends, every pending request fails with the reason.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::protocol::{AgentContext, AgentRequest, AgentResponse, Opening, RequestEnvelope, ResponseEnvelope};
use super::seal::{self, Direction, Key, Seal};
use crate::agent::AgentLink;

/// The agent is gone; the message completes "failed to …".
#[derive(Debug, Clone, thiserror::Error)]
#[error("get an answer from the agent: {reason}")]
pub struct AgentLost {
    /// The reason.
    pub reason: String,
    /// A line was not the agent's own: nothing at this position can be judged any more.
    pub interfered: bool,
}

/// A running agent. Clones share the connection; the agent ends when the last one is dropped.
#[derive(Clone)]
pub struct AgentClient {
    inner: Arc<Inner>,
}

struct Inner {
    lines: mpsc::UnboundedSender<String>,
    pending: Arc<Mutex<Pending>>,
    reader: AbortHandle,
}

#[derive(Default)]
struct Pending {
    next: u64,
    waiting: HashMap<u64, mpsc::UnboundedSender<AgentResponse>>,
    lost: Option<AgentLost>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl AgentClient {
    /// Sends a new key and the context, and starts to read answers. Must be called in a tokio runtime.
    pub fn connect(link: AgentLink, context: AgentContext) -> Self {
        Self::open(link, context, "something else in its place".into())
    }

    /// Like `connect`, for an agent inside a unit, which is named if somebody interferes.
    pub fn connect_inside(link: AgentLink, context: AgentContext, unit: &str) -> Self {
        Self::open(link, context, format!("unit {unit}"))
    }

    fn open(link: AgentLink, context: AgentContext, suspect: String) -> Self {
        let pending = Arc::new(Mutex::new(Pending::default()));
        let (lines, outgoing) = mpsc::unbounded_channel();
        let opened = Key::generate().map_err(|error| error.to_string()).and_then(|key| {
            let opening = serde_json::to_string(&Opening { key: key.to_hex(), context }).map_err(|e| e.to_string())?;
            if opening.len() > seal::LONGEST_LINE {
                return Err(format!("its context is longer than {} bytes", seal::LONGEST_LINE));
            }
            Ok((key, opening + "\n"))
        });
        let reader = match opened {
            Ok((key, opening)) => {
                tokio::spawn(write(link.input, opening, key.seal(Direction::Request), outgoing, pending.clone()));
                tokio::spawn(read(link.output, key.seal(Direction::Answer), pending.clone(), suspect)).abort_handle()
            }
            Err(error) => {
                mark_lost(&pending, format!("its connection could not be opened: {error}"), false);
                tokio::spawn(async {}).abort_handle()
            }
        };
        Self { inner: Arc::new(Inner { lines, pending, reader }) }
    }

    /// Returns true if a line was not the agent's own.
    pub fn interfered(&self) -> bool {
        lock(&self.inner.pending).lost.as_ref().is_some_and(|lost| lost.interfered)
    }

    /// Sends a request and returns the final answer; skips `Waiting`.
    pub async fn ask(&self, ask: AgentRequest) -> Result<AgentResponse, AgentLost> {
        self.ask_with_progress(ask, |_| ()).await
    }

    /// Sends a request; `on_waiting` receives the agent's progress.
    pub async fn ask_with_progress(
        &self,
        ask: AgentRequest,
        mut on_waiting: impl FnMut(String),
    ) -> Result<AgentResponse, AgentLost> {
        let (mut answers, _request) = self.send(ask)?;
        while let Some(answer) = answers.recv().await {
            match answer {
                AgentResponse::Waiting { last } => on_waiting(last),
                last => return Ok(last),
            }
        }
        let lost = lock(&self.inner.pending).lost.clone();
        Err(lost.unwrap_or_else(|| AgentLost { reason: "its connection ended".into(), interfered: false }))
    }

    fn send(
        &self,
        ask: AgentRequest,
    ) -> Result<(mpsc::UnboundedReceiver<AgentResponse>, PendingRequest<'_>), AgentLost> {
        let (sender, answers) = mpsc::unbounded_channel();
        let id = {
            let mut pending = lock(&self.inner.pending);
            if let Some(lost) = &pending.lost {
                return Err(lost.clone());
            }
            pending.next += 1;
            let id = pending.next;
            pending.waiting.insert(id, sender);
            id
        };
        let request = PendingRequest { id, pending: &self.inner.pending };
        let line = serde_json::to_string(&RequestEnvelope { id, ask })
            .map_err(|e| AgentLost { reason: format!("the request could not be sent: {e}"), interfered: false })?;
        if self.inner.lines.send(line).is_err() {
            mark_lost(&self.inner.pending, "its connection ended".into(), false);
        }
        Ok((answers, request))
    }
}

/// Forgets a request when its caller stops waiting.
struct PendingRequest<'a> {
    id: u64,
    pending: &'a Mutex<Pending>,
}

impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        lock(self.pending).waiting.remove(&self.id);
    }
}

fn lock(pending: &Mutex<Pending>) -> std::sync::MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records the first reason and fails all pending requests.
fn mark_lost(pending: &Mutex<Pending>, reason: String, interfered: bool) {
    let mut pending = lock(pending);
    // That somebody interfered outweighs an earlier reason.
    if interfered && pending.lost.as_ref().is_none_or(|lost| !lost.interfered) {
        pending.lost = None;
    }
    pending.lost.get_or_insert(AgentLost { reason, interfered });
    pending.waiting.clear();
}

async fn write(
    mut input: std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>>,
    opening: String,
    mut seal: Seal,
    mut lines: mpsc::UnboundedReceiver<String>,
    pending: Arc<Mutex<Pending>>,
) {
    let mut next = Some(opening);
    while let Some(line) = next {
        let written = async {
            input.write_all(line.as_bytes()).await?;
            input.flush().await
        };
        if let Err(error) = written.await {
            return mark_lost(&pending, format!("it accepts no requests: {error}"), false);
        }
        next = match lines.recv().await.map(|text| seal.write(&text)) {
            Some(Some(line)) => Some(line),
            Some(None) => {
                let reason = format!("a request is longer than {} bytes", seal::LONGEST_LINE);
                return mark_lost(&pending, reason, false);
            }
            None => None,
        };
    }
    // The last client is gone, so a failed shutdown does not matter.
    input.shutdown().await.ok();
}

async fn read(
    output: std::pin::Pin<Box<dyn tokio::io::AsyncRead + Send>>,
    mut seal: Seal,
    pending: Arc<Mutex<Pending>>,
    suspect: String,
) {
    let mut output = BufReader::new(output);
    loop {
        let misfit = match seal::read_line(&mut output).await {
            Ok(Some(line)) => match seal.check(&line).map(serde_json::from_str::<ResponseEnvelope>) {
                Some(Ok(reply)) => {
                    if deliver(&pending, reply) {
                        continue;
                    }
                    "it answers no request".to_owned()
                }
                Some(Err(error)) => return mark_lost(&pending, format!("its answer is invalid: {error}"), false),
                None => format!("`{}`", line.chars().take(100).collect::<String>()),
            },
            Ok(None) => return mark_lost(&pending, "its connection ended".into(), false),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => error.to_string(),
            Err(error) => return mark_lost(&pending, format!("its connection broke: {error}"), false),
        };
        let reason =
            format!("{suspect} interfered with its connection, on which came a line that is not its own: {misfit}");
        // Whoever wrote one line may write more, so the connection is not used again.
        return mark_lost(&pending, reason, true);
    }
}

/// Returns false if the answer belongs to no request. The caller of a request may have stopped waiting.
fn deliver(pending: &Mutex<Pending>, reply: ResponseEnvelope) -> bool {
    let mut pending = lock(pending);
    if matches!(reply.answer, AgentResponse::Waiting { .. }) {
        if let Some(requester) = pending.waiting.get(&reply.id) {
            requester.send(reply.answer).ok();
        }
    } else if let Some(requester) = pending.waiting.remove(&reply.id) {
        requester.send(reply.answer).ok();
    }
    (1..=pending.next).contains(&reply.id)
}
