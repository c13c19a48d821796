//! The draft: what of the input becomes part of the description. Data only.

use std::collections::{BTreeMap, BTreeSet};

use super::scalar::comment;

/// The question about a service with several ports.
pub(super) const MAIN_PORT: &str = "is this its main port, which readiness and `dayfly forward` use? Who should not call the others names one, such as `needs: [name:port]`";

/// A draft of a description.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) values: BTreeMap<String, String>,
    pub(super) secrets: Vec<String>,
    pub(super) services: Vec<Service>,
    pub(super) broker: Option<Broker>,
    pub(super) databases: Vec<Database>,
    pub(super) backing: Vec<Backing>,
    /// Services that the outside calls: a suite looks at them.
    pub(super) entries: Vec<String>,
    /// Questions about the whole.
    pub(super) questions: Vec<String>,
}

/// A service.
#[derive(Debug, Clone, Default)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) port: Option<u16>,
    pub(super) ports: Vec<u16>,
    /// Names of ports, where the input has any.
    pub(super) port_names: BTreeMap<u16, String>,
    pub(super) entrypoint: Vec<String>,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    /// Variables that hold secrets, with templates for these.
    pub(super) secret_env: Vec<(String, String)>,
    pub(super) files: Vec<File>,
    pub(super) secrets: Vec<String>,
    pub(super) needs: Vec<Need>,
    pub(super) callers: Vec<String>,
    pub(super) ready: Option<String>,
    pub(super) within_secs: Option<u64>,
    pub(super) resources: Resources,
    pub(super) restart: Option<&'static str>,
    pub(super) replicas: Option<u64>,
    pub(super) writable: Vec<String>,
    pub(super) user: Option<String>,
    /// Questions, each at a key.
    pub(super) questions: Vec<(&'static str, String)>,
}

/// A file of a service.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) target: String,
    pub(super) source: FileSource,
}

#[derive(Debug, Clone)]
pub(super) enum FileSource {
    Path(String),
    Text(String),
}

/// A unit that a service calls or waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) unit: String,
    /// The input says that it starts first.
    pub(super) is_first: bool,
    /// Where a value names its host.
    pub(super) named_in: Option<String>,
}

/// Limits, in the units of a description.
#[derive(Debug, Clone, Default)]
pub(super) struct Resources {
    pub(super) memory: Option<String>,
    pub(super) cpu: Option<String>,
    pub(super) pids: Option<u64>,
}

impl Resources {
    pub(super) fn is_empty(&self) -> bool {
        self.memory.is_none() && self.cpu.is_none() && self.pids.is_none()
    }
}

/// A PostgreSQL.
#[derive(Debug, Clone, Default)]
pub(super) struct Database {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) database: Option<String>,
    pub(super) roles: Vec<String>,
    pub(super) sql: Vec<String>,
    pub(super) callers: Vec<String>,
    pub(super) resources: Resources,
    pub(super) questions: Vec<String>,
}

/// A RabbitMQ.
#[derive(Debug, Clone, Default)]
pub(super) struct Broker {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) vhost: String,
    pub(super) user: String,
    pub(super) callers: Vec<String>,
    pub(super) resources: Resources,
    pub(super) questions: Vec<String>,
}

/// A backing service.
#[derive(Debug, Clone, Default)]
pub(super) struct Backing {
    /// Its section.
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) image: String,
    pub(super) callers: Vec<String>,
    pub(super) resources: Resources,
    pub(super) questions: Vec<String>,
}

impl Draft {
    /// Names of all units.
    pub(super) fn units(&self) -> impl Iterator<Item = &str> {
        let services = self.services.iter().map(|s| s.name.as_str());
        let databases = self.databases.iter().map(|d| d.name.as_str());
        let backing = self.backing.iter().map(|b| b.name.as_str());
        services.chain(databases).chain(backing).chain(self.broker.iter().map(|b| b.name.as_str()))
    }

    /// Leaves entries that the suite can look at: existing services with a port.
    pub(super) fn add_suite(&mut self) {
        let with_port: BTreeSet<&String> = self.services.iter().filter(|s| s.port.is_some()).map(|s| &s.name).collect();
        let mut seen = BTreeSet::new();
        self.entries.retain(|name| with_port.contains(name) && seen.insert(name.clone()));
        if self.entries.is_empty() {
            self.entries.extend(self.services.iter().find(|s| s.port.is_some()).map(|s| s.name.clone()));
        }
        self.entries.truncate(5);
    }
}

impl Service {
    /// Asks a question at a key.
    pub(super) fn ask(&mut self, key: &'static str, question: impl AsRef<str>) {
        self.questions.push((key, comment(question.as_ref())));
    }

    /// Notes a unit that it waits for or calls; what is known about it is put together.
    pub(super) fn needs(&mut self, unit: &str, is_first: bool, named_in: Option<&str>) {
        if unit == self.name {
            return;
        }
        match self.needs.iter_mut().find(|n| n.unit == unit) {
            Some(need) => {
                need.is_first |= is_first;
                if need.named_in.is_none() {
                    need.named_in = named_in.map(str::to_owned);
                }
            }
            None => self.needs.push(Need { unit: unit.to_owned(), is_first, named_in: named_in.map(str::to_owned) }),
        }
    }

    /// Receives a secret.
    pub(super) fn receives(&mut self, secret: &str) {
        if !self.secrets.iter().any(|s| s == secret) {
            self.secrets.push(secret.to_owned());
        }
    }
}
