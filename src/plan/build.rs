//! Builds the plan from a valid description: fills in defaults, parses quantities, finds the start order.
//!
//! Pure. It relies on the checks of `spec`; a value that they accepted and it cannot read is an error, never a guess.

use serde_json::json;

use super::{BrokerPlan, DatabasePlan, Plan, SuitePlan, Unit};
use crate::model::{Digest, EnvironmentName};
use crate::spec::model::{Database, Environment, Suite};
use crate::spec::{ValidDescription, backing_services, hashes, needs, ports, quantity};

mod error;
mod input;
mod scan;
mod suite;
mod unit;

pub use crate::spec::ports::{AMQP_PORTS, POSTGRES_PORT};
pub use error::PlanError;

use input::{file, milliseconds};

/// The plan of one environment for pull request `pr`.
pub fn build(valid: &ValidDescription, pr: u32) -> Result<Plan, PlanError> {
    let e = &valid.environment;
    let ttl_ms = milliseconds(&e.name, &e.ttl, quantity::LONGEST_LIFE_MS)?;
    let databases = e.databases.iter().map(|(name, d)| Ok((name.clone(), database(name, d, valid)?)));
    let suites = e.suites.iter().map(|(name, s)| Ok((name.clone(), suite(name, s, valid)?)));
    let mut plan = Plan {
        environment: EnvironmentName::new(&e.name, pr).scoped(valid.scope.clone()).to_string(),
        description: e.name.clone(),
        pr,
        description_digest: valid.digest.clone(),
        ttl_secs: ttl_ms.div_ceil(1000),
        units: units(valid)?,
        secrets: e.secrets.iter().filter(|(_, s)| s.key.is_none()).map(|(name, s)| (name.clone(), s.bytes)).collect(),
        keys: e.secrets.iter().filter_map(|(name, s)| Some((name.clone(), s.key?))).collect(),
        broker: broker(e),
        databases: databases.collect::<Result<_, PlanError>>()?,
        backing: backing_services::all(e).into_iter().map(|b| (b.name.to_owned(), b.kind)).collect(),
        suites: suites.collect::<Result<_, PlanError>>()?,
    };
    scan::fill(&mut plan, e);
    Ok(plan)
}

fn units(valid: &ValidDescription) -> Result<Vec<Unit>, PlanError> {
    let e = &valid.environment;
    let needs = needs::of_units(e);
    let callers = needs::callers(e);
    let order = needs::order(&needs);
    if order.len() != needs.len() {
        return Err(PlanError::Unsound { of: e.name.clone(), why: "the needs of the units form a cycle".into() });
    }
    let mut units = Vec::new();
    for name in order {
        let mut unit = match (e.services.get(name), e.databases.get(name), &e.broker) {
            (Some(service), _, _) => unit::service(name, service, valid)?,
            (_, Some(database), _) => unit::database(name, database, valid)?,
            _ if e.jobs.contains_key(name) => unit::job(name, &e.jobs[name], valid)?,
            (_, _, Some(broker)) if broker.name == name => unit::broker(broker, valid)?,
            _ => match backing_services::find(e, name) {
                Some(backing) => unit::backing(&backing)?,
                None => continue,
            },
        };
        unit.needs = needs.get(name).into_iter().flatten().map(|n| (*n).to_owned()).collect();
        for (caller, ports) in callers.get(name).into_iter().flatten() {
            unit.callers.insert((*caller).to_owned());
            unit.caller_ports.extend(ports.iter().map(|ports| ((*caller).to_owned(), ports.clone())));
        }
        units.push(unit);
    }
    Ok(units)
}

fn broker(e: &Environment) -> Option<BrokerPlan> {
    let b = e.broker.as_ref()?;
    let port = if b.tls { AMQP_PORTS.1 } else { AMQP_PORTS.0 };
    Some(BrokerPlan {
        name: b.name.clone(),
        port,
        tls: b.tls,
        vhosts: b.vhosts.clone(),
        users: b.users.clone(),
        config: b.config.iter().map(|(key, value)| (key.clone(), value.text())).collect(),
    })
}

fn database(name: &str, d: &Database, valid: &ValidDescription) -> Result<DatabasePlan, PlanError> {
    let text = |path: &String| {
        let text = String::from_utf8(file(name, path, valid)?);
        let text =
            text.map_err(|_| PlanError::Unsound { of: name.to_owned(), why: format!("`{path}` is not text") })?;
        Ok((path.clone(), text))
    };
    let sql = d.sql.iter().map(text).collect::<Result<_, PlanError>>()?;
    Ok(DatabasePlan { database: d.database.clone(), roles: d.roles.clone(), extensions: d.extensions.clone(), sql })
}

fn suite(name: &str, s: &Suite, valid: &ValidDescription) -> Result<SuitePlan, PlanError> {
    let files = suite::files(name, s, valid)?;
    let whole = match files.is_empty() {
        true => json!(s),
        false => json!({ "suite": s, "files": hashes(&files) }),
    };
    Ok(SuitePlan {
        name: name.to_owned(),
        kind: s.kind,
        digest: Digest::compute_json(&whole).hex(),
        files,
        left_out: s.runs() == Some(false),
        needs: s.needs.iter().map(|n| ports::name_of(n).to_owned()).collect(),
        secrets: s.secrets.clone(),
        parallel: s.parallel,
        timeout_ms: milliseconds(name, &s.timeout, quantity::LONGEST_LIMIT_MS)?,
        retries: s.retries,
        may_end: s.may_end.iter().cloned().collect(),
        flaky: s.flaky,
        executor: suite::executor(name, s)?,
        origin: valid.origins.get(name).cloned(),
    })
}
