//! S3 and servers with its interface (MinIO, RustFS, …): what is declared, how it runs, and the step `s3`. Pure.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::profile::{About, Credential, Profile};
use crate::spec::diagnostic::DiagnosticSink;
use crate::spec::span::FieldPath;

mod step;

pub use step::{S3Expect, S3Operation, S3Step};

/// Words about it.
pub(super) const ABOUT: About = About {
    noun: "s3",
    ready: "a signed request lists the declared buckets",
    lost: "its objects",
    refusals: &[
        ("invalidaccesskeyid", "unknown access key"),
        ("signaturedoesnotmatch", "wrong secret key"),
        ("nosuchbucket", "there is no such bucket"),
        ("the specified bucket does not exist", "there is no such bucket"),
    ],
    images: &["minio", "rustfs", "s3s-fs"],
};
/// Names of the secrets, as score.dev names them.
pub const ACCESS_KEY: &str = "aws_access_key_id";
/// See [`ACCESS_KEY`].
pub const SECRET_KEY: &str = "aws_secret_key";

/// A server with the interface of S3.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3 {
    /// Buckets, which are created before it is ready.
    #[serde(default)]
    pub buckets: Vec<String>,
    /// Region of its signatures (default `us-east-1`).
    #[serde(default = "default_region")]
    pub region: String,
    /// Port that it listens on (default 9000).
    #[serde(default = "default_port")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// Arguments of its image (default `server /data`, as MinIO is started).
    #[serde(default = "default_args")]
    pub args: Vec<String>,
    /// Environment variables, beside `MINIO_ROOT_USER_FILE` and `MINIO_ROOT_PASSWORD_FILE`, which name the files of its keys.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Folder of its data (default `/data`).
    #[serde(default = "default_data")]
    pub data: String,
}

fn default_region() -> String {
    "us-east-1".to_owned()
}
fn default_port() -> u16 {
    9000
}
fn default_args() -> Vec<String> {
    ["server", "/data"].map(str::to_owned).to_vec()
}
fn default_data() -> String {
    "/data".to_owned()
}

impl S3 {
    pub(super) fn profile(&self, unit: &str) -> Profile {
        let file = |credential: &str| format!("/run/secrets/{unit}.{credential}");
        let mut env = self.env.clone();
        for (name, value) in [
            // A server may write its settings to its home, which is read-only otherwise.
            ("HOME", "/tmp".to_owned()),
            ("MINIO_ROOT_USER_FILE", file(ACCESS_KEY)),
            ("MINIO_ROOT_PASSWORD_FILE", file(SECRET_KEY)),
        ] {
            env.entry(name.to_owned()).or_insert(value);
        }
        Profile {
            port: self.port,
            args: self.args.clone(),
            env,
            writable: vec![self.data.clone()],
            // The lengths of AWS: some servers know no longer ones.
            credentials: vec![
                Credential { name: ACCESS_KEY.to_owned(), bytes: 10 },
                Credential { name: SECRET_KEY.to_owned(), bytes: 20 },
            ],
            receives_credentials: true,
        }
    }

    pub(super) fn check(&self, at: &FieldPath, sink: &mut DiagnosticSink) {
        let mut seen = BTreeSet::new();
        for (i, bucket) in self.buckets.iter().enumerate() {
            let at = at.key("buckets").index(i);
            if !is_bucket(bucket) {
                let help =
                    "use 3 to 63 lower-case letters, digits, `-` and `.`, and begin and end with a letter or digit";
                sink.add(&at, format!("`{bucket}` cannot be the name of a bucket"), help);
            } else if !seen.insert(bucket) {
                sink.add(&at, format!("the bucket `{bucket}` is listed twice"), "remove one of the two");
            }
        }
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.region.is_empty() || self.region.len() > 40 || !self.region.chars().all(legal) {
            sink.add(
                &at.key("region"),
                format!("`{}` cannot be the name of a region", self.region),
                "write one such as `eu-west-1`",
            );
        }
    }

    /// Checks a step; texts with variables are known only while the suite runs.
    pub fn check_step(&self, at: &FieldPath, step: &S3Step, sink: &mut DiagnosticSink) {
        let operation = step.operation.noun();
        if step.bucket.is_empty() {
            sink.add(&at.key("bucket"), "the name of the bucket is empty", "write one");
        }
        let lists = step.operation == S3Operation::List;
        if step.key.is_empty() != lists {
            let (message, help) = match lists {
                true => ("`list` has no `key`".to_owned(), "write `prefix`: what the listed keys begin with"),
                false => (format!("`{operation}` needs a `key`"), "add the key of the object"),
            };
            sink.add(at, message, help);
        }
        let puts = step.operation == S3Operation::Put;
        if puts != step.text.is_some() {
            let message =
                if puts { "`put` needs a `text`".to_owned() } else { format!("`{operation}` sends no `text`") };
            sink.add(
                at,
                message,
                if puts { "add the content of the object" } else { "write what is expected under `expect`" },
            );
        }
        for (given, key, of) in [
            (step.prefix.is_some() && !lists, "prefix", "list"),
            (step.content_type.is_some() && !puts, "contentType", "put"),
            (step.expect.keys.is_some() && !lists, "expect", "list"),
        ] {
            if given {
                let what = if key == "expect" { "expect.keys" } else { key };
                sink.add_key(
                    &at.key(key),
                    format!("`{what}` has no effect on `{operation}`"),
                    format!("remove it, or write `operation: {of}`"),
                );
            }
        }
        if step.refused && (step.expect.error.is_some() || !step.expect.status.is_empty()) {
            sink.add(at, "the step expects both `refused` and another status or error", "keep one of the two");
        }
        if step.operation == S3Operation::Head && step.expect.error.is_some() {
            let help = "expect a `status`, such as 404";
            sink.add(&at.key("expect").key("error"), "the answer of `head` names no error", help);
        }
        let content = [
            (step.expect.text.is_some(), "text"),
            (step.expect.contains.is_some(), "contains"),
            (step.expect.sha256.is_some(), "sha256"),
        ];
        for (_, key) in content.into_iter().filter(|(given, _)| *given && step.operation == S3Operation::Head) {
            let help = "read the object with `get`, or expect `headers`";
            sink.add(&at.key("expect").key(key), "the answer of `head` has no content", help);
        }
        if step.anonymous && (step.access_key.is_some() || step.secret_key.is_some()) {
            sink.add(at, "a request without a signature uses no key", "remove `anonymous` or the key");
        }
        for (i, status) in step.expect.status.iter().enumerate().filter(|(_, s)| !(100..=599).contains(*s)) {
            let at = at.key("expect").key("status").index(i);
            sink.add(&at, format!("{status} is not an HTTP status"), "write a number from 100 to 599");
        }
    }
}

/// The rules for names of buckets that every server knows.
fn is_bucket(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.chars().all(legal)
        && name.starts_with(edge)
        && name.ends_with(edge)
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
}

#[cfg(test)]
mod tests;
