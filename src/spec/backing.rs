//! Backing services by kind. A kind is one file with its step: what is declared, how it runs, and the checks. Pure.
//!
//! Here is only the list of kinds: each has a section of the description, which is named as in score.dev. The agent has the
//! clients, and `backing_services` finds what a description declares.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::diagnostic::DiagnosticSink;
use super::span::FieldPath;

pub mod profile;
pub mod redis;
pub mod s3;

use profile::{About, Profile};
use redis::Redis;
use s3::S3;

/// Name of a kind: also that of its section of the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KindName {
    /// Redis.
    Redis,
    /// S3.
    S3,
}

impl KindName {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Redis, Self::S3];

    /// Words about it.
    pub fn about(self) -> &'static About {
        match self {
            Self::Redis => &redis::ABOUT,
            Self::S3 => &s3::ABOUT,
        }
    }

    /// The section of the description, and the word for one.
    pub fn noun(self) -> &'static str {
        self.about().noun
    }
}

/// What is declared of one backing service, without its container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "type")]
pub enum Kind {
    /// A Redis.
    Redis(Redis),
    /// A server with the interface of S3.
    S3(S3),
}

impl Kind {
    /// Its name.
    pub fn name(&self) -> KindName {
        match self {
            Self::Redis(_) => KindName::Redis,
            Self::S3(_) => KindName::S3,
        }
    }

    /// How it runs as a unit of this name.
    pub fn profile(&self, unit: &str) -> Profile {
        match self {
            Self::Redis(redis) => redis.profile(),
            Self::S3(s3) => s3.profile(unit),
        }
    }

    /// Files under `/run/secrets/` that configure it, by name. `digest` gives the SHA-256 in hexadecimal of a credential, and
    /// `memory` is the limit of its container in bytes.
    pub fn files(&self, memory: u64, digest: &dyn Fn(&str) -> String) -> BTreeMap<String, String> {
        match self {
            Self::Redis(redis) => redis.files(memory, digest),
            // It reads its keys.
            Self::S3(_) => BTreeMap::new(),
        }
    }

    /// Checks what is declared.
    pub fn check(&self, at: &FieldPath, sink: &mut DiagnosticSink) {
        match self {
            Self::Redis(redis) => redis.check(at, sink),
            Self::S3(s3) => s3.check(at, sink),
        }
    }
}
