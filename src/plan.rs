//! From a valid description and the facts of one run to an engine-neutral plan.
//!
//! Pure: takes values, returns values. It knows no engine, no clock and no randomness.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::SuiteOrigin;
use crate::spec::backing::Kind;
use crate::spec::model::{Action, Case, FlakyRule, KeyAlgorithm, Severity, Step, SuiteKind, VerdictSource};

pub mod build;
pub mod changes;
pub mod image_user;
mod position;
pub mod text;
mod unit;

pub use position::Position;
pub use unit::{Confinement, Limits, ReadyPlan, Unit, UnitKind};

/// Everything that an engine needs to bring up one environment; units are in an order in which they can start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// `<description>-pr-<number>`.
    pub environment: String,
    /// Name of the description.
    pub description: String,
    /// Pull request.
    pub pr: u32,
    /// Lower-case hexadecimal SHA-256 of the description as resolved (values and images filled in).
    pub description_digest: String,
    /// Life time in seconds.
    pub ttl_secs: u64,
    /// Services, broker, databases and backing services; each stands after all that it needs.
    pub units: Vec<Unit>,
    /// Names of the random secrets with their number of random bytes (not those of broker, databases and backing services).
    pub secrets: BTreeMap<String, u16>,
    /// Names of the generated keys. Plans of earlier versions do not know them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, KeyAlgorithm>,
    /// The broker's name, when there is one.
    pub broker: Option<BrokerPlan>,
    /// Databases by name.
    pub databases: BTreeMap<String, DatabasePlan>,
    /// Backing services by name. Plans of earlier versions do not know them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub backing: BTreeMap<String, Kind>,
    /// Suites by name.
    pub suites: BTreeMap<String, SuitePlan>,
}

/// Facts about the broker for the readiness barrier and the AMQP steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BrokerPlan {
    /// Unit name.
    pub name: String,
    /// 5672, or 5671 with TLS.
    pub port: u16,
    /// Speaks TLS only.
    pub tls: bool,
    /// Virtual hosts as declared.
    pub vhosts: BTreeMap<String, crate::spec::model::Vhost>,
    /// Users as declared; the secret of each is `<name>.<user>`.
    pub users: BTreeMap<String, crate::spec::model::BrokerUser>,
    /// Keys of `rabbitmq.conf` beside dayfly's own. Plans of earlier versions do not know them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
}

/// Facts about a database for the readiness barrier and the SQL steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatabasePlan {
    /// Database name.
    pub database: String,
    /// Roles; the secret of each is `<unit>.<role>`, that of the superuser `<unit>.postgres`.
    pub roles: Vec<String>,
    /// Extensions. Plans of earlier versions do not know them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
    /// SQL texts with their file names, in order.
    pub sql: Vec<(String, String)>,
}

/// One suite, with its times parsed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SuitePlan {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: SuiteKind,
    /// Lower-case hexadecimal SHA-256 of the suite's part of the description.
    pub digest: String,
    /// Files that its steps send or expect, by path. Plans of earlier versions do not know them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Vec<u8>>,
    /// Its condition leaves it out. Plans of earlier versions do not know conditions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_out: bool,
    /// Units that it may call.
    pub needs: BTreeSet<String>,
    /// Secrets it gets.
    pub secrets: Vec<String>,
    /// May run beside others that say the same.
    pub parallel: bool,
    /// Time limit in milliseconds.
    pub timeout_ms: u64,
    /// Retries of a failed case.
    pub retries: u8,
    /// Units that may end while it runs. Plans of earlier versions do not know it.
    #[serde(default)]
    pub may_end: BTreeSet<String>,
    /// What a flaky case means. Plans of earlier versions do not know it.
    #[serde(default)]
    pub flaky: FlakyRule,
    /// Container or steps that perform it. Plans of earlier versions call it `judge`.
    #[serde(alias = "judge")]
    pub executor: SuiteExecutor,
    /// Where it comes from. Plans of earlier versions do not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<SuiteOrigin>,
}

impl SuitePlan {
    /// Returns true if it comes from the protected base.
    pub fn is_of_base(&self) -> bool {
        self.origin.as_ref().is_some_and(SuiteOrigin::is_of_base)
    }
}

/// A container, built-in steps, or a scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "by")]
pub enum SuiteExecutor {
    /// A container of the user's.
    Container(Box<ContainerSuite>),
    /// Built-in steps performed by the agent.
    Steps { cases: Vec<Case> },
    /// A scan of dependencies by dayfly itself.
    Dependencies(DependencyScan),
}

/// What a suite of kind `dependencies` looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DependencyScan {
    /// Images, in the order in which their units start.
    pub images: Vec<ScannedImage>,
    /// Paths of lock files, as the description names them.
    pub lock_files: Vec<String>,
}

/// An image that is scanned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScannedImage {
    /// Reference.
    pub image: String,
    /// The units that run it.
    pub units: Vec<String>,
    /// The container suites that run it.
    pub suites: Vec<String>,
}

