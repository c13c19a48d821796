//! What a user writes about suites: containers, or cases made of built-in steps.
//!
//! Data only, as in `model`; a step is also what travels to the agent that performs it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One suite: either `image` (a container that judges) or `cases` (built-in steps).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Suite {
    /// What a failure means: exit code 5 for acceptance, 6 for security.
    pub kind: SuiteKind,
    /// Services that it may call; it reaches nothing else.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Secrets delivered as `/run/secrets/<name>`; also `{{secret "name"}}` in steps.
    #[serde(default)]
    pub secrets: Vec<String>,
    /// May run beside other suites that say the same (default false).
    #[serde(default)]
    pub parallel: bool,
    /// Longest time for the whole suite (default `10m`).
    #[serde(default = "default_timeout")]
    #[schemars(example = &"10m")]
    pub timeout: String,
    /// How often a failed case (or container) is tried again; shown as flaky when it then passes (default 0).
    #[serde(default)]
    #[schemars(range(min = 0, max = 5))]
    pub retries: u8,
    /// Image of a container suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Command of a container suite, in place of the image's own.
    #[serde(default)]
    pub command: Vec<String>,
    /// Environment variables of a container suite.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Folder of a container suite whose files are collected (default `/results`); JUnit XML in it is read.
    #[serde(default = "default_results")]
    pub results: String,
    /// What judges a container suite (default `junit`).
    #[serde(default)]
    pub verdict: VerdictSource,
    /// Limits of a container suite.
    #[serde(default)]
    pub resources: super::model::Resources,
    /// Departures of a container suite from the secure defaults.
    #[serde(default)]
    pub security: super::model::Security,
    /// The cases of a suite of built-in steps, in their order.
    #[serde(default)]
    pub cases: Vec<Case>,
}

fn default_timeout() -> String {
    "10m".into()
}
fn default_results() -> String {
    "/results".into()
}

/// Acceptance or security.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SuiteKind {
    /// Does it do what it should?
    Acceptance,
    /// Does it refuse what it should?
    Security,
}

/// What decides the verdict of a container suite.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictSource {
    /// JUnit XML in the results folder, and the exit code.
    #[default]
    Junit,
    /// The exit code alone: one case.
    ExitCode,
}

/// One judgement: steps in order; the first that fails ends it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// Short id, unique in the suite, such as `A1`.
    #[schemars(example = &"A1")]
    pub id: String,
    /// A sentence that says what holds when it passes.
    pub name: String,
    /// The steps.
    pub steps: Vec<Step>,
    /// Steps that run at the end whatever happened before; their failure fails the case.
    #[serde(default)]
    pub cleanup: Vec<Step>,
}

/// One step: exactly one action, and how it is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = super::schema::one_action)]
pub struct Step {
    /// A name that a refusal can point at as its positive control; unique in the suite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The positive control of a refusal: the name of an earlier step of this suite, which must have passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// Run from inside this service's network position instead of the suite's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Repeat until it holds, at most this long, such as `5s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"5s")]
    pub within: Option<String>,
    /// What to do.
    #[serde(flatten)]
    pub action: Action,
}

/// The actions that dayfly's agent knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Send an HTTP request and compare the answer.
    Http(Http),
    /// Open a TCP connection; expected to work, or with `refused: true` to fail.
    Tcp(Tcp),
    /// Resolve a name; expected to work, or with `refused: true` to fail.
    Resolve(Resolve),
    /// Log in to the broker; expected to work, or with `refused: true` to be refused.
    AmqpLogin(AmqpLogin),
    /// Publish a message and wait for the broker's confirmation.
    Publish(Publish),
    /// Begin to collect messages of an exchange into a private queue.
    Listen(Listen),
    /// Wait for messages that a `listen` collected, or for messages of a queue.
    Expect(Expect),
    /// Let some time pass and demand that a `listen` collected nothing.
    ExpectNothing(ExpectNothing),
    /// Try an operation that the broker must refuse (or, as a control, allow).
    AmqpTry(AmqpTry),
    /// Demand a number of messages or consumers of a queue.
    QueueDepth(QueueDepth),
    /// Run SQL and compare the rows.
    Sql(Sql),
    /// Stop a service and wait until it is stopped.
    Stop(ServiceRef),
    /// Start a stopped or late service and wait until it is ready.
    Start(ServiceRef),
    /// Stop, start and wait until ready.
    Restart(ServiceRef),
    /// Let time pass where the passing of time is what is tested.
    Wait(Wait),
    /// Demand how a running container is confined, as its kernel reports it.
    Confined(Confined),
    /// Demand that services reach neither the host, nor the outside, nor outside names; makes its own controls.
    NoWayOut(NoWayOut),
    /// Demand that services cannot reach another environment by address or name; makes its own control.
    NoNeighbour(NoWayOut),
    /// Demand that no generated secret stands in any log or argument list of the environment.
    NoSecretsLeaked(NoSecretsLeaked),
}

