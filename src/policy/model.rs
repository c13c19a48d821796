//! The policy that an operator writes, as plain data. The JSON Schema is generated from these types.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::oidc::Forge;
use crate::spec::model::Severity;

/// A whole policy: `apiVersion: dayfly.dev/v1alpha1`, `kind: Policy`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PolicyDocument {
    /// Always `dayfly.dev/v1alpha1`.
    pub api_version: String,
    /// Always `Policy`.
    pub kind: String,
    /// Whom to ask about a refusal, such as a mail address; shown in every refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"platform-team@example.org")]
    pub contact: Option<String>,
    /// Limits for everybody whom no rule names.
    #[serde(default)]
    pub default: LimitSet,
    /// Limits for some namespaces and repositories. The first rule that matches applies.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Namespaces by name, with the repositories that each may speak for.
    #[serde(default)]
    pub namespaces: BTreeMap<String, Namespace>,
    /// Forges whose identity tokens prove to which repository a CI job belongs.
    #[serde(default)]
    pub issuers: Vec<TrustedIssuer>,
}

/// Limits. A rule's field that is left out comes from `default`, and from dayfly's built-in limits after that.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LimitSet {
    /// Allowed departures from the secure defaults (built-in: none).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub departures: Option<Vec<Departure>>,
    /// Allowed capabilities, such as `NET_BIND_SERVICE` (built-in: none).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// Allowed images, as names without tag; `/*` at the end stands for everything below (built-in: any registry with a
    /// public name, and images that exist only on the machine, `localhost/…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &["registry.example/shop/*"])]
    pub registries: Option<Vec<String>>,
    /// Memory of all containers of an environment together (built-in: `8Gi`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"8Gi")]
    pub memory: Option<String>,
    /// Processors of all containers of an environment together (built-in: `16`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"16")]
    pub cpu: Option<String>,
    /// Copies of one service (built-in: 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9))]
    pub replicas: Option<u8>,
    /// Lifetime of an environment (built-in: `24h`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"24h")]
    pub ttl: Option<String>,
    /// Environments that exist at the same time, kept ones included: of one namespace, or of one command line and repository
    /// (built-in: 10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub environments: Option<u16>,
    /// What a scan of dependencies accepts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dependencies: Option<DependencyRules>,
}

/// What a scan of dependencies accepts. Malicious packages always fail.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DependencyRules {
    /// Lowest severity that fails a scan (built-in: `low`, every vulnerability with a severity).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_on: Option<Severity>,
    /// What a vulnerability without a severity does (built-in: `fail`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_severity: Option<Reaction>,
    /// What a notice does, such as that a package is unmaintained (built-in: `pass`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notices: Option<Reaction>,
    /// Longest age of the advisories, counted from when they were taken (built-in: `7d`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"7d")]
    pub max_age: Option<String>,
    /// Advisories must have a signature that was verified (built-in: `false`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<bool>,
    /// What a change does that touches dependencies and code (built-in: `pass`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mixed: Option<Reaction>,
    /// How long a new version must have been public, unless it fixes a known vulnerability (built-in: no time).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"14d")]
    pub cooldown: Option<String>,
    /// What a new version without a time of upload does, where there is a cooldown (built-in: the change is inconclusive).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_age: Option<Reaction>,
    /// What a package does that others, or nobody, attest now (built-in: `fail`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher_changed: Option<Reaction>,
    /// What a package does that comes from elsewhere now, or has other content in the same version (built-in: `fail`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_changed: Option<Reaction>,
    /// What a package does that is new to run code when it is installed (built-in: `pass`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub install_code: Option<Reaction>,
    /// Names that look like popular ones, and are known to be right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_names: Option<Vec<String>>,
    /// Longest time between two assessments of a dependency in the register (built-in: that of the register).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"180d")]
    pub reassess: Option<String>,
    /// What an explicit dependency does whose version nobody reviewed (built-in: `pass`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviews: Option<Reaction>,
    /// How long after its publication a vulnerability does not fail yet, by severity (built-in: no time).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leeway: Option<Leeway>,
}

/// A duration for each severity.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Leeway {
    /// Of low severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"90d")]
    pub low: Option<String>,
    /// Of medium severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"60d")]
    pub medium: Option<String>,
    /// Of high severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"14d")]
    pub high: Option<String>,
    /// Of critical severity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"3d")]
    pub critical: Option<String>,
}

/// What a finding does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reaction {
    /// It fails the scan.
    Fail,
    /// It is shown.
    Pass,
}

/// A departure from the secure defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Departure {
    /// `security.root`: a container may run as root.
    Root,
    /// `security.writableRoot`: a container may write to the image's own files.
    WritableRoot,
}

impl Departure {
    /// The field of `security`.
    pub fn field(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::WritableRoot => "writableRoot",
        }
    }
}

/// Limits for some namespaces and repositories: at least one of `namespaces` and `repositories`, and all that are given must
/// match.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Namespaces of TestEnvironments; `*` at the end stands for any rest. Such a rule matches no command.
    #[serde(default)]
    #[schemars(example = &["team-a", "team-b-*"])]
    pub namespaces: Vec<String>,
    /// Repositories by URL; `/*` at the end stands for everything below. For a TestEnvironment, `namespaces` of the policy
    /// must prove the repository.
    #[serde(default)]
    #[schemars(example = &["https://git.example/org/shop"])]
    pub repositories: Vec<String>,
    /// The limits.
    pub allow: LimitSet,
}

/// A namespace and what it may speak for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Namespace {
    /// Repositories by URL whose pull requests the namespace may test; `/*` at the end stands for everything below.
    pub repositories: Vec<String>,
}

/// A forge whose identity tokens (OpenID Connect) are believed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustedIssuer {
    /// The claim `iss` of its tokens, exactly.
    #[schemars(example = &"https://token.actions.githubusercontent.com")]
    pub issuer: String,
    /// The kind of forge: GitHub (also Enterprise Server) or GitLab.
    pub forge: Forge,
    /// URL before the path of its repositories.
    #[schemars(example = &"https://github.com")]
    pub server: String,
    /// Audience of its tokens (default: `dayfly`). For a TestEnvironment, `/NAMESPACE` is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Its public keys, a JSON Web Key Set: an https URL, or a file beside the policy.
    #[schemars(example = &"jwks.json")]
    pub keys: String,
}

impl PolicyDocument {
    /// A policy that sets nothing.
    pub(super) fn empty() -> Self {
        Self {
            api_version: crate::spec::model::API_VERSION.to_owned(),
            kind: crate::spec::kind::POLICY.kind.to_owned(),
            contact: None,
            default: LimitSet::default(),
            rules: Vec::new(),
            namespaces: BTreeMap::new(),
            issuers: Vec::new(),
        }
    }
}
