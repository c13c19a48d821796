//! What an agent knows and keeps between requests on its link.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lapin::tcp::RustlsConnector;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::collector::Collector;
use super::protocol::{AgentContext, AgentResponse, ResponseEnvelope, StepFailure};
use crate::model::redact;

/// Shared by all requests of a link.
pub(super) struct AgentState {
    pub context: AgentContext,
    pub tls: TlsConnector,
    pub amqp_tls: RustlsConnector,
    listeners: Mutex<HashMap<String, Arc<Collector>>>,
    background: Mutex<JoinSet<()>>,
    places: Mutex<HashMap<String, IpAddr>>,
}

impl AgentState {
    pub fn new(context: AgentContext, tls: TlsConnector, amqp_tls: RustlsConnector) -> Self {
        Self {
            context,
            tls,
            amqp_tls,
            listeners: Mutex::default(),
            background: Mutex::default(),
            places: Mutex::default(),
        }
    }

    /// What `listen` steps collect, by their names.
    pub fn listeners(&self) -> MutexGuard<'_, HashMap<String, Arc<Collector>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this unit is looked for at this address.
    pub fn place(&self, unit: &str, at: Option<IpAddr>) {
        if let Some(at) = at {
            self.places.lock().unwrap_or_else(PoisonError::into_inner).insert(unit.to_owned(), at);
        }
    }

    /// Where readiness, the broker and databases look for a unit: its address where it is known, else its name.
    pub fn host_of(&self, unit: &str) -> String {
        let places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(unit).map_or_else(|| unit.to_owned(), IpAddr::to_string)
    }

    /// Runs until the link ends.
    pub fn keep(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.background.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
    }

    /// Puts names in place of secrets wherever an answer might end up in a log or a report.
    pub fn redacted(&self, answer: AgentResponse) -> AgentResponse {
        let text = |text: String| redact(&text, &self.context.secrets);
        match answer {
            AgentResponse::Waiting { last } => AgentResponse::Waiting { last: text(last) },
            AgentResponse::Failed(failure) => AgentResponse::Failed(StepFailure {
                expected: text(failure.expected),
                got: text(failure.got),
                ..failure
            }),
            // Captured values go back into steps and must stay what they are.
            AgentResponse::Passed { captured, saw, waited_ms } => {
                AgentResponse::Passed { captured, saw: text(saw), waited_ms }
            }
            AgentResponse::Error { message } => AgentResponse::Error { message: text(message) },
            other => other,
        }
    }
}

/// Where progress of one request goes.
pub(super) struct Progress {
    pub id: u64,
    pub state: Arc<AgentState>,
    pub replies: mpsc::UnboundedSender<ResponseEnvelope>,
}

impl Progress {
    pub fn waiting(&self, last: String) {
        let answer = self.state.redacted(AgentResponse::Waiting { last });
        // The writer is gone only when the link is; the request is then aborted too.
        self.replies.send(ResponseEnvelope { id: self.id, answer }).ok();
    }
}
