//! Logins to the broker.

use std::sync::{Arc, OnceLock};

use lapin::tcp::{AsyncTcpStream, RustlsConnector};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Connection, ConnectionProperties};

use super::amqp_error::AmqpError;
use super::amqp_session::{Session, limited, short};
use super::state::AgentState;
use super::timeouts::{STEP_CONNECT, TimedOut, patiently};
use crate::plan::BrokerPlan;

/// Seconds between heartbeats, so that a `listen` detects a dead broker.
const HEARTBEAT: u16 = 10;

impl Session {
    /// Logs in and opens a channel.
    pub async fn open(state: &AgentState, user: &str, vhost: &str) -> Result<Self, AmqpError> {
        let connection = connect(state, user, vhost, None).await?;
        let channel = limited("open a channel", connection.create_channel()).await?;
        Ok(Self { connection, channel })
    }
}

/// Logs in with the given password, or the user's generated one.
pub(super) async fn connect(
    state: &AgentState,
    user: &str,
    vhost: &str,
    password: Option<&str>,
) -> Result<Connection, AmqpError> {
    let broker =
        state.context.broker.as_ref().ok_or_else(|| AmqpError::AgentFault("this environment has no broker".into()))?;
    let secret = format!("{}.{user}", broker.name);
    let password = password.or_else(|| state.context.secrets.get(&secret).map(String::as_str));
    let password =
        password.ok_or_else(|| AmqpError::AgentFault(format!("the agent knows no password for {secret}")))?;
    let at = format!("{}:{}", broker.name, broker.port);
    let connected =
        limited("login", dial(broker, state.host_of(&broker.name), state.amqp_tls.clone(), user, password, vhost))
            .await;
    connected.map_err(|error| match error {
        AmqpError::Failed(text) => AmqpError::Failed(format!("{at}: {text}")),
        AmqpError::Busy(text) => AmqpError::Busy(format!("{at}: {text}")),
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
    let silence = Arc::new(OnceLock::<TimedOut>::new());
    let noted = silence.clone();
    // lapin's connector would trust the machine's authorities too, and has no time limit.
    let connector = async move |uri: AMQPUri, runtime| {
        let address = resolver.to_socket_addrs((host.clone(), uri.authority.port));
        let whole = async {
            let stream = AsyncTcpStream::connect(&runtime, address).await?;
            match uri.scheme {
                AMQPScheme::AMQP => Ok(stream),
                AMQPScheme::AMQPS => stream.into_rustls(&tls, &uri.authority.host).await,
            }
        };
        let connected = patiently(STEP_CONNECT, whole).await.unwrap_or_else(|end| {
            noted.get_or_init(|| end);
            Err(std::io::ErrorKind::TimedOut.into())
        });
        connected.map_err(lapin::Error::from)
    };
    let properties = ConnectionProperties::default().with_connection_name("dayfly".into());
    let opened = Connection::connector(uri, runtime, connector, properties).await;
    // lapin keeps the kind of an error only, which does not tell a silent broker from a machine that could not ask it.
    opened.map_err(|error| match silence.get() {
        Some(end) if end.is_busy() => AmqpError::Busy(format!("connection: {end}")),
        _ => error.into(),
    })
}
