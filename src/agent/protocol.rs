//! The protocol between dayfly and its agent: one authenticated JSON object per line; answers come in any order.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::plan::{BrokerPlan, DatabasePlan, Plan, ReadyPlan};
use crate::secrets::Secrets;
use crate::spec::backing::Kind;
use crate::spec::model::Action;

/// The first line to the agent, over its standard input, which nobody else reads.
#[derive(Serialize, Deserialize)]
pub struct Opening {
    /// Key of the connection in hexadecimal; it authenticates every further line.
    pub key: String,
    /// The agent's information about the environment.
    pub context: AgentContext,
}

/// The agent's information about the environment.
#[derive(Clone, Serialize, Deserialize)]
pub struct AgentContext {
    /// Certificate of the environment's authority (PEM), trusted for TLS.
    pub ca: String,
    /// The broker, if there is one.
    pub broker: Option<BrokerPlan>,
    /// Databases by unit name.
    pub databases: BTreeMap<String, DatabasePlan>,
    /// Backing services by unit name.
    #[serde(default)]
    pub backing: BTreeMap<String, Kind>,
    /// Secrets by name: passwords for `<broker>.<user>`, `<database>.<role>` and backing services.
    pub secrets: BTreeMap<String, String>,
}

impl AgentContext {
    /// Returns the complete context, for agents outside of units.
    pub fn complete(plan: &Plan, secrets: &Secrets) -> Self {
        Self {
            ca: secrets.ca.clone(),
            broker: plan.broker.clone(),
            databases: plan.databases.clone(),
            backing: plan.backing.clone(),
            secrets: secrets.values.clone(),
        }
    }

    /// Returns the context of an agent inside a unit, with the unit's secrets only: the unit's code could read its memory.
    pub fn inside(plan: &Plan, secrets: &Secrets, unit: &str) -> Self {
        let listed = plan.unit(unit).map(|unit| unit.secrets.as_slice()).unwrap_or_default();
        let mut context = Self::complete(plan, secrets);
        context.secrets.retain(|name, _| listed.contains(name));
        context
    }
}

/// A numbered request.
#[derive(Clone, Serialize, Deserialize)]
pub struct RequestEnvelope {
    /// Chosen by the client, unique on the connection.
    pub id: u64,
    /// The request.
    pub ask: AgentRequest,
}

/// A request to an agent.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "ask")]
pub enum AgentRequest {
    /// Waits until a unit is ready or the time limit is reached; reports changes.
    Ready {
        /// Unit (its host name).
        unit: String,
        /// Its readiness probe.
        ready: ReadyPlan,
        /// Limit in milliseconds.
        within_ms: u64,
        /// Its address, if the engine knows it before the resolver does.
        #[serde(default)]
        at: Option<IpAddr>,
    },
    /// Performs one step.
    Step {
        /// The action, with variables substituted.
        action: Box<Action>,
        /// Time limit for repeating it until it passes.
        within_ms: Option<u64>,
    },
    /// Returns the addresses (`host:port`) that accept a connection.
    Reach {
        /// Addresses.
        addresses: Vec<String>,
        /// Limit for each.
        timeout_ms: u64,
    },
    /// Returns the names that resolve.
    Names {
        /// Names.
        names: Vec<String>,
        /// DNS servers to query on UDP port 53, in addition to the system's resolver.
        servers: Vec<String>,
        /// Limit for each.
        timeout_ms: u64,
    },
    /// Accepts connections until the agent ends, as a positive control; returns the agent's addresses.
    Listen {
        /// Port; 0 for any free one.
        port: u16,
    },
    /// Returns the kernel's status of process 1, which is the unit's at position `Inside`.
    Status,
    /// Asks for a sign of life.
    Ping,
}

/// A numbered answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResponseEnvelope {
    /// Number of the request.
    pub id: u64,
    /// The answer, or progress before it.
    pub answer: AgentResponse,
}

/// An answer of an agent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "answer")]
pub enum AgentResponse {
    /// Progress of `Ready`; more answers follow.
    Waiting {
        /// The last failed attempt.
        last: String,
    },
    /// The unit is ready.
    Ready,
    /// The step failed, or the unit is not ready.
    Failed(StepFailure),
    /// The step passed.
    Passed {
        /// Captured variables.
        captured: BTreeMap<String, String>,
        /// A summary of the observation.
        saw: String,
        /// Duration in milliseconds.
        waited_ms: u64,
    },
    /// The answer to `Reach` and `Names`.
    Reached {
        /// The reached addresses, or the resolved names with their addresses.
        reached: Vec<String>,
        /// The machine was so busy that an address that was not reached proves nothing.
        #[serde(default)]
        busy: bool,
    },
    /// The answer to `Listen`.
    Listening {
        /// IP addresses.
        addresses: Vec<String>,
        /// The requested or chosen port.
        port: u16,
    },
    /// The answer to `Status`.
    Status(ProcessStatus),
    /// The answer to `Ping`.
    Pong,
    /// The agent could not process the request.
    Error {
        /// The reason.
        message: String,
    },
}

/// The failure of a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepFailure {
    /// The expectation.
    pub expected: String,
    /// The observation.
    pub got: String,
    /// Waiting time in milliseconds.
    pub waited_ms: u64,
    /// The agent failed, and not the environment: inconclusive.
    #[serde(default)]
    pub inconclusive: bool,
}

/// The kernel's status of process 1 in the agent's process namespace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessStatus {
    /// Effective user id.
    pub uid: u32,
    /// Capabilities as hexadecimal masks, by the kernel's names: `CapEff`, `CapPrm`, `CapInh`, `CapBnd`, `CapAmb`.
    pub capabilities: BTreeMap<String, String>,
    /// `NoNewPrivs` is 1.
    pub no_new_privileges: bool,
    /// `/` is mounted read-only.
    pub read_only_root: bool,
    /// Argument lists of all processes.
    pub arguments: Vec<String>,
    /// A service-account token is mounted.
    pub service_account_token: bool,
}
