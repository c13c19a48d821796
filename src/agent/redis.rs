//! Connections to a Redis, its readiness, and the `redis` step.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, RedisConnectionInfo, RedisError, Value as Reply};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::task::AbortHandle;

use super::probe::NotReady;
use super::state::AgentState;
use super::step_result::{StepFailed, StepPassed};
use super::timeouts::{STEP_ANSWER, STEP_CONNECT, STEP_QUERY, patiently};
use super::{http, matching, net};
use crate::spec::backing::redis::{PORT, Redis, RedisStep};

/// Most bytes that are read of one connection: the server is not trusted.
const MAX_READ: u64 = 1024 * 1024;

/// A failed operation.
#[derive(Debug)]
enum Failure {
    /// The server replied with this error: its code, and the whole text.
    Error(String, String),
    /// Any other failure.
    Failed(String),
    /// The agent cannot connect, because it lacks information.
    AgentFault(String),
    /// The machine was so busy that the silence proves nothing about the server.
    Busy(String),
}

impl Failure {
    fn text(self) -> String {
        match self {
            Self::Error(_, text) | Self::Failed(text) | Self::AgentFault(text) | Self::Busy(text) => text,
        }
    }

    /// An error that says nothing about the command, because it came before.
    fn before_the_command(self) -> Self {
        match self {
            Self::Error(_, text) => Self::Failed(format!("before the command: {text}")),
            other => other,
        }
    }

    /// The server denied the login or the right.
    fn is_refusal(&self) -> bool {
        matches!(self, Self::Error(code, _) if matches!(code.as_str(), "NOAUTH" | "WRONGPASS" | "NOPERM"))
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        match error.code() {
            Some(code) => {
                let code = matching::excerpt(code);
                let text = format!("{code} {}", matching::excerpt(error.detail().unwrap_or_default()));
                Self::Error(code, text)
            }
            None => Self::Failed(error.to_string()),
        }
    }
}

/// A connection that closes when dropped.
struct Connection {
    inner: MultiplexedConnection,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    async fn open(state: &AgentState, unit: &str) -> Result<Self, Failure> {
        let at = http::authority(&state.host_of(unit), PORT);
        let stream = net::connect(&at, STEP_CONNECT).await.map_err(|why| {
            let text = format!("{unit}:{PORT}: {why}");
            if why.busy { Failure::Busy(text) } else { Failure::Failed(text) }
        })?;
        let (read, write) = stream.into_split();
        let bounded = tokio::io::join(read.take(MAX_READ), write);
        let info = RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let (inner, driver) = MultiplexedConnection::new_with_config(&info, bounded, config).await?;
        Ok(Self { inner, driver: tokio::spawn(driver).abort_handle() })
    }

    async fn send(&mut self, what: &str, command: &[&str], limit: Duration) -> Result<Reply, Failure> {
        let mut packed = Cmd::new();
        command.iter().for_each(|word| {
            packed.arg(*word);
        });
        match patiently(limit, self.inner.send_packed_command(&packed)).await {
            Ok(Ok(Reply::ServerError(error))) => Err(RedisError::from(error).into()),
            Ok(done) => Ok(done?),
            Err(end) if end.is_busy() => Err(Failure::Busy(format!("{what}: {end}"))),
            Err(end) => Err(Failure::Failed(format!("{what}: {end}"))),
        }
    }

    async fn login(&mut self, user: &str, password: &str) -> Result<(), Failure> {
        self.send("login", &["AUTH", user, password], STEP_ANSWER).await.map(drop)
    }
}

fn password<'a>(state: &'a AgentState, unit: &str, secret: &str) -> Result<&'a str, Failure> {
    let secret = format!("{unit}.{secret}");
    let found = state.context.secrets.get(&secret).map(String::as_str);
    found.ok_or_else(|| Failure::AgentFault(format!("the agent knows no password for {secret}")))
}

/// Makes one attempt: nobody gets a reply without a password, and every user logs in and gets one. A server that still loads its
/// data answers with an error.
pub(super) async fn ready(state: &AgentState, unit: &str, declared: &Redis) -> Result<(), NotReady> {
    let stranger = async {
        let mut connection = Connection::open(state, unit).await?;
        connection.send("PING", &["PING"], STEP_ANSWER).await
    };
    match stranger.await {
        Err(Failure::Error(code, _)) if code == "NOAUTH" => {}
        Err(why) => return Err(NotReady::temporary(format!("PING without a password: {}", why.text()))),
        Ok(_) => {
            let got = "it replies without a password: did it read its configuration, /run/secrets/redis.conf?";
            return Err(NotReady::temporary(got.to_owned()));
        }
    }
    for (user, secret) in declared.logins() {
        let attempt = async {
            let mut connection = Connection::open(state, unit).await?;
            connection.login(user, password(state, unit, secret)?).await?;
            connection.send("PING", &["PING"], STEP_ANSWER).await
        };
        match attempt.await {
            Ok(_) => {}
            // This user may do little, but the server knows it.
            Err(Failure::Error(code, _)) if code == "NOPERM" => {}
            Err(why) => {
                let permanent = matches!(why, Failure::AgentFault(_));
                return Err(NotReady { got: format!("login as {user}: {}", why.text()), permanent });
            }
        }
    }
    Ok(())
}