/// An HTTP request and what is expected of its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Http {
    /// Method (default `GET`).
    #[serde(default = "get")]
    pub method: String,
    /// `http://` or `https://` address; the path is sent as written. HTTPS trusts the environment's CA.
    #[schemars(example = &"http://api:8080/healthz")]
    pub url: String,
    /// Request headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Request body as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Request body as JSON; sets the content type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// Expected answer.
    #[serde(default)]
    pub expect: HttpExpect,
    /// Variables set from the answer: name to where (`$.a.b` in JSON, `header:NAME`, `body`, `sha256`).
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
}

fn get() -> String {
    "GET".into()
}

/// What an HTTP answer must be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpExpect {
    /// Allowed status codes (default: 200 to 299).
    #[serde(default)]
    pub status: Vec<u16>,
    /// JSON that the answer must contain (objects may have more keys).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// Exact body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Text that the body contains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// Text that the body must not contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<String>,
    /// Lower-case hexadecimal SHA-256 of the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Header values, compared exactly.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// A TCP connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tcp {
    /// `host:port`.
    #[schemars(example = &"api:8080")]
    pub to: String,
    /// The connection must not come about (default false).
    #[serde(default)]
    pub refused: bool,
    /// Variables set from the connection: name to `address`, the `ip:port` that was reached.
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
}

/// A name look-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resolve {
    /// The name.
    pub host: String,
    /// The name must not resolve (default false).
    #[serde(default)]
    pub refused: bool,
}

/// A login at the broker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AmqpLogin {
    /// User; its generated password is used unless `password` is given.
    pub user: String,
    /// Another password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Virtual host.
    pub vhost: String,
    /// The login must be refused (default false).
    #[serde(default)]
    pub refused: bool,
}

/// A message to publish; it is returned, and the step fails, when no queue takes it and `unrouted` is false.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Publish {
    /// User of the broker.
    pub user: String,
    /// Virtual host.
    pub vhost: String,
    /// Exchange (empty: the default exchange).
    #[serde(default)]
    pub exchange: String,
    /// Routing key.
    #[serde(default)]
    pub key: String,
    /// Body as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Body as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// `message_id` (default: a fresh one).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// How many times the same message is published (default 1).
    #[serde(default = "once")]
    pub times: u16,
    /// A message that no queue takes is no failure (default false).
    #[serde(default)]
    pub unrouted: bool,
}

fn once() -> u16 {
    1
}

/// Collect what an exchange delivers, from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listen {
    /// Name by which `expect` refers to it.
    #[serde(rename = "as")]
    pub name: String,
    /// User of the broker; it must be allowed to declare and read queues that begin with `dayfly.`.
    pub user: String,
    /// Virtual host.
    pub vhost: String,
    /// Exchange.
    pub exchange: String,
    /// Binding key (default `#`).
    #[serde(default = "everything")]
    pub key: String,
}

fn everything() -> String {
    "#".into()
}

/// Wait for messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expect {
    /// The `listen` that collects them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Or: a queue to take them from, with `user` and `vhost`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// User, for `queue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Virtual host, for `queue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vhost: Option<String>,
    /// Exactly this many messages that match (default 1).
    #[serde(default = "once")]
    pub count: u16,
    /// Exact routing key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// JSON that the body must contain (objects may have more keys).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// The body must be JSON with exactly these keys; `data.path` stands for the key `path` of the object `data`.
    #[serde(default)]
    pub only_keys: Vec<String>,
    /// Text that no collected message may contain, headers included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<String>,
    /// Properties that must be set, such as `message_id`, `timestamp`, `persistent`.
    #[serde(default)]
    pub properties: Vec<String>,
    /// Variables set from the first match: name to where (`$.a.b` in the body, `key`, `message_id`).
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
}

