//! Ports: those of the servers that dayfly configures, with their variables, and those that a description names. Pure.

use super::backing_services;
use super::model::{Environment, PortRef, Service};

/// Port of PostgreSQL.
pub const POSTGRES_PORT: u16 = 5432;
/// Ports of RabbitMQ, plain and with TLS.
pub const AMQP_PORTS: (u16, u16) = (5672, 5671);
/// Variables of a database that dayfly sets, or that would set a password.
pub const DATABASE_ENV: [&str; 5] =
    ["POSTGRES_PASSWORD_FILE", "POSTGRES_PASSWORD", "POSTGRES_DB", "POSTGRES_USER", "PGDATA"];
/// Variables of the broker that dayfly sets, or that would set a password.
pub const BROKER_ENV: [&str; 4] =
    ["RABBITMQ_CONFIG_FILE", "RABBITMQ_CONFIG_FILES", "RABBITMQ_DEFAULT_USER", "RABBITMQ_DEFAULT_PASS"];

/// A port that a unit declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared<'a> {
    /// Its name, if it has one.
    pub name: Option<&'a str>,
    /// Its number.
    pub number: u16,
}

/// Returns true for a name that Kubernetes takes for a port.
pub fn is_port_name(name: &str) -> bool {
    let of = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_edge = name.starts_with('-') || name.ends_with('-') || name.contains("--");
    name.len() <= 15 && name.contains(|c: char| c.is_ascii_lowercase()) && name.chars().all(of) && !is_edge
}

/// The parts of an entry of `needs` or `callers`: a unit or suite, and a port if it names one, as in `api:admin`.
pub fn parts(entry: &str) -> (&str, Option<&str>) {
    entry.split_once(':').map_or((entry, None), |(name, port)| (name, Some(port)))
}

/// The unit or suite that an entry of `needs` or `callers` names.
pub fn name_of(entry: &str) -> &str {
    parts(entry).0
}

/// The main port of a service: `port`, or the only one of its `ports`.
pub fn main(service: &Service) -> Option<u16> {
    service.port.or_else(|| service.ports.values().next().copied().filter(|_| service.ports.len() == 1))
}

/// The number of a port that a readiness check names; none if `ports` has no such name.
pub fn number(service: &Service, port: &PortRef) -> Option<u16> {
    match port {
        PortRef::Number(number) => Some(*number),
        PortRef::Name(name) => service.ports.get(name).copied(),
    }
}

/// Ports that a unit declares, the main one first; none if there is no such unit.
pub fn declared<'a>(e: &'a Environment, unit: &str) -> Option<Vec<Declared<'a>>> {
    let only = |number| vec![Declared { name: None, number }];
    if let Some(service) = e.services.get(unit) {
        let named = |number: u16| service.ports.iter().find(|(_, n)| **n == number).map(|(name, _)| name.as_str());
        let ready = service.ready.iter().flat_map(|r| [r.tcp.as_ref(), r.port.as_ref()]).flatten();
        let ready = ready.filter_map(|port| number(service, port));
        let mut all: Vec<Declared<'_>> = vec![];
        for number in main(service).into_iter().chain(service.ports.values().copied()).chain(ready) {
            if all.iter().all(|d| d.number != number) {
                all.push(Declared { name: named(number), number });
            }
        }
        return Some(all);
    }
    if let Some(broker) = e.broker.as_ref().filter(|b| b.name == unit) {
        return Some(only(if broker.tls { AMQP_PORTS.1 } else { AMQP_PORTS.0 }));
    }
    if let Some(backing) = backing_services::find(e, unit) {
        return Some(only(backing.kind.profile(unit).port));
    }
    e.databases.contains_key(unit).then(|| only(POSTGRES_PORT))
}

/// The number of a port that an entry of `needs` or `callers` names: by name, or by a number that the unit declares.
pub fn find(e: &Environment, unit: &str, port: &str) -> Option<u16> {
    let all = declared(e, unit)?;
    all.iter().find(|d| d.name == Some(port) || d.number.to_string() == port).map(|d| d.number)
}