/// Performs the `redis` step.
pub(super) async fn perform(state: &AgentState, step: &RedisStep) -> Result<StepPassed, StepFailed> {
    let what = format!("{} on {} as {}", matching::excerpt(&step.command.join(" ")), step.service, step.user);
    let expected = match &step.error {
        Some(code) => format!("{what} gives the error {code}"),
        None if step.refused => format!("{what} is refused"),
        None => what,
    };
    match reply(state, step).await {
        Ok(reply) if step.refused => Err(StepFailed::new(expected, format!("it was allowed: {}", shown(&reply)))),
        Ok(reply) if step.error.is_some() => Err(StepFailed::new(expected, format!("the reply {}", shown(&reply)))),
        Ok(reply) => compare(step, &reply),
        Err(failure) if step.refused && failure.is_refusal() => Ok(StepPassed::saw(failure.text())),
        Err(Failure::Error(code, text)) if step.error.as_ref() == Some(&code) => Ok(StepPassed::saw(text)),
        Err(Failure::AgentFault(text)) => Err(StepFailed::agent_fault(expected, text)),
        Err(Failure::Busy(text)) => Err(StepFailed::busy(expected, text)),
        Err(failure) => Err(StepFailed::new(expected, failure.text())),
    }
}

async fn reply(state: &AgentState, step: &RedisStep) -> Result<Value, Failure> {
    let own = match (&step.password, state.context.backing.get(&step.service)) {
        (Some(password), _) => password.as_str(),
        (None, Some(_)) => password(state, &step.service, Redis::secret_of(&step.user))?,
        (None, None) => return Err(Failure::AgentFault(format!("the agent knows no redis {}", step.service))),
    };
    let mut connection = Connection::open(state, &step.service).await?;
    // Only a password of the step's own makes its login the question.
    let login = connection.login(&step.user, own).await;
    if step.password.is_some() { login } else { login.map_err(Failure::before_the_command) }?;
    if step.db > 0 {
        let select = connection.send("SELECT", &["SELECT", &step.db.to_string()], STEP_ANSWER).await;
        select.map_err(Failure::before_the_command)?;
    }
    let command: Vec<&str> = step.command.iter().map(String::as_str).collect();
    connection.send("reply", &command, STEP_QUERY).await.map(value)
}

/// A reply as JSON. What is not text is replaced; servers of later protocols send more types.
fn value(reply: Reply) -> Value {
    let pairs = |pairs: Vec<(Reply, Reply)>| pairs.into_iter().flat_map(|(k, v)| [value(k), value(v)]).collect();
    match reply {
        Reply::Nil => Value::Null,
        Reply::Int(number) => json!(number),
        Reply::BulkString(bytes) | Reply::BigNumber(bytes) => json!(String::from_utf8_lossy(&bytes)),
        Reply::SimpleString(text) | Reply::VerbatimString { text, .. } => json!(text),
        Reply::Okay => json!("OK"),
        Reply::Array(items) | Reply::Set(items) => items.into_iter().map(value).collect(),
        Reply::Map(entries) => Value::Array(pairs(entries)),
        Reply::Double(number) => json!(number.to_string()),
        Reply::Boolean(truth) => json!(truth),
        Reply::Attribute { data, .. } => value(*data),
        Reply::Push { data, .. } => data.into_iter().map(value).collect(),
        Reply::ServerError(error) => json!(error.to_string()),
        other => json!(format!("{other:?}")),
    }
}

fn compare(step: &RedisStep, reply: &Value) -> Result<StepPassed, StepFailed> {
    if let Some(wanted) = step.reply.as_ref().filter(|wanted| !equal(wanted, reply)) {
        return Err(StepFailed::new(format!("the reply {}", shown(wanted)), shown(reply)));
    }
    let text = matching::text(reply);
    if let Some(wanted) = step.contains.as_ref().filter(|wanted| !text.contains(wanted.as_str())) {
        return Err(StepFailed::new(format!("a reply that contains {wanted:?}"), shown(reply)));
    }
    let mut captured = BTreeMap::new();
    for (name, from) in &step.capture {
        let found = matching::at(from, reply).filter(|found| !found.is_null());
        let missing = || StepFailed::new(format!("{from} in the reply, for the variable {name}"), shown(reply));
        captured.insert(name.clone(), matching::text(found.ok_or_else(missing)?));
    }
    Ok(StepPassed { saw: format!("reply {}", shown(reply)), captured })
}

/// Compares texts and numbers as text: variables are texts, and Redis stores no numbers.
fn equal(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(wanted, found)| equal(wanted, found))
        }
        (
            Value::String(_) | Value::Number(_) | Value::Bool(_),
            Value::String(_) | Value::Number(_) | Value::Bool(_),
        ) => matching::text(wanted) == matching::text(found),
        _ => wanted == found,
    }
}

fn shown(reply: &Value) -> String {
    matching::excerpt(&reply.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_compare_as_text_and_null_is_no_value() {
        for (wanted, found) in [
            (json!(3), json!("3")),
            (json!("3"), json!(3)),
            (json!(["a", 1]), json!(["a", "1"])),
            (json!(null), json!(null)),
        ] {
            assert!(equal(&wanted, &found), "{wanted} {found}");
        }
        for (wanted, found) in [
            (json!(null), json!("")),
            (json!(""), json!(null)),
            (json!(["a"]), json!(["a", "b"])),
            (json!("a"), json!(["a"])),
        ] {
            assert!(!equal(&wanted, &found), "{wanted} {found}");
        }
    }
}
