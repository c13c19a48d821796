//! Parameters of the built-in steps for HTTP, TCP, name resolution, SQL and services. Data only.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::value::given_json;

/// An HTTP request and its expected answer.
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
    #[serde(default, deserialize_with = "given_json", skip_serializing_if = "Option::is_none")]
    pub json: Option<Value>,
    /// Request body: this file in the folder of the description or below, by relative path; at most 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Request body: the parts of a form (`multipart/form-data`); sets the content type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub multipart: Vec<Part>,
    /// Base64 of the files that the step sends, by path; on the way to the agent only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(skip)]
    pub contents: BTreeMap<String, String>,
    /// Longest time for the request with its complete answer (default `30s`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"30s")]
    pub timeout: Option<String>,
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

/// One part of a form: `text`, or a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Part {
    /// Name of the field.
    pub name: String,
    /// Its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Instead of `text`: a file in the folder of the description or below, by relative path; at most 1 MiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// File name to send (default: that of `file`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Content type (default for files: `application/octet-stream`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

/// Requirements for an HTTP answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpExpect {
    /// Allowed status codes (default: 200 to 299).
    #[serde(default)]
    pub status: Vec<u16>,
    /// JSON that the answer must contain (objects may have more keys).
    #[serde(default, deserialize_with = "given_json", skip_serializing_if = "Option::is_none")]
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
    /// File that the body equals, by relative path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
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
    /// The connection must fail (default false).
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

/// An SQL statement and its expected rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sql {
    /// Name of the database under `databases`.
    pub database: String,
    /// Role to log in as.
    pub role: String,
    /// The statement.
    pub query: String,
    /// Expected rows: each a list of columns as text (null for NULL).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<Vec<Option<String>>>>,
    /// The database must refuse it for lack of privileges (SQLSTATE 42501 or 28xxx; default false).
    #[serde(default)]
    pub refused: bool,
    /// Variables set from the first row: name to column number from 0.
    #[serde(default)]
    pub capture: BTreeMap<String, u16>,
}

/// A service, database, broker or backing service.
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

/// How services must be confined, as the engine and the kernel report it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Confined {
    /// The services (default: all).
    #[serde(default)]
    pub services: Vec<String>,
    /// Aspects to check, regardless of the description (default: all but its declared departures).
    #[serde(default)]
    pub aspects: Vec<Aspect>,
}

/// One aspect of how a service is confined.
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

/// Services from which connections are tried.
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
