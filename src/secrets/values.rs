//! The secret values of an environment.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::SecretsError;
use super::private_key;
use crate::model::Redactor;

/// File name of a unit's certificate.
pub(super) const CERTIFICATE: &str = "tls.crt";
/// File name of its key.
pub(super) const KEY: &str = "tls.key";

/// The secrets of an environment, as stored in it. `Debug` shows only names.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Secrets {
    /// Values by name (`jwt-key`, `mq.file-api`, `pg-data.app`).
    pub values: BTreeMap<String, String>,
    /// Public keys by name (`login.pub`), in PEM.
    #[serde(default)]
    pub public: BTreeMap<String, String>,
    /// PEM certificate of the environment's own authority; public.
    pub ca: String,
    /// Certificates are valid at least until then.
    #[serde(default)]
    pub certified_until: Option<jiff::Timestamp>,
    /// Files under `/run/secrets/` by unit and file name.
    pub files: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
}

impl Secrets {
    /// Returns what finds these secrets and the private keys of the units' certificates, also encoded.
    pub fn redactor(&self) -> Result<Redactor, SecretsError> {
        let values = self.values.iter().flat_map(|(name, value)| {
            let forms = match self.public.get(&format!("{name}.pub")) {
                Some(public) => private_key::forms(value.as_bytes(), public.as_bytes()),
                None => vec![value.clone().into_bytes()],
            };
            forms.into_iter().map(move |form| (name.clone(), form))
        });
        let keys = self.files.iter().filter_map(|(unit, files)| {
            let certificate = files.get(CERTIFICATE).map(Vec::as_slice).unwrap_or_default();
            let forms = private_key::forms(files.get(KEY)?, certificate);
            Some(forms.into_iter().map(move |form| (format!("{KEY} of {unit}"), form)))
        });
        Ok(Redactor::new(values.chain(keys.flatten()))?)
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("names", &self.values.keys().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}
