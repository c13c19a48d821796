//! Prepares a database once: creates roles, runs the SQL files in order, and checks that every role can query.
//!
//! The database itself records each applied file (`dayfly.applied`), in the same transaction.

use super::probe::{NotReady, ProbeProgress};
use super::sql::{self, Database, SqlError};
use super::state::AgentState;
use super::timeouts::{ATTEMPT, patiently};
use crate::plan::DatabasePlan;

const SUPERUSER: &str = "postgres";
/// An advisory lock with a unique number, so that two agents cannot apply the same file at the same time.
const LOCK: &str = "SELECT pg_advisory_lock(727566953)";
const LEDGER: &str = "CREATE SCHEMA IF NOT EXISTS dayfly; \
    CREATE TABLE IF NOT EXISTS dayfly.applied (place integer PRIMARY KEY, file text NOT NULL, at timestamptz NOT NULL DEFAULT now())";

/// Makes one attempt; reports the running SQL file.
pub(super) async fn ready(state: &AgentState, unit: &str, probe: &mut ProbeProgress<'_>) -> Result<(), NotReady> {
    let Some(plan) = state.context.databases.get(unit) else {
        return Err(NotReady::permanent(format!("the agent knows no database {unit}")));
    };
    let admin = login(state, unit, SUPERUSER).await?;
    prepare(state, unit, plan, &admin, probe).await?;
    for role in &plan.roles {
        let database = login(state, unit, role).await?;
        database
            .client
            .simple_query("SELECT 1")
            .await
            .map_err(|e| NotReady::temporary(format!("a query as {role}: {}", SqlError::from(e).text())))?;
    }
    Ok(())
}

async fn login(state: &AgentState, unit: &str, role: &str) -> Result<Database, NotReady> {
    let login = patiently(ATTEMPT, sql::connect(state, unit, role)).await;
    login.map_err(|end| NotReady::temporary(format!("login as {role}: {end}")))?.map_err(|error| {
        let permanent = matches!(error, SqlError::AgentFault(_));
        NotReady { got: format!("login as {role}: {}", error.text()), permanent }
    })
}

async fn prepare(
    state: &AgentState,
    unit: &str,
    plan: &DatabasePlan,
    admin: &Database,
    probe: &mut ProbeProgress<'_>,
) -> Result<(), NotReady> {
    let run = async |text: String| {
        admin.client.batch_execute(&text).await.map_err(|e| NotReady::temporary(SqlError::from(e).text()))
    };
    run(LOCK.into()).await?;
    run(LEDGER.into()).await?;
    for role in &plan.roles {
        let secret = format!("{unit}.{role}");
        let Some(password) = state.context.secrets.get(&secret) else {
            return Err(NotReady::permanent(format!("the agent knows no password for {secret}")));
        };
        run(role_statement(role, &plan.database, password)).await?;
    }
    for name in &plan.extensions {
        probe.report(format!("creating the extension {name}"));
        extension(admin, name).await?;
    }
    for (place, (file, text)) in plan.sql.iter().enumerate() {
        let done = admin.client.query_opt("SELECT 1 FROM dayfly.applied WHERE place = $1", &[&number(place)]).await;
        if done.map_err(|e| NotReady::temporary(SqlError::from(e).text()))?.is_none() {
            probe.report(format!("running {file}"));
            apply(state, unit, place, file, text).await?;
        }
    }
    // The connection releases the lock.
    Ok(())
}

/// Creates an extension. One that the image lacks, or that must be loaded at the start of the server, never comes.
async fn extension(admin: &Database, name: &str) -> Result<(), NotReady> {
    let statement = format!("CREATE EXTENSION IF NOT EXISTS {}", identifier(name));
    let Err(error) = admin.client.batch_execute(&statement).await else { return Ok(()) };
    match error.as_db_error() {
        Some(said) => Err(NotReady::permanent(format!("the extension {name}: {}", sql::words(said)))),
        None => Err(NotReady::temporary(format!("the extension {name}: {}", SqlError::from(error).text()))),
    }
}

fn number(place: usize) -> i32 {
    i32::try_from(place).unwrap_or(i32::MAX)
}

/// Returns the statement that creates a role or sets its password, with a SCRAM verifier, so that no log holds the password.
fn role_statement(role: &str, database: &str, password: &str) -> String {
    let verifier = postgres_protocol::password::scram_sha_256(password.as_bytes());
    let (name, text, verifier) = (identifier(role), literal(role), literal(&verifier));
    format!(
        "DO $dayfly$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {text}) THEN CREATE ROLE {name}; END IF; END $dayfly$;\n\
         ALTER ROLE {name} LOGIN PASSWORD {verifier};\n\
         GRANT CONNECT ON DATABASE {} TO {name};",
        identifier(database)
    )
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Runs a file in its own session, as one transaction unless the file ends it.
async fn apply(state: &AgentState, unit: &str, place: usize, file: &str, text: &str) -> Result<(), NotReady> {
    let database = login(state, unit, SUPERUSER).await?;
    let whole = format!(
        "{text}\n;RESET ROLE; INSERT INTO dayfly.applied (place, file) VALUES ({}, {});",
        number(place),
        literal(file)
    );
    let Err(error) = database.client.batch_execute(&whole).await else { return Ok(()) };
    let Some(said) = error.as_db_error() else {
        return Err(NotReady::temporary(format!("{file}: {}", SqlError::from(error).text())));
    };
    let at = sql::line(said, text).map(|line| format!(" line {line}")).unwrap_or_default();
    let psql = if text.lines().any(|line| line.starts_with('\\')) {
        "; commands of psql (\\…) are not SQL, and only psql knows them: write SQL, or seed the image"
    } else {
        ""
    };
    Err(NotReady::permanent(format!("{file}{at}: {}{psql}", sql::words(said))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_statement_quotes_names_and_contains_no_password() {
        let text = role_statement("o'\"x", "app", "hunter2hunter2");
        assert!(!text.contains("hunter2"));
        assert!(text.contains("CREATE ROLE \"o'\"\"x\""));
        assert!(text.contains("rolname = 'o''\"x'"));
        assert!(text.contains("PASSWORD 'SCRAM-SHA-256$"));
    }
}
