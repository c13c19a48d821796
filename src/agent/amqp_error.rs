//! Errors of the broker.

use lapin::ErrorKind;

use super::io_error;
use super::step_result::StepFailed;

/// A failed broker operation.
#[derive(Debug, PartialEq)]
pub(super) enum AmqpError {
    /// The broker refused: missing permission, or a wrong name or password.
    Refused(String),
    /// Any other failure: no connection, a missing exchange, an exclusive queue of another connection…
    Failed(String),
    /// The agent cannot send the request.
    AgentFault(String),
    /// The machine was so busy that the silence proves nothing about the broker.
    Busy(String),
}

impl AmqpError {
    pub fn text(self) -> String {
        match self {
            Self::Refused(text) | Self::Failed(text) | Self::AgentFault(text) | Self::Busy(text) => text,
        }
    }

    /// Converts the error to the failure of a step.
    pub fn missed(self, expected: impl Into<String>) -> StepFailed {
        match self {
            Self::AgentFault(text) => StepFailed::agent_fault(expected, text),
            Self::Busy(text) => StepFailed::busy(expected, text),
            other => StepFailed::new(expected, other.text()),
        }
    }
}

impl From<lapin::Error> for AmqpError {
    fn from(error: lapin::Error) -> Self {
        match error.kind() {
            ErrorKind::ProtocolError(said) => classify(said.get_id(), said.get_message().as_str()),
            ErrorKind::IOError(error) => Self::Failed(io_error::text(error)),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Classifies a reply code and text. ACCESS_REFUSED is also used for reserved names and exclusive queues, NOT_ALLOWED for
/// missing virtual hosts and limits.
fn classify(code: u16, message: &str) -> AmqpError {
    let permission = message.contains("refused for user") && message.contains("access to");
    let login = message.contains("Login was refused");
    let text = format!("{code} {message}");
    match code {
        403 if permission || login => AmqpError::Refused(text),
        530 if permission => AmqpError::Refused(text),
        _ => AmqpError::Failed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_denied_permissions_and_logins_are_refusals() {
        for (code, message) in [
            (
                403,
                "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.",
            ),
            (403, "ACCESS_REFUSED - access to queue 'q' in vhost 'in' refused for user 'u'"),
            (403, "ACCESS_REFUSED - write access to exchange 'ex' in vhost 'in' refused for user 'u'"),
            (530, "NOT_ALLOWED - access to vhost 'in' refused for user 'u'"),
        ] {
            assert!(matches!(classify(code, message), AmqpError::Refused(_)), "{message}");
        }
        for (code, message) in [
            (403, "ACCESS_REFUSED - queue 'q' in vhost 'in' in exclusive use"),
            (403, "ACCESS_REFUSED - exchange name 'amq.x' contains reserved prefix 'amq.*'"),
            (404, "NOT_FOUND - no queue 'q' in vhost 'in'"),
            (530, "NOT_ALLOWED - vhost in not found"),
            (530, "NOT_ALLOWED - access to vhost 'in' refused: connection limit (1) is reached"),
            (541, "INTERNAL_ERROR - access to vhost 'in' refused for user 'u': vhost is down"),
        ] {
            assert!(matches!(classify(code, message), AmqpError::Failed(_)), "{message}");
        }
    }
}
