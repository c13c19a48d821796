//! The other end of an agent's link: numbered requests out, answers sorted back to whoever asked.
//!
//! Several tasks may ask at once. When the link ends, every pending question fails with the reason.

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
    /// Why, with the agent's last words where it had some.
    pub reason: String,
}

/// A running agent. Clones share the link, which closes with the last of them; the agent then ends.
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
    /// Introduces itself and starts to read answers. Must be called inside a tokio runtime.
    pub fn connect(link: AgentLink, context: AgentContext) -> Self {
        let pending = Arc::new(Mutex::new(Pending::default()));
        let (lines, outgoing) = mpsc::unbounded_channel();
        match serde_json::to_string(&context) {
            Ok(line) => drop(lines.send(line)),
            Err(error) => lose(&pending, format!("the greeting could not be written: {error}")),
        }
        tokio::spawn(write(link.input, outgoing, pending.clone()));
        let reader = tokio::spawn(read(link.output, pending.clone())).abort_handle();
        Self { inner: Arc::new(Inner { lines, pending, reader }) }
    }

    /// The final answer to one question; `Waiting` is passed over.
    pub async fn ask(&self, ask: AgentRequest) -> Result<AgentResponse, AgentLost> {
        self.ask_with_progress(ask, |_| ()).await
    }

    /// As `ask`; `on_waiting` hears what the agent sees while it waits.
    pub async fn ask_with_progress(
        &self,
        ask: AgentRequest,
        mut on_waiting: impl FnMut(String),
    ) -> Result<AgentResponse, AgentLost> {
        let (mut answers, _question) = self.send(ask)?;
        while let Some(answer) = answers.recv().await {
            match answer {
                AgentResponse::Waiting { last } => on_waiting(last),
                last => return Ok(last),
            }
        }
        let lost = lock(&self.inner.pending).lost.clone();
        Err(lost.unwrap_or_else(|| AgentLost { reason: "its connection ended".into() }))
    }

    fn send(&self, ask: AgentRequest) -> Result<(mpsc::UnboundedReceiver<AgentResponse>, Question<'_>), AgentLost> {
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
        let question = Question { id, pending: &self.inner.pending };
        let line = serde_json::to_string(&RequestEnvelope { id, ask })
            .map_err(|e| AgentLost { reason: format!("the question could not be written: {e}") })?;
        if self.inner.lines.send(line).is_err() {
            lose(&self.inner.pending, "its connection ended".into());
        }
        Ok((answers, question))
    }
}

/// Forgets the question when the requester stops waiting.
struct Question<'a> {
    id: u64,
    pending: &'a Mutex<Pending>,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        lock(self.pending).waiting.remove(&self.id);
    }
}

fn lock(pending: &Mutex<Pending>) -> std::sync::MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the first reason and wakes everybody who waits.
fn lose(pending: &Mutex<Pending>, reason: String) {
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
            return lose(&pending, format!("it takes no questions: {error}"));
        }
    }
    // The last client is gone; nobody is left to hear of a failed goodbye.
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
    lose(&pending, if stray.is_empty() { end } else { format!("{end}; its last words: {stray}") });
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
