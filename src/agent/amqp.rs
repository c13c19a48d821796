//! Connections to the broker, and the difference between being refused and everything else that can go wrong.

use lapin::tcp::{AsyncTcpStream, RustlsConnector};
use lapin::types::ShortString;
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind};
use tokio::time::timeout;

use super::net;
use super::state::{ATTEMPT, AgentState, CONNECT};
use super::step::StepFailed;
use crate::plan::BrokerPlan;

/// Seconds between heartbeats, so that a `listen` hears of a dead broker.
const HEARTBEAT: u16 = 10;

/// Why the broker did not do what was asked.
#[derive(Debug, PartialEq)]
pub(super) enum AmqpError {
    /// For want of permission, or for a wrong name or password: the broker said so itself.
    Refused(String),
    /// For any other reason: no connection, no such exchange, a queue that somebody else holds…
    Failed(String),
    /// We have not what it takes to ask.
    Ours(String),
}

impl AmqpError {
    pub fn text(self) -> String {
        match self {
            Self::Refused(text) | Self::Failed(text) | Self::Ours(text) => text,
        }
    }

    /// As the failure of a step that expected something else.
    pub fn missed(self, expected: impl Into<String>) -> StepFailed {
        match self {
            Self::Ours(text) => StepFailed::ours(expected, text),
            other => StepFailed::new(expected, other.text()),
        }
    }
}

impl From<lapin::Error> for AmqpError {
    fn from(error: lapin::Error) -> Self {
        match error.kind() {
            ErrorKind::ProtocolError(said) => classify(said.get_id(), said.get_message().as_str()),
            ErrorKind::IOError(error) => Self::Failed(net::words(error)),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// ACCESS_REFUSED also stands for reserved names and exclusive queues, NOT_ALLOWED for missing virtual hosts and limits.
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

/// A connection and its one channel; both close when it is dropped.
pub(super) struct Session {
    pub connection: Connection,
    pub channel: Channel,
}

impl Session {
    pub async fn open(state: &AgentState, user: &str, vhost: &str) -> Result<Self, AmqpError> {
        let connection = connect(state, user, vhost, None).await?;
        let channel = connection.create_channel().await?;
        Ok(Self { connection, channel })
    }

    /// Says goodbye; what the broker held for this session is free again afterwards.
    pub async fn close(self) {
        // The answer is already known; a broker that is gone needs no goodbye.
        timeout(CONNECT, self.connection.close(200, short("done").unwrap_or_default())).await.ok();
    }
}

/// Text for a field of at most 255 bytes.
pub(super) fn short(text: &str) -> Result<ShortString, AmqpError> {
    ShortString::try_new(text)
        .map_err(|_| AmqpError::Ours(format!("a name or key of {} bytes: AMQP allows 255", text.len())))
}

/// Limits an operation that a silent broker would hold up for ever.
pub(super) async fn limited<T, E: Into<AmqpError>>(
    what: &str,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<T, AmqpError> {
    match timeout(ATTEMPT, operation).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => {
            Err(AmqpError::Failed(format!("{what}: the broker did not answer within {} ms", ATTEMPT.as_millis())))
        }
    }
}

/// Logs in with the user's generated password, or with the one given.
pub(super) async fn connect(
    state: &AgentState,
    user: &str,
    vhost: &str,
    password: Option<&str>,
) -> Result<Connection, AmqpError> {
    let broker =
        state.context.broker.as_ref().ok_or_else(|| AmqpError::Ours("this environment has no broker".into()))?;
    let secret = format!("{}.{user}", broker.name);
    let password = password.or_else(|| state.context.secrets.get(&secret).map(String::as_str));
    let password = password.ok_or_else(|| AmqpError::Ours(format!("no password is known here for {secret}")))?;
    let at = format!("{}:{}", broker.name, broker.port);
    let connected =
        limited("login", dial(broker, state.host_of(&broker.name), state.amqp_tls.clone(), user, password, vhost))
            .await;
    connected.map_err(|error| match error {
        AmqpError::Failed(text) => AmqpError::Failed(format!("{at}: {text}")),
        other => other,
    })
}

async fn dial(
    broker: &BrokerPlan,
    host: String,
    tls: RustlsConnector,
    user: &str,
    password: &str,
    vhost: &str,
) -> Result<Connection, AmqpError> {
    let userinfo = AMQPUserInfo { username: user.to_owned(), password: password.to_owned() };
    let uri = AMQPUri {
        scheme: if broker.tls { AMQPScheme::AMQPS } else { AMQPScheme::AMQP },
        authority: AMQPAuthority { userinfo, host: broker.name.clone(), port: broker.port },
        vhost: vhost.to_owned(),
        query: AMQPQueryString { heartbeat: Some(HEARTBEAT), ..AMQPQueryString::default() },
    };
    short(vhost)?;
    let runtime = lapin::runtime::default_runtime()?;
    let resolver = runtime.clone();
    // An own connector, because lapin's would trust the machine's authorities too, and has no time limit.
    let connector = async move |uri: AMQPUri, runtime| {
        let address = resolver.to_socket_addrs((host.clone(), uri.authority.port));
        let whole = async {
            let stream = AsyncTcpStream::connect(&runtime, address).await?;
            match uri.scheme {
                AMQPScheme::AMQP => Ok(stream),
                AMQPScheme::AMQPS => stream.into_rustls(&tls, &uri.authority.host).await,
            }
        };
        timeout(CONNECT, whole)
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map_err(lapin::Error::from)
    };
    let properties = ConnectionProperties::default().with_connection_name("dayfly".into());
    Ok(Connection::connector(uri, runtime, connector, properties).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_brokers_own_word_on_permissions_and_logins_is_a_refusal() {
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
