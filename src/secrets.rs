//! Generates the secrets of an environment: passwords, keys, certificates, and their files.
//!
//! The only source of randomness. It writes nothing; engines deliver the files.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::broker::{self, Password};
use crate::model::{Digest, hex};
use crate::plan::{Plan, Unit, UnitKind};
use crate::spec::backing::Kind;

mod authority;
mod error;
mod filled;
mod key_pair;
mod private_key;
mod values;

pub use error::SecretsError;
pub use key_pair::{KeyPair, shared_signature};
pub use values::Secrets;

use authority::Authority;
use values::{CERTIFICATE, KEY};

/// Number of random bytes of a password, which is written in hexadecimal.
const PASSWORD_BYTES: u16 = 24;

/// Files of one unit or suite under `/run/secrets/`.
type Files = BTreeMap<String, Vec<u8>>;

/// Generates the values, authority, certificates and files for every unit and suite of the plan.
///
/// `kept` are the secrets of an environment that is updated: those that the plan still needs stay, so that unchanged units
/// need no restart.
pub fn generate(plan: &Plan, kept: Option<&Secrets>) -> Result<Secrets, SecretsError> {
    let mut values = values(plan, kept)?;
    let public = keys(plan, kept, &mut values)?;
    let certificates = Certificates::new(plan, kept)?;
    let mut made = Secrets {
        values,
        public,
        ca: certificates.ca(),
        certified_until: Some(certificates.until()),
        files: BTreeMap::new(),
    };
    for unit in &plan.units {
        let mut names = unit.secrets.clone();
        if unit.kind == UnitKind::Database {
            names.push(format!("{}.postgres", unit.name));
        }
        let mut files = listed(&made, &unit.name, &names)?;
        let broker = plan.broker.as_ref().filter(|broker| broker.name == unit.name);
        if speaks_tls(plan, unit) {
            let (certificate, key) = certificates.certificate_and_key(&unit.name)?;
            files.insert(CERTIFICATE.into(), certificate);
            files.insert(KEY.into(), key);
        }
        if let Some(broker) = broker {
            let definitions = broker::definitions(broker, &passwords(broker, &made));
            files.insert("definitions.json".into(), definitions.to_string().into_bytes());
            files.insert("rabbitmq.conf".into(), broker::config(broker, unit.limits.memory).into_bytes());
        }
        if let Some(kind) = plan.backing.get(&unit.name) {
            files.extend(configuration(&made, unit, kind));
        }
        made.files.insert(unit.name.clone(), files);
    }
    for suite in plan.suites.values() {
        let files = listed(&made, &suite.name, &suite.secrets)?;
        made.files.insert(suite.name.clone(), files);
    }
    Ok(made)
}

/// Returns the files that configure a backing service. They hold digests of its secrets alone.
fn configuration(made: &Secrets, unit: &Unit, kind: &Kind) -> impl Iterator<Item = (String, Vec<u8>)> {
    let value = |name: &str| made.values.get(&format!("{}.{name}", unit.name)).map_or("", String::as_str);
    let files = kind.files(unit.limits.memory, &|name| Digest::compute(value(name)).hex());
    files.into_iter().map(|(name, text)| (name, text.into_bytes()))
}

fn speaks_tls(plan: &Plan, unit: &Unit) -> bool {
    unit.tls || plan.broker.as_ref().is_some_and(|broker| broker.tls && broker.name == unit.name)
}

/// The source of certificates.
enum Certificates<'a> {
    New(Box<Authority>, Timestamp),
    Kept(&'a Secrets, Timestamp),
}

impl<'a> Certificates<'a> {
    /// Returns the kept certificates if they outlive the plan and no unit lacks one. The authority's key is not kept, so a
    /// further certificate needs another authority and new certificates for all.
    fn new(plan: &Plan, kept: Option<&'a Secrets>) -> Result<Self, SecretsError> {
        let life = SignedDuration::from_secs(i64::try_from(plan.ttl_secs).unwrap_or(i64::MAX));
        let end = Timestamp::now().checked_add(life).unwrap_or(Timestamp::MAX);
        let has = |kept: &Secrets, unit: &Unit| kept.files.get(&unit.name).is_some_and(|f| f.contains_key(CERTIFICATE));
        let usable = |kept: &&Secrets| {
            plan.units.iter().filter(|u| speaks_tls(plan, u)).all(|u| has(kept, u))
                && kept.certified_until.is_some_and(|until| end <= until)
        };
        if let Some(kept) = kept.filter(usable) {
            return Ok(Self::Kept(kept, kept.certified_until.unwrap_or(end)));
        }
        let authority = Box::new(Authority::new(&plan.environment, plan.ttl_secs)?);
        // Its certificates are valid for another day, for inaccurate clocks.
        Ok(Self::New(authority, end.checked_add(SignedDuration::from_hours(24)).unwrap_or(end)))
    }

