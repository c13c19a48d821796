//! The kernel's status of a unit's process.

use crate::agent::protocol::{AgentRequest, AgentResponse, ProcessStatus};
use crate::lifecycle::session::Session;
use crate::plan::Position;

/// Reads the kernel status of process 1 of a unit, from inside.
pub(super) async fn read(session: &Session, unit: &str) -> Result<ProcessStatus, String> {
    let agent = session.agent(&Position::Inside(unit.to_owned())).await.map_err(|e| format!("failed to {e}"))?;
    match agent.ask(AgentRequest::Status).await {
        Ok(AgentResponse::Status(status)) => Ok(status),
        Ok(other) => Err(format!("unexpected answer from the agent: {other:?}")),
        Err(lost) => Err(format!("failed to {lost}")),
    }
}
