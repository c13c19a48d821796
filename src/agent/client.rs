//! The client of an agent: sends numbered requests and returns each answer to its caller.
//!
//! Several tasks may send requests concurrently. When the connection ends, or says nothing any more, every pending request
//! fails with the reason. No request waits without a limit.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

pub use super::connection::AgentLost;
use super::connection::{self, Connection, lost};
use super::protocol::{AgentContext, AgentRequest, AgentResponse, Opening, RequestEnvelope};
use super::seal::{self, Direction, Key};
use crate::agent::AgentLink;

/// A running agent. Clones share the connection; the agent ends when the last one is dropped.
#[derive(Clone)]
pub struct AgentClient {
    inner: Arc<Inner>,
}

struct Inner {
    lines: mpsc::UnboundedSender<String>,
    connection: Arc<Connection>,
    _reading: Option<AbortOnDropHandle<()>>,
    _watching: Option<AbortOnDropHandle<()>>,
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
        let connection = Arc::new(Connection::default());
        let (lines, outgoing) = mpsc::unbounded_channel();
        let opened = Key::generate().map_err(|error| error.to_string()).and_then(|key| {
            let opening = serde_json::to_string(&Opening { key: key.to_hex(), context }).map_err(|e| e.to_string())?;
            if opening.len() > seal::LONGEST_LINE {
                return Err(format!("its context is longer than {} bytes", seal::LONGEST_LINE));
            }
            Ok((key, opening + "\n"))
        });
        let (mut reading, mut watching) = (None, None);
        match opened {
            Ok((key, opening)) => {
                let (requests, answers) = (key.seal(Direction::Request), key.seal(Direction::Answer));
                tokio::spawn(connection::write(link.input, opening, requests, outgoing, connection.clone()));
                let read = connection::read(link.output, answers, connection.clone(), suspect);
                reading = Some(AbortOnDropHandle::new(tokio::spawn(read)));
                let watch = connection::watch(lines.downgrade(), connection.clone());
                watching = Some(AbortOnDropHandle::new(tokio::spawn(watch)));
            }
            Err(error) => connection.lose(format!("its connection could not be opened: {error}")),
        }
        Self { inner: Arc::new(Inner { lines, connection, _reading: reading, _watching: watching }) }
    }

    /// Returns true if a line was not the agent's own.
    pub fn interfered(&self) -> bool {
        self.inner.connection.lost().is_some_and(|lost| lost.interfered)
    }

    /// Returns true if the connection has ended; no request succeeds any more.
    pub fn is_lost(&self) -> bool {
        self.inner.connection.lost().is_some()
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
        let limit = ask.limit();
        let (mut answers, _request) = self.send(ask)?;
        let answered = async {
            while let Some(answer) = answers.recv().await {
                match answer {
                    AgentResponse::Waiting { last } => on_waiting(last),
                    last => return Ok(last),
                }
            }
            Err(self.inner.connection.lost().unwrap_or_else(|| lost("its connection ended")))
        };
        match tokio::time::timeout(limit, answered).await {
            Ok(answer) => answer,
            Err(_) => Err(lost(format!("it lives, but did not answer this request within {} s", limit.as_secs()))),
        }
    }

    fn send(
        &self,
        ask: AgentRequest,
    ) -> Result<(mpsc::UnboundedReceiver<AgentResponse>, connection::PendingRequest<'_>), AgentLost> {
        let connection = &self.inner.connection;
        let (answers, request) = connection.begin()?;
        let line = serde_json::to_string(&RequestEnvelope { id: request.id(), ask })
            .map_err(|e| AgentLost { sent: false, ..lost(format!("the request could not be sent: {e}")) })?;
        if self.inner.lines.send(line).is_err() {
            connection.lose("its connection ended".into());
        }
        Ok((answers, request))
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
