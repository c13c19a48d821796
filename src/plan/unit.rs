//! One thing that runs in an environment.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::spec::backing::KindName;
use crate::spec::model::Restart;

/// Time limit for the readiness of a unit whose description states none.
const DEFAULT_WITHIN_MS: u64 = 60_000;

fn default_stop_grace_secs() -> u32 {
    10
}

/// Kind of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitKind {
    /// A service of the description.
    Service,
    /// A job of the description. Its `start_late` means that it runs after the suites.
    Job,
    /// The RabbitMQ.
    Broker,
    /// A PostgreSQL.
    Database,
    /// A backing service of this kind, written as its name.
    #[serde(untagged)]
    Backing(KindName),
}

impl UnitKind {
    /// The word for one.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Job => "job",
            Self::Broker => "broker",
            Self::Database => "database",
            Self::Backing(kind) => kind.noun(),
        }
    }

    /// Returns true if services share what it holds.
    pub fn is_store(self) -> bool {
        matches!(self, Self::Broker | Self::Database | Self::Backing(_))
    }
}

/// One thing that runs: the same shape for services, broker, databases and backing services.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// Name; also its host name.
    pub name: String,
    /// Kind.
    pub kind: UnitKind,
    /// Image reference as asked for.
    pub image: String,
    /// Main port that callers use.
    pub port: Option<u16>,
    /// Ports by name; the main one may be among them. Plans of earlier versions do not know them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<String, u16>,
    /// Entrypoint in place of the image's; empty for the image's own.
    pub command: Vec<String>,
    /// Arguments in place of the image's; empty for the image's own, if the entrypoint is too. Plans of earlier versions do
    /// not know them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Folder in which the process begins; none for the image's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Environment variables, without secrets.
    pub env: BTreeMap<String, String>,
    /// Environment variables in whose values `{{secret "name"}}` stands for secrets. Plans of earlier versions do not know them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_env: BTreeMap<String, String>,
    /// Files by absolute path, without secrets.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Further files, in whose text `{{secret "name"}}` stands for secrets. Plans of earlier versions do not know them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_files: BTreeMap<String, String>,
    /// Names of the secrets delivered under `/run/secrets/`.
    pub secrets: Vec<String>,
    /// Gets a certificate and key for its name.
    pub tls: bool,
    /// Units that must be ready before.
    pub needs: BTreeSet<String>,
    /// Units and suites that may connect to it.
    pub callers: BTreeSet<String>,
    /// The ports of those callers that may not connect to all. Plans of earlier versions do not know them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub caller_ports: BTreeMap<String, BTreeSet<u16>>,
    /// Condition for being ready.
    pub ready: ReadyPlan,
    /// Time limit for readiness in milliseconds, from its own start.
    pub within_ms: u64,
    /// Limits.
    pub limits: Limits,
    /// Signal that asks the process to end; none for the image's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    /// Seconds that the process has to end after that. Plans of earlier versions do not know it.
    #[serde(default = "default_stop_grace_secs")]
    pub stop_grace_secs: u32,
    /// What restarts its process after an end that no suite asked for. Plans of earlier versions do not know it.
    #[serde(default)]
    pub restart: Restart,
    /// Copies.
    pub replicas: u8,
    /// Paths that it may write to (`/tmp` besides).
    pub writable: Vec<String>,
    /// Confinement.
    pub confinement: Confinement,
    /// Started by a suite instead of with the environment.
    pub start_late: bool,
}

