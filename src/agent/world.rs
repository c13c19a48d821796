//! What an agent knows and keeps between requests on its link.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use super::protocol::{Answer, Hello, Reply};

/// Longest time for one connection attempt inside an environment, so that a silent peer never blocks polling.
pub(super) const CONNECT: Duration = Duration::from_secs(2);
/// Longest time for one attempt of a readiness question.
pub(super) const ATTEMPT: Duration = Duration::from_secs(5);

/// Shared by all requests of a link.
pub(super) struct World {
    pub hello: Hello,
    pub tls: TlsConnector,
    background: Mutex<JoinSet<()>>,
}

impl World {
    pub fn new(hello: Hello, tls: TlsConnector) -> Self {
        Self { hello, tls, background: Mutex::default() }
    }

    /// Runs until the link ends.
    pub fn keep(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.background.lock().unwrap_or_else(PoisonError::into_inner).spawn(task);
    }
}

/// Where progress of one request goes.
pub(super) struct Progress {
    pub id: u64,
    pub replies: mpsc::UnboundedSender<Reply>,
}

impl Progress {
    pub fn waiting(&self, last: String) {
        // The writer is gone only when the link is; the request is then aborted too.
        self.replies.send(Reply { id: self.id, answer: Answer::Waiting { last } }).ok();
    }
}
