//! The secret values of an environment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The secrets of an environment, as stored in it. `Debug` shows only names.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Secrets {
    /// Values by name (`jwt-key`, `mq.file-api`, `pg-data.app`).
    pub values: BTreeMap<String, String>,
    /// PEM certificate of the environment's own authority; public.
    pub ca: String,
    /// Certificates are valid at least until then.
    #[serde(default)]
    pub certified_until: Option<jiff::Timestamp>,
    /// Files under `/run/secrets/` by unit and file name.
    pub files: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("names", &self.values.keys().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}