impl Unit {
    /// A unit of this image that gets nothing, writes nowhere, and that nobody calls. It is ready when its process has run for
    /// `stay_up_ms`.
    pub fn new(name: &str, kind: UnitKind, image: &str, limits: Limits, stay_up_ms: u64) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            image: image.to_owned(),
            port: None,
            ports: BTreeMap::new(),
            command: vec![],
            args: vec![],
            working_dir: None,
            env: BTreeMap::new(),
            secret_env: BTreeMap::new(),
            files: BTreeMap::new(),
            secret_files: BTreeMap::new(),
            secrets: vec![],
            tls: false,
            needs: BTreeSet::new(),
            callers: BTreeSet::new(),
            caller_ports: BTreeMap::new(),
            ready: ReadyPlan::StayUp { ms: stay_up_ms },
            within_ms: DEFAULT_WITHIN_MS,
            limits,
            stop_signal: None,
            stop_grace_secs: default_stop_grace_secs(),
            restart: Restart::Never,
            replicas: 1,
            writable: vec![],
            confinement: Confinement::default(),
            start_late: false,
        }
    }

    /// Returns the ports that are open to callers, the main one first: those that it declares, and that of its readiness check.
    pub fn open_ports(&self) -> Vec<u16> {
        let ready = match &self.ready {
            ReadyPlan::Tcp { port } | ReadyPlan::Http { port, .. } => Some(*port),
            _ => None,
        };
        let mut all = vec![];
        for port in self.port.into_iter().chain(self.ports.values().copied()).chain(ready) {
            if !all.contains(&port) {
                all.push(port);
            }
        }
        all
    }

    /// Returns the open ports to which a caller may connect.
    pub fn ports_for(&self, caller: &str) -> Vec<u16> {
        let only = self.caller_ports.get(caller);
        self.open_ports().into_iter().filter(|port| only.is_none_or(|only| only.contains(port))).collect()
    }

    /// A port with its name, if it has one: `9090 (admin)`.
    pub fn port_text(&self, port: u16) -> String {
        match self.ports.iter().find(|(_, number)| **number == port) {
            Some((name, _)) => format!("{port} ({name})"),
            None => port.to_string(),
        }
    }

    /// A caller with the ports to which it may connect, if these are not all: `ops: 9090 (admin)`.
    pub fn caller_text(&self, caller: &str) -> String {
        match self.caller_ports.get(caller) {
            Some(ports) => {
                let ports: Vec<String> = ports.iter().map(|port| self.port_text(*port)).collect();
                format!("{caller}: {}", ports.join(" and "))
            }
            None => caller.to_owned(),
        }
    }
}

/// Condition for a unit to be ready; the agent checks it from inside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum ReadyPlan {
    /// Its process runs for this time without an end. Plans of earlier versions say `running`.
    #[serde(alias = "running")]
    StayUp {
        #[serde(default)]
        ms: u64,
    },
    /// Its process ends with exit code 0, and is repeated so often after another one.
    Completes { retries: u8 },
    /// An HTTP answer of 200 to 299.
    Http { port: u16, path: String, tls: bool },
    /// A command that ends with exit code 0 in the first copy.
    Exec { command: Vec<String> },
    /// An accepted connection.
    Tcp { port: u16 },
    /// A queue with a consumer; asked through the broker as this user.
    Consumers { vhost: String, queue: String, user: String },
    /// Every user logs in, and the declared topology answers.
    Broker,
    /// Every role answers a query, after roles and SQL files were applied.
    Database,
    /// What the kind of the backing service demands.
    Backing,
}

/// Limits of one copy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes.
    pub memory: u64,
    /// Thousandths of a processor.
    pub cpu_millis: u64,
    /// Processes and threads.
    pub pids: u32,
}

/// Confinement of a container.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Confinement {
    /// `user` or `user:group`, numeric; none for the image's own.
    pub user: Option<String>,
    /// Root is accepted.
    pub root: bool,
    /// The image's own files may be written.
    pub writable_root: bool,
    /// Capabilities kept.
    pub capabilities: Vec<String>,
    /// Why.
    pub reason: Option<String>,
}

impl Confinement {
    /// Returns the departures from the secure defaults in words, without the reason.
    pub fn departures(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.root || self.user.as_deref().is_some_and(|u| u == "0" || u.starts_with("0:")) {
            found.push("may run as root".to_owned());
        }
        if self.writable_root {
            found.push("has a writable root file system".to_owned());
        }
        if !self.capabilities.is_empty() {
            found.push(format!("has capabilities {}", self.capabilities.join(", ")));
        }
        found
    }
}