impl ScannedImage {
    /// Everything that runs it.
    pub fn users(&self) -> impl Iterator<Item = &str> {
        self.units.iter().chain(&self.suites).map(String::as_str)
    }
}

/// A container suite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContainerSuite {
    /// Image reference.
    pub image: String,
    /// Entrypoint; empty for the image's own.
    pub command: Vec<String>,
    /// Arguments; empty for the image's own, if the entrypoint is too. Plans of earlier versions do not know them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Folder in which the process begins; none for the image's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Environment variables in whose values `{{secret "name"}}` stands for secrets. Plans of earlier versions do not know them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_env: BTreeMap<String, String>,
    /// Results folder.
    pub results: String,
    /// The format of its results, or the exit code.
    pub verdict: VerdictSource,
    /// Severity from which a finding fails. Plans of earlier versions have no findings.
    #[serde(default)]
    pub fail_on: Severity,
    /// Limits.
    pub limits: Limits,
    /// Confinement.
    pub confinement: Confinement,
}

impl Plan {
    /// The error in a choice of suites, in a sentence; none when the description has them all.
    pub fn lacks(&self, chosen: &[String]) -> Option<String> {
        let unknown = chosen.iter().find(|s| !self.suites.contains_key(*s))?;
        let known = self.suites.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "none" } else { &known };
        Some(format!("the description has no suite {unknown}; it has: {known}"))
    }

    /// The error in a choice of units and container suites, in a sentence; none when each has an image of the description.
    pub fn lacks_image_of<T>(&self, chosen: &BTreeMap<String, T>) -> Option<String> {
        let is_container = |suite: &SuitePlan| matches!(suite.executor, SuiteExecutor::Container(_));
        let has = |name: &String| self.unit(name).is_some() || self.suites.get(name).is_some_and(is_container);
        let unknown = chosen.keys().find(|name| !has(name))?;
        let known = self.units.iter().map(|u| u.name.as_str()).collect::<Vec<_>>().join(", ");
        Some(format!("the description has no service or container suite {unknown}; its units are: {known}"))
    }

    /// The suites that their condition leaves out.
    pub fn left_out(&self) -> Vec<String> {
        self.suites.values().filter(|s| s.left_out).map(|s| s.name.clone()).collect()
    }

    /// The suites that a choice leaves out; an empty choice leaves out none.
    pub fn not_selected(&self, chosen: &[String]) -> Vec<String> {
        self.suites.keys().filter(|name| !chosen.is_empty() && !chosen.contains(name)).cloned().collect()
    }

    /// The scans of the chosen suites; an empty choice is every suite.
    pub fn scans(&self, chosen: &[String]) -> impl Iterator<Item = &DependencyScan> {
        let is_chosen = |s: &&SuitePlan| !s.left_out && (chosen.is_empty() || chosen.contains(&s.name));
        self.suites.values().filter(is_chosen).filter_map(|s| match &s.executor {
            SuiteExecutor::Dependencies(scan) => Some(scan),
            _ => None,
        })
    }

    /// The unit of that name.
    pub fn unit(&self, name: &str) -> Option<&Unit> {
        self.units.iter().find(|u| u.name == name)
    }

    /// The units that `principal` (a unit or a suite) may connect to.
    pub fn reachable_by<'a>(&'a self, principal: &'a str) -> impl Iterator<Item = &'a Unit> {
        self.units.iter().filter(move |u| u.callers.contains(principal))
    }

    /// Reports whether a step of a suite stops or restarts the unit.
    pub fn is_stopped_by_suites(&self, unit: &str) -> bool {
        let cases = self.suites.values().flat_map(|s| match &s.executor {
            SuiteExecutor::Steps { cases } => cases.as_slice(),
            SuiteExecutor::Container(_) | SuiteExecutor::Dependencies(_) => &[],
        });
        cases
            .flat_map(|c| c.steps.iter().chain(&c.cleanup))
            .flat_map(Step::with_inner)
            .any(|step| matches!(&step.action, Action::Stop(of) | Action::Restart(of) if of.service == unit))
    }

    /// The units and suites with variables that contain secrets.
    pub fn holders_of_secret_env(&self) -> impl Iterator<Item = &str> {
        let units = self.units.iter().filter(|u| !u.secret_env.is_empty()).map(|u| u.name.as_str());
        let suites = self
            .suites
            .values()
            .filter(|s| matches!(&s.executor, SuiteExecutor::Container(c) if !c.secret_env.is_empty()));
        units.chain(suites.map(|s| s.name.as_str()))
    }

    /// Every image that the plan runs, without repetition.
    pub fn images(&self) -> BTreeSet<String> {
        let judges = self.suites.values().filter_map(|s| match &s.executor {
            SuiteExecutor::Container(c) => Some(c.image.clone()),
            SuiteExecutor::Steps { .. } | SuiteExecutor::Dependencies(_) => None,
        });
        self.units.iter().map(|u| u.image.clone()).chain(judges).collect()
    }
}
