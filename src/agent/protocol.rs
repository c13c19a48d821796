//! The words between dayfly and its agent: one JSON object a line, requests answered in any order.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::plan::{BrokerPlan, DatabasePlan, Plan, ReadyPlan};
use crate::secrets::Secrets;
use crate::spec::model::Action;

/// The first line to the agent: what it must know of the environment for its position.
#[derive(Clone, Serialize, Deserialize)]
pub struct AgentContext {
    /// PEM of the environment's authority, trusted for TLS.
    pub ca: String,
    /// The broker, when there is one.
    pub broker: Option<BrokerPlan>,
    /// Databases by unit name.
    pub databases: BTreeMap<String, DatabasePlan>,
    /// Secrets by name: passwords for `<broker>.<user>` and `<database>.<role>`.
    pub secrets: BTreeMap<String, String>,
}

impl AgentContext {
    /// Everything of an environment, for the agents that dayfly itself places.
    pub fn of(plan: &Plan, secrets: &Secrets) -> Self {
        Self {
            ca: secrets.ca.clone(),
            broker: plan.broker.clone(),
            databases: plan.databases.clone(),
            secrets: secrets.values.clone(),
        }
    }

    /// What an agent inside a unit may know: the code beside it could read its memory, so no secret of anybody else.
    pub fn inside(plan: &Plan, secrets: &Secrets, unit: &str) -> Self {
        let listed = plan.unit(unit).map(|unit| unit.secrets.as_slice()).unwrap_or_default();
        let mut context = Self::of(plan, secrets);
        context.secrets.retain(|name, _| listed.contains(name));
        context
    }
}

/// A numbered request.
#[derive(Clone, Serialize, Deserialize)]
pub struct RequestEnvelope {
    /// Number, chosen by the client, unique on the connection.
    pub id: u64,
    /// What is asked.
    pub ask: AgentRequest,
}

/// What can be asked.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "ask")]
pub enum AgentRequest {
    /// Waits until a unit is ready or the time is over. Progress is reported while the answer changes.
    Ready {
        /// Unit (its host name).
        unit: String,
        /// Ready how.
        ready: ReadyPlan,
        /// Limit in milliseconds.
        within_ms: u64,
        /// The address behind its name, where the engine knows it better than the resolver does.
        #[serde(default)]
        at: Option<IpAddr>,
    },
    /// Performs one step; `within_ms` repeats it until it holds.
    Step {
        /// The action, variables already filled in.
        action: Box<Action>,
        /// Repeat until it holds, at most this long.
        within_ms: Option<u64>,
    },
    /// Which of these `host:port` accept a connection, each tried at most `timeout_ms`.
    Reach {
        /// Addresses.
        addresses: Vec<String>,
        /// Limit for each.
        timeout_ms: u64,
    },
    /// Which of these names resolve.
    Names {
        /// Names.
        names: Vec<String>,
        /// DNS servers to ask directly over UDP port 53, besides the system's resolver.
        servers: Vec<String>,
        /// Limit for each.
        timeout_ms: u64,
    },
    /// Accept connections on this port until the agent ends (bait of isolation checks); answers with its addresses.
    Listen {
        /// Port; 0 for any that is free.
        port: u16,
    },
    /// Kernel status of process 1 (the unit's, in position `Inside`).
    Status,
}

/// What comes back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ResponseEnvelope {
    /// Number of the request.
    pub id: u64,
    /// AgentResponse, or progress before it.
    pub answer: AgentResponse,
}

/// Answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "answer")]
pub enum AgentResponse {
    /// Not yet: the last thing that was seen. More replies follow.
    Waiting {
        /// What was tried and what came.
        last: String,
    },
    /// `Ready`: it is.
    Ready,
    /// A step, or readiness, that did not come about.
    Failed(StepFailure),
    /// A step that held.
    Passed {
        /// Captured variables.
        captured: BTreeMap<String, String>,
        /// What was seen, in a few words.
        saw: String,
        /// How long it took, in milliseconds.
        waited_ms: u64,
    },
    /// `Reach` and `Names`: which did.
    Reached {
        /// Those that accepted or resolved, with what they gave.
        reached: Vec<String>,
    },
    /// `Listen`: addresses of this agent.
    Listening {
        /// IP addresses.
        addresses: Vec<String>,
        /// The port that was asked for, or the free one that was found.
        port: u16,
    },
    /// `Status`.
    Status(ProcessStatus),
    /// The agent could not do what was asked.
    Error {
        /// Why.
        message: String,
    },
}

/// Why a step failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepFailure {
    /// What was expected.
    pub expected: String,
    /// What came.
    pub got: String,
    /// How long it waited, in milliseconds.
    pub waited_ms: u64,
    /// The step could not be judged (its own tools failed, not the environment): inconclusive.
    #[serde(default)]
    pub inconclusive: bool,
}

/// What the kernel says of process 1 in the agent's process namespace.
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
    /// Where a token could not be looked for, and why: where something stands here, it is not known to be absent.
    #[serde(default)]
    pub unseen: Vec<String>,
}
