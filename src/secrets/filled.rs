//! Texts of units and suites with their secrets filled in.

use std::collections::BTreeMap;

use super::error::SecretsError;
use super::values::Secrets;
use crate::plan::{ContainerSuite, SuitePlan, Unit};
use crate::spec::secret_text;

impl Secrets {
    /// Returns the files of a unit whose texts contain secrets, by absolute path.
    pub fn files_of(&self, unit: &Unit) -> Result<BTreeMap<String, Vec<u8>>, SecretsError> {
        let filled = self.filled(&unit.name, &unit.secrets, &unit.secret_files)?;
        Ok(filled.into_iter().map(|(path, text)| (path, text.into_bytes())).collect())
    }

    /// Returns the variables of a unit whose values contain secrets.
    pub fn env_of_unit(&self, unit: &Unit) -> Result<BTreeMap<String, String>, SecretsError> {
        self.filled(&unit.name, &unit.secrets, &unit.secret_env)
    }

    /// Returns the variables of a container suite whose values contain secrets.
    pub fn env_of_suite(
        &self,
        suite: &SuitePlan,
        container: &ContainerSuite,
    ) -> Result<BTreeMap<String, String>, SecretsError> {
        self.filled(&suite.name, &suite.secrets, &container.secret_env)
    }

    /// Fills in only what the unit or suite receives.
    fn filled(
        &self,
        to: &str,
        received: &[String],
        texts: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, SecretsError> {
        let value = |name: &str| {
            let received = received.iter().find(|r| *r == name)?;
            self.values.get(received).or_else(|| self.public.get(received)).map(String::as_str)
        };
        let fill = |(key, text): (&String, &String)| {
            let filled = secret_text::fill(text, value);
            let filled = filled.map_err(|secret| SecretsError::Unknown { secret, to: to.to_owned() })?;
            Ok((key.clone(), filled))
        };
        texts.iter().map(fill).collect()
    }
}
