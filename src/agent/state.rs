//! The state of an agent.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lapin::tcp::RustlsConnector;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::absence::PublishedMessages;
use super::collector::Collector;
use super::protocol::{AgentContext, AgentResponse, ResponseEnvelope, StepFailure};
use crate::model::Redactor;

/// The state that all requests share.
pub(super) struct AgentState {
    pub context: AgentContext,
    pub tls: TlsConnector,
    pub amqp_tls: RustlsConnector,
    redactor: Redactor,
    listeners: Mutex<HashMap<String, Arc<Collector>>>,
    published: Mutex<PublishedMessages>,
    background: Mutex<JoinSet<()>>,
    addresses: Mutex<HashMap<String, IpAddr>>,
}

impl AgentState {
    pub fn new(
        context: AgentContext,
        tls: TlsConnector,
        amqp_tls: RustlsConnector,
    ) -> Result<Self, aho_corasick::BuildError> {
        let secrets = context.secrets.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes()));
        Ok(Self {
            redactor: Redactor::new(secrets)?,
            context,
            tls,
            amqp_tls,
            listeners: Mutex::default(),
            published: Mutex::default(),
            background: Mutex::default(),
            addresses: Mutex::default(),
        })
    }

    /// Returns the collectors of `listen` steps, by name.
    pub fn listeners(&self) -> MutexGuard<'_, HashMap<String, Arc<Collector>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the messages of `publish` steps.
    pub fn published(&self) -> MutexGuard<'_, PublishedMessages> {
        self.published.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the address of a unit.
    pub fn set_address(&self, unit: &str, at: Option<IpAddr>) {
        if let Some(at) = at {
            self.addresses.lock().unwrap_or_else(PoisonError::into_inner).insert(unit.to_owned(), at);
        }
    }

    /// Returns the address of a unit if it is known, else its name.
    pub fn host_of(&self, unit: &str) -> String {
        let addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.get(unit).map_or_else(|| unit.to_owned(), IpAddr::to_string)
    }

    /// Runs a task until the connection ends.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.background.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
    }

    /// Replaces secrets by their names in texts that may end up in a log or a report.
    pub fn redacted(&self, answer: AgentResponse) -> AgentResponse {
        let text = |text: String| self.redactor.redact(&text);
        match answer {
            AgentResponse::Waiting { last } => AgentResponse::Waiting { last: text(last) },
            AgentResponse::Failed(failure) => AgentResponse::Failed(StepFailure {
                expected: text(failure.expected),
                got: text(failure.got),
                ..failure
            }),
            // Captured values are used in later steps, so they stay unchanged.
            AgentResponse::Passed { captured, saw, waited_ms } => {
                AgentResponse::Passed { captured, saw: text(saw), waited_ms }
            }
            AgentResponse::Error { message } => AgentResponse::Error { message: text(message) },
            other => other,
        }
    }
}

/// Reports the progress of a request.
pub(super) struct Progress {
    pub id: u64,
    pub state: Arc<AgentState>,
    pub replies: mpsc::UnboundedSender<ResponseEnvelope>,
}

impl Progress {
    pub fn report(&self, last: String) {
        let answer = self.state.redacted(AgentResponse::Waiting { last });
        // If the writer is gone, the connection has ended and the request is aborted too.
        self.replies.send(ResponseEnvelope { id: self.id, answer }).ok();
    }
}
