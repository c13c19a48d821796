//! The client of an agent: sends numbered requests and returns each answer to its caller.
//!
//! Several tasks may send requests concurrently. When the connection ends, every pending request fails with the reason.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::protocol::{AgentContext, AgentRequest, AgentResponse, RequestEnvelope, ResponseEnvelope};
use crate::agent::AgentLink;

/// The agent is gone; the message completes "failed to …".
#[derive(Debug, Clone, thiserror::Error)]
#[error("get an answer from the agent: {reason}")]
pub struct AgentLost {
    /// The reason, with the agent's last output if there was any.
    pub reason: String,
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
    /// Sends the context and starts to read answers. Must be called in a tokio runtime.
    pub fn connect(link: AgentLink, context: AgentContext) -> Self {
        let pending = Arc::new(Mutex::new(Pending::default()));
        let (lines, outgoing) = mpsc::unbounded_channel();
        match serde_json::to_string(&context) {
            Ok(line) => drop(lines.send(line)),
            Err(error) => mark_lost(&pending, format!("its context could not be sent: {error}")),
        }
        tokio::spawn(write(link.input, outgoing, pending.clone()));
        let reader = tokio::spawn(read(link.output, pending.clone())).abort_handle();
        Self { inner: Arc::new(Inner { lines, pending, reader }) }
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
        Err(lost.unwrap_or_else(|| AgentLost { reason: "its connection ended".into() }))
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
            .map_err(|e| AgentLost { reason: format!("the request could not be sent: {e}") })?;
        if self.inner.lines.send(line).is_err() {
            mark_lost(&self.inner.pending, "its connection ended".into());
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
fn mark_lost(pending: &Mutex<Pending>, reason: String) {
    let mut pending = lock(pending);
    pending.lost.get_or_insert(AgentLost { reason });
    pending.waiting.clear();
}

async fn write(
    mut input: std::pin::Pin<Box<dyn tokio::io::AsyncWrite + Send>>,
    mut lines: mpsc::UnboundedReceiver<String>,
    pending: Arc<Mutex<Pending>>,
) {
    while let Some(mut line) = lines.recv().await {
        line.push('\n');
        let written = async {
            input.write_all(line.as_bytes()).await?;
            input.flush().await
        };
        if let Err(error) = written.await {
            return mark_lost(&pending, format!("it accepts no requests: {error}"));
        }
    }
    // The last client is gone, so a failed shutdown does not matter.
    input.shutdown().await.ok();
}

async fn read(output: std::pin::Pin<Box<dyn tokio::io::AsyncRead + Send>>, pending: Arc<Mutex<Pending>>) {
    let mut lines = BufReader::new(output).lines();
    let mut stray = String::new();
    let end = loop {
        match lines.next_line().await {
            Ok(Some(line)) => match serde_json::from_str::<ResponseEnvelope>(&line) {
                Ok(reply) => deliver(&pending, reply),
                Err(_) => stray = line.chars().take(300).collect(),
            },
            Ok(None) => break "its connection ended".to_owned(),
            Err(error) => break format!("its connection broke: {error}"),
        }
    };
    mark_lost(&pending, if stray.is_empty() { end } else { format!("{end}; its last output: {stray}") });
}

fn deliver(pending: &Mutex<Pending>, reply: ResponseEnvelope) {
    let mut pending = lock(pending);
    if matches!(reply.answer, AgentResponse::Waiting { .. }) {
        if let Some(requester) = pending.waiting.get(&reply.id) {
            requester.send(reply.answer).ok();
        }
    } else if let Some(requester) = pending.waiting.remove(&reply.id) {
        requester.send(reply.answer).ok();
    }
}
