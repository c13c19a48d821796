//! The kernel's status of a unit's process.

use crate::agent::protocol::{AgentRequest, AgentResponse, ProcessStatus};
use crate::lifecycle::session::Session;
use crate::plan::Position;

/// Reads the kernel status of process 1 of a unit, from inside.
pub(super) async fn read(session: &Session, unit: &str) -> Result<ProcessStatus, String> {
    match session.ask(&Position::Inside(unit.to_owned()), AgentRequest::Status).await? {
        AgentResponse::Status(status) => Ok(status),
        other => Err(format!("unexpected answer from the agent: {other:?}")),
    }
}