    fn ca(&self) -> String {
        match self {
            Self::New(authority, _) => authority.certificate(),
            Self::Kept(kept, _) => kept.ca.clone(),
        }
    }

    fn until(&self) -> Timestamp {
        let (Self::New(_, until) | Self::Kept(_, until)) = self;
        *until
    }

    /// Returns the certificate and key of a unit.
    fn certificate_and_key(&self, unit: &str) -> Result<(Vec<u8>, Vec<u8>), SecretsError> {
        match self {
            Self::New(authority, _) => authority.issue(unit).map(|(c, k)| (c.into_bytes(), k.into_bytes())),
            Self::Kept(kept, _) => {
                let file = |name: &str| kept.files.get(unit).and_then(|f| f.get(name)).cloned().unwrap_or_default();
                Ok((file(CERTIFICATE), file(KEY)))
            }
        }
    }
}

/// Returns secrets with empty values and without certificates, to render what may be too large before anything is made.
pub fn placeholders(plan: &Plan) -> Secrets {
    let names = names(plan).map(|(name, _)| name).chain(plan.keys.keys().cloned());
    let public = plan.keys.keys().map(|name| (format!("{name}.pub"), String::new()));
    Secrets {
        values: names.map(|name| (name, String::new())).collect(),
        public: public.collect(),
        ..Secrets::default()
    }
}

/// Returns the names of all secrets of a plan with their numbers of random bytes.
fn names(plan: &Plan) -> impl Iterator<Item = (String, u16)> {
    let users =
        plan.broker.iter().flat_map(|broker| broker.users.keys().map(move |user| format!("{}.{user}", broker.name)));
    let roles = plan.databases.iter().flat_map(|(unit, database)| {
        let roles = database.roles.iter().map(String::as_str).chain(["postgres"]);
        roles.map(move |role| format!("{unit}.{role}"))
    });
    let backing = plan.backing.iter().flat_map(|(unit, kind)| {
        kind.profile(unit).credentials.into_iter().map(move |c| (format!("{unit}.{}", c.name), c.bytes))
    });
    let passwords = users.chain(roles).map(|name| (name, PASSWORD_BYTES)).chain(backing);
    let declared = plan.secrets.iter().map(|(name, bytes)| (name.clone(), *bytes));
    passwords.chain(declared)
}

fn values(plan: &Plan, kept: Option<&Secrets>) -> Result<BTreeMap<String, String>, SecretsError> {
    let value = |name: String, bytes: u16| {
        let old = kept.and_then(|k| k.values.get(&name)).filter(|v| v.len() == 2 * usize::from(bytes)).cloned();
        Ok((name, old.map_or_else(|| hexadecimal(bytes), Ok)?))
    };
    names(plan).map(|(name, bytes)| value(name, bytes)).collect()
}

/// Adds the private keys to the values, those of an updated environment where they still fit; returns the public keys.
fn keys(
    plan: &Plan,
    kept: Option<&Secrets>,
    values: &mut BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, SecretsError> {
    let mut public = BTreeMap::new();
    for (name, algorithm) in &plan.keys {
        let old = kept.and_then(|k| KeyPair::from_pem(*algorithm, k.values.get(name)?));
        let key = old.map_or_else(|| KeyPair::generate(*algorithm), Ok)?;
        values.insert(name.clone(), key.private_pem()?);
        public.insert(format!("{name}.pub"), key.public_pem()?);
    }
    Ok(public)
}

/// Returns the listed secrets and the authority's certificate.
fn listed(made: &Secrets, to: &str, names: &[String]) -> Result<Files, SecretsError> {
    let mut files = Files::from([("ca.crt".to_owned(), made.ca.clone().into_bytes())]);
    for name in names {
        let value = made
            .values
            .get(name)
            .or_else(|| made.public.get(name))
            .ok_or_else(|| SecretsError::Unknown { secret: name.clone(), to: to.to_owned() })?;
        files.insert(name.clone(), value.clone().into_bytes());
    }
    Ok(files)
}

/// Derives the salt from the password, which is random enough for both, so that equal secrets give equal files.
fn passwords(broker: &crate::plan::BrokerPlan, made: &Secrets) -> BTreeMap<String, Password> {
    let of = |user: &String| {
        let text = made.values.get(&format!("{}.{user}", broker.name))?.clone();
        let [a, b, c, d, ..] = *Digest::compute(format!("salt of {text}")).as_bytes();
        Some((user.clone(), Password { salt: [a, b, c, d], text }))
    };
    broker.users.keys().filter_map(of).collect()
}

fn hexadecimal(bytes: u16) -> Result<String, SecretsError> {
    let mut random = vec![0; usize::from(bytes)];
    getrandom::fill(&mut random)?;
    Ok(hex(&random))
}

#[cfg(test)]
mod tests;
