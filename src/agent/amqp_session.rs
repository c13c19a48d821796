//! A connection to the broker with its channel, and operations with a time limit.

use lapin::types::ShortString;
use lapin::{Channel, Connection};
use tokio::time::timeout;

use super::amqp_error::AmqpError;
use super::timeouts::{CONNECT, STEP_ANSWER, patiently};

/// A connection and its channel; both close when dropped.
pub(super) struct Session {
    pub connection: Connection,
    pub channel: Channel,
}

impl Session {
    /// Closes the connection; the broker releases everything of this session.
    pub async fn close(self) {
        // The result of closing does not matter.
        timeout(CONNECT, self.connection.close(200, short("done").unwrap_or_default())).await.ok();
    }
}

/// Converts text for a field of at most 255 bytes.
pub(super) fn short(text: &str) -> Result<ShortString, AmqpError> {
    ShortString::try_new(text)
        .map_err(|_| AmqpError::AgentFault(format!("a name or key of {} bytes: AMQP allows 255", text.len())))
}

/// Limits an operation, which a silent broker would block for ever.
pub(super) async fn limited<T, E: Into<AmqpError>>(
    what: &str,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<T, AmqpError> {
    match patiently(STEP_ANSWER, operation).await {
        Ok(done) => done.map_err(Into::into),
        Err(end) if end.is_busy() => Err(AmqpError::Busy(format!("{what}: {end}"))),
        Err(end) => Err(AmqpError::Failed(format!("{what}: the broker gave {end}"))),
    }
}
