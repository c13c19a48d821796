//! Everything secret of one environment, made afresh: passwords, keys, certificates, and the files that carry them.
//!
//! This is where randomness comes in. It writes nothing anywhere; delivering the files is the engine's work.

use std::collections::BTreeMap;

use crate::broker::{self, Password};
use crate::engine::Secrets;
use crate::plan::{Plan, UnitKind};

mod authority;

use authority::Authority;

/// Random bytes of a password; written as twice as many hexadecimal digits.
const PASSWORD_BYTES: u16 = 24;

/// Files of one unit or suite under `/run/secrets/`.
type Files = BTreeMap<String, Vec<u8>>;

/// Why secrets could not be made; messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The operating system gave no randomness.
    #[error("make random bytes: {0}")]
    Randomness(#[from] getrandom::Error),
    /// A key or certificate could not be made.
    #[error("make a certificate for {name}: {source}")]
    Certificate {
        /// Unit, or the authority.
        name: String,
        /// Why.
        source: rcgen::Error,
    },
    /// A unit or suite lists a secret that nothing makes.
    #[error("give the secret `{secret}` to `{to}`: nothing makes a secret of that name")]
    Unknown {
        /// The secret's name.
        secret: String,
        /// Unit or suite.
        to: String,
    },
}

/// Makes the values, the authority, the certificates and the files for every unit and suite of the plan.
pub fn generate(plan: &Plan) -> Result<Secrets, SecretsError> {
    let values = values(plan)?;
    let authority = Authority::new(&plan.environment, plan.ttl_secs)?;
    let mut made = Secrets { values, ca: authority.certificate(), files: BTreeMap::new() };
    for unit in &plan.units {
        let mut names = unit.secrets.clone();
        if unit.kind == UnitKind::Database {
            names.push(format!("{}.postgres", unit.name));
        }
        let mut files = listed(&made, &unit.name, &names)?;
        let broker = plan.broker.as_ref().filter(|broker| broker.name == unit.name);
        if unit.tls || broker.is_some_and(|broker| broker.tls) {
            let (certificate, key) = authority.issue(&unit.name)?;
            files.insert("tls.crt".into(), certificate.into_bytes());
            files.insert("tls.key".into(), key.into_bytes());
        }
        if let Some(broker) = broker {
            let definitions = broker::definitions(broker, &passwords(broker, &made)?);
            files.insert("definitions.json".into(), definitions.to_string().into_bytes());
            files.insert("rabbitmq.conf".into(), broker::config(broker, unit.limits.memory).into_bytes());
        }
        made.files.insert(unit.name.clone(), files);
    }
    for suite in plan.suites.values() {
        let files = listed(&made, &suite.name, &suite.secrets)?;
        made.files.insert(suite.name.clone(), files);
    }
    Ok(made)
}

fn values(plan: &Plan) -> Result<BTreeMap<String, String>, SecretsError> {
    let users =
        plan.broker.iter().flat_map(|broker| broker.users.keys().map(move |user| format!("{}.{user}", broker.name)));
    let roles = plan.databases.iter().flat_map(|(unit, database)| {
        let roles = database.roles.iter().map(String::as_str).chain(["postgres"]);
        roles.map(move |role| format!("{unit}.{role}"))
    });
    let passwords = users.chain(roles).map(|name| (name, PASSWORD_BYTES));
    let declared = plan.secrets.iter().map(|(name, bytes)| (name.clone(), *bytes));
    passwords.chain(declared).map(|(name, bytes)| Ok((name, hexadecimal(bytes)?))).collect()
}

/// The listed secrets, and the authority's certificate, which everybody gets.
fn listed(made: &Secrets, to: &str, names: &[String]) -> Result<Files, SecretsError> {
    let mut files = Files::from([("ca.crt".to_owned(), made.ca.clone().into_bytes())]);
    for name in names {
        let value =
            made.values.get(name).ok_or_else(|| SecretsError::Unknown { secret: name.clone(), to: to.to_owned() })?;
        files.insert(name.clone(), value.clone().into_bytes());
    }
    Ok(files)
}

fn passwords(broker: &crate::plan::BrokerPlan, made: &Secrets) -> Result<BTreeMap<String, Password>, SecretsError> {
    let mut passwords = BTreeMap::new();
    for user in broker.users.keys() {
        let mut salt = [0; 4];
        getrandom::fill(&mut salt)?;
        if let Some(text) = made.values.get(&format!("{}.{user}", broker.name)) {
            passwords.insert(user.clone(), Password { text: text.clone(), salt });
        }
    }
    Ok(passwords)
}

fn hexadecimal(bytes: u16) -> Result<String, SecretsError> {
    let mut random = vec![0; usize::from(bytes)];
    getrandom::fill(&mut random)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests;