/// Demand silence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpectNothing {
    /// The `listen` that collects.
    pub on: String,
    /// For how long, such as `2s`.
    #[serde(rename = "for")]
    #[schemars(example = &"2s")]
    pub duration: String,
}

/// An operation at the broker that may be refused for want of permission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AmqpTry {
    /// User of the broker.
    pub user: String,
    /// Virtual host.
    pub vhost: String,
    /// The operation.
    pub operation: AmqpOperation,
    /// Exchange, for `publish`, `bind` and `declare-exchange`.
    #[serde(default)]
    pub exchange: String,
    /// Queue, for `consume`, `bind` and `declare-queue`.
    #[serde(default)]
    pub queue: String,
    /// Routing key, for `publish` and `bind`.
    #[serde(default)]
    pub key: String,
    /// It must be refused with ACCESS_REFUSED (default false).
    #[serde(default)]
    pub refused: bool,
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AmqpOperation {
    /// Publish a message that changes nothing when it is allowed (expires at once).
    Publish,
    /// Open a consumer, take nothing, and cancel it.
    Consume,
    /// Bind the queue to the exchange.
    Bind,
    /// Declare a queue.
    DeclareQueue,
    /// Declare an exchange.
    DeclareExchange,
}

/// Numbers of a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QueueDepth {
    /// User of the broker.
    pub user: String,
    /// Virtual host.
    pub vhost: String,
    /// Queue.
    pub queue: String,
    /// Messages that are ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u32>,
    /// Consumers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumers: Option<u32>,
}

/// A query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sql {
    /// Database service.
    pub database: String,
    /// Role to log in as.
    pub role: String,
    /// The statement.
    pub query: String,
    /// Expected rows: each a list of columns as text (null for NULL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<Vec<Option<String>>>>,
    /// It must be refused for want of privilege (SQLSTATE 42501 or 28xxx; default false).
    #[serde(default)]
    pub refused: bool,
    /// Variables set from the first row: name to column number from 0.
    #[serde(default)]
    pub capture: BTreeMap<String, u16>,
}

/// A service to act on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceRef {
    /// Its name.
    pub service: String,
}

/// A pause that is part of what is tested.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wait {
    /// How long, such as `60s`.
    #[serde(rename = "for")]
    #[schemars(example = &"60s")]
    pub duration: String,
}

/// How services are confined; read from the engine and from the running process's kernel status.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Confined {
    /// The services (default: all).
    #[serde(default)]
    pub services: Vec<String>,
    /// What is demanded, whatever the description declares (default: everything but its declared departures).
    #[serde(default)]
    pub aspects: Vec<Aspect>,
}

/// One side of how a service is confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    /// It does not run as root.
    User,
    /// It has no capabilities.
    Capabilities,
    /// It cannot gain privileges.
    NoNewPrivileges,
    /// Its root file system is read-only.
    ReadOnlyRoot,
    /// It holds no service-account token.
    NoServiceAccountToken,
}

/// From where the outside, or a neighbour, is tried.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NoWayOut {
    /// The services from whose network position it is tried (default: all).
    #[serde(default)]
    pub services: Vec<String>,
}

/// Looks for every generated secret in logs, arguments, environment variables and labels.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NoSecretsLeaked {}

impl Action {
    /// Whether the step passes because something was refused; it then needs a positive control.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Http(h) => {
                !h.expect.status.is_empty() && h.expect.status.iter().all(|s| matches!(s, 401 | 403 | 404 | 405))
            }
            Self::Tcp(a) => a.refused,
            Self::Resolve(a) => a.refused,
            Self::AmqpLogin(a) => a.refused,
            Self::AmqpTry(a) => a.refused,
            Self::Sql(a) => a.refused,
            _ => false,
        }
    }
}
