//! Backing services by kind. A kind is one file: what is declared, how it runs, its steps, and their checks. Pure.
//!
//! Here is only the list of kinds: each has a section of the description, which is named as in score.dev. The agent has the
//! clients, and `backing_services` finds what a description declares.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::diagnostic::DiagnosticSink;
use super::span::FieldPath;

pub mod profile;
pub mod redis;

use profile::{About, Profile};
use redis::Redis;

/// Name of a kind: also that of its section of the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KindName {
    /// Redis.
    Redis,
}

impl KindName {
    /// Every kind.
    pub const ALL: [Self; 1] = [Self::Redis];

    /// Words about it.
    pub fn about(self) -> &'static About {
        match self {
            Self::Redis => &redis::ABOUT,
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
}

impl Kind {
    /// Its name.
    pub fn name(&self) -> KindName {
        match self {
            Self::Redis(_) => KindName::Redis,
        }
    }

    /// How it runs.
    pub fn profile(&self) -> Profile {
        match self {
            Self::Redis(redis) => redis.profile(),
        }
    }

    /// Files under `/run/secrets/` that configure it, by name. `digest` gives the SHA-256 in hexadecimal of a credential, and
    /// `memory` is the limit of its container in bytes.
    pub fn files(&self, memory: u64, digest: &dyn Fn(&str) -> String) -> BTreeMap<String, String> {
        match self {
            Self::Redis(redis) => redis.files(memory, digest),
        }
    }

    /// Checks what is declared.
    pub fn check(&self, at: &FieldPath, sink: &mut DiagnosticSink) {
        match self {
            Self::Redis(redis) => redis.check(at, sink),
        }
    }
}
