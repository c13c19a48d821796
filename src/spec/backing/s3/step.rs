//! The step `s3`. Data, and what follows from it. Pure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One request to an S3 server, and its expected answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct S3Step {
    /// Name of the server under `s3`.
    pub service: String,
    /// What is done.
    pub operation: S3Operation,
    /// The bucket.
    pub bucket: String,
    /// The key of the object; `list` has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// What the keys that `list` lists begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The content that `put` stores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its content type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Access key instead of the server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key: Option<String>,
    /// Secret key instead of the server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_key: Option<String>,
    /// Send the request without a signature (default false).
    #[serde(default)]
    pub anonymous: bool,
    /// The server must refuse it: status 401 or 403 (default false).
    #[serde(default)]
    pub refused: bool,
    /// Expected answer.
    #[serde(default)]
    pub expect: S3Expect,
    /// Variables set from the answer: name to where (`$.a.b` in JSON, `header:NAME`, `text`, `sha256`).
    #[serde(default)]
    pub capture: BTreeMap<String, String>,
}

/// An operation of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum S3Operation {
    /// Store an object.
    Put,
    /// Read an object.
    Get,
    /// Read what is known about an object.
    Head,
    /// List the first 1000 keys of a bucket.
    List,
    /// Delete an object.
    Delete,
}

impl S3Operation {
    /// Its name.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
            Self::Head => "head",
            Self::List => "list",
            Self::Delete => "delete",
        }
    }

    /// Its method.
    pub fn method(self) -> &'static str {
        match self {
            Self::Put => "PUT",
            Self::Get | Self::List => "GET",
            Self::Head => "HEAD",
            Self::Delete => "DELETE",
        }
    }
}

/// Requirements for the answer of an S3 server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct S3Expect {
    /// Allowed status codes (default: 200 to 299, and any with `error`).
    #[serde(default)]
    pub status: Vec<u16>,
    /// Code of the error that it must answer, such as `NoSuchKey`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Exact content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Text that the content contains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// Lower-case hexadecimal SHA-256 of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Header values, compared exactly, such as `content-length`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Exactly these keys, in any order, for `list`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
}

impl S3Step {
    /// Returns true if the request changes nothing.
    pub fn only_reads(&self) -> bool {
        !matches!(self.operation, S3Operation::Put | S3Operation::Delete)
    }
}
