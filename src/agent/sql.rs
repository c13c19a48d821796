//! Connections to the databases, and the `sql` step.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::state::AgentState;
use super::step_result::{StepFailed, StepPassed};
use super::timeouts::{STEP_ANSWER, STEP_CONNECT, STEP_QUERY, patiently};
use super::{io_error, matching};
use crate::spec::model::Sql;

const PORT: u16 = 5432;

type Row = Vec<Option<String>>;

/// A failed database operation.
#[derive(Debug)]
pub(super) enum SqlError {
    /// The server denied permission or authentication: SQLSTATE 42501 or class 28.
    Refused(String),
    /// Any other failure.
    Failed(String),
    /// The agent cannot connect, because it lacks information.
    AgentFault(String),
    /// The machine was so busy that the silence proves nothing about the server.
    Busy(String),
}

impl SqlError {
    pub fn text(self) -> String {
        match self {
            Self::Refused(text) | Self::Failed(text) | Self::AgentFault(text) | Self::Busy(text) => text,
        }
    }
}

impl From<tokio_postgres::Error> for SqlError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(said) if refuses(said.code()) => Self::Refused(words(said)),
            Some(said) => Self::Failed(words(said)),
            None => Self::Failed(cause(&error)),
        }
    }
}

impl From<std::io::Error> for SqlError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(io_error::text(&error))
    }
}

fn refuses(code: &SqlState) -> bool {
    *code == SqlState::INSUFFICIENT_PRIVILEGE || code.code().starts_with("28")
}

/// Returns the server's message, detail and hint, with its SQLSTATE.
pub(super) fn words(said: &DbError) -> String {
    let mut text = format!("{} ({})", said.message(), said.code().code());
    for more in [said.detail(), said.hint()].into_iter().flatten() {
        text.push_str("; ");
        text.push_str(more);
    }
    text
}

/// Returns the cause without the layers of the library.
fn cause(error: &tokio_postgres::Error) -> String {
    let mut source: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return io_error::text(io);
        }
        source = inner.source();
    }
    error.to_string()
}

/// Returns the line of an error's position, counted from 1.
pub(super) fn line(said: &DbError, text: &str) -> Option<usize> {
    let Some(ErrorPosition::Original(position)) = said.position() else { return None };
    let before = usize::try_from(*position).ok()?.saturating_sub(1);
    Some(text.chars().take(before).filter(|c| *c == '\n').count() + 1)
}

/// A connection that closes when dropped.
pub(super) struct Database {
    pub client: Client,
    driver: AbortHandle,
}

impl Drop for Database {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Logs in to a database as one of its roles, or as `postgres`.
pub(super) async fn connect(state: &AgentState, unit: &str, role: &str) -> Result<Database, SqlError> {
    let plan = state
        .context
        .databases
        .get(unit)
        .ok_or_else(|| SqlError::AgentFault(format!("the agent knows no database {unit}")))?;
    let secret = format!("{unit}.{role}");
    let password = state
        .context
        .secrets
        .get(&secret)
        .ok_or_else(|| SqlError::AgentFault(format!("the agent knows no password for {secret}")))?;
    let mut config = Config::new();
    config.user(role).password(password).dbname(&plan.database).application_name("dayfly");
    let at = format!("{unit}:{PORT}");
    let dial = async {
        let stream = TcpStream::connect((state.host_of(unit), PORT)).await?;
        stream.set_nodelay(true).map(|()| stream)
    };
    let stream = limited(&format!("{at}: connection"), STEP_CONNECT, dial).await?;
    let login = config.connect_raw(stream, NoTls);
    let (client, connection) = limited(&format!("{at}: login"), STEP_ANSWER, login).await?;
    // The client's calls report its errors too.
    let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
    Ok(Database { client, driver })
}

/// Limits an operation, which a silent server would block for ever.
async fn limited<T, E: Into<SqlError>>(
    what: &str,
    limit: Duration,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<T, SqlError> {
    match patiently(limit, operation).await {
        Ok(done) => done.map_err(Into::into),
        Err(end) if end.is_busy() => Err(SqlError::Busy(format!("{what}: {end}"))),
        Err(end) => Err(SqlError::Failed(format!("{what}: {end}"))),
    }
}

/// Performs the `sql` step.
pub(super) async fn perform(state: &AgentState, step: &Sql) -> Result<StepPassed, StepFailed> {
    let what = format!("{} on {} as {}", matching::excerpt(step.query.trim()), step.database, step.role);
    let expected = if step.refused { format!("{what} is refused") } else { what };
    match (rows(state, step).await, step.refused) {
        (Ok(rows), false) => compare(step, &rows),
        (Err(SqlError::Refused(text)), true) => Ok(StepPassed::saw(text)),
        (Ok(rows), true) => Err(StepFailed::new(expected, format!("it was allowed, with {} row(s)", rows.len()))),
        (Err(SqlError::AgentFault(text)), _) => Err(StepFailed::agent_fault(expected, text)),
        (Err(SqlError::Busy(text)), _) => Err(StepFailed::busy(expected, text)),
        (Err(error), _) => Err(StepFailed::new(expected, error.text())),
    }
}

async fn rows(state: &AgentState, step: &Sql) -> Result<Vec<Row>, SqlError> {
    let database = connect(state, &step.database, &step.role).await?;
    let answer = limited("query", STEP_QUERY, database.client.simple_query(&step.query)).await?;
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|i| row.get(i).map(str::to_owned)).collect()),
        _ => None,
    };
    Ok(answer.into_iter().filter_map(row).collect())
}

fn compare(step: &Sql, rows: &[Row]) -> Result<StepPassed, StepFailed> {
    if let Some(wanted) = step.rows.as_ref().filter(|wanted| wanted.as_slice() != rows) {
        return Err(StepFailed::new(format!("the rows {}", shown(wanted)), shown(rows)));
    }
    let mut captured = BTreeMap::new();
    for (name, column) in &step.capture {
        let value = rows.first().and_then(|row| row.get(usize::from(*column))?.clone());
        let value = value.ok_or_else(|| {
            StepFailed::new(
                format!("a value in column {column} of the first row, for the variable {name}"),
                shown(rows),
            )
        })?;
        captured.insert(name.clone(), value);
    }
    Ok(StepPassed { saw: format!("{} row(s)", rows.len()), captured })
}

fn shown(rows: &[Row]) -> String {
    matching::excerpt(&serde_json::json!(rows).to_string())
}
