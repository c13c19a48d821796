//! The secret values of one environment. Data without behaviour.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Secret values for one environment, as stored in it. Its `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Secrets {
    /// Values by name (`jwt-key`, `mq.file-api`, `pg-data.app`).
    pub values: BTreeMap<String, String>,
    /// PEM certificate of the environment's own authority; public.
    pub ca: String,
    /// Until when certificates are surely valid.
    #[serde(default)]
    pub certified_until: Option<jiff::Timestamp>,
    /// Per unit: files under `/run/secrets/`, by file name.
    pub files: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("names", &self.values.keys().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}
