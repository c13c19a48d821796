//! The objects that exist before an environment's first process.

use std::collections::BTreeMap;

use super::object::Object;
use super::{ALL_SECRETS, PULL_SECRET, RenderError, RenderInput, environment, unit};
use crate::secrets::Secrets;

/// The file in the Secret with all secrets.
pub const SECRETS_FILE: &str = "secrets.json";

/// Renders every object except the namespace and pods, in the order of creation.
pub fn objects(
    input: &RenderInput<'_>,
    secrets: &Secrets,
    pull_secret: Option<&str>,
) -> Result<Vec<Object>, RenderError> {
    let mut all = environment::fixtures(input)?;
    let secret = |name: &str, of_type: &str, files: BTreeMap<String, Vec<u8>>| {
        unit::secret(input, name, &input.fixture_labels(), of_type, &files)
    };
    if let Some(text) = pull_secret {
        let files = [(".dockerconfigjson".to_owned(), text.as_bytes().to_vec())].into();
        all.push(secret(PULL_SECRET, "kubernetes.io/dockerconfigjson", files)?);
    }
    let all_secrets = serde_json::to_vec(secrets).unwrap_or_default();
    all.push(secret(ALL_SECRETS, "Opaque", [(SECRETS_FILE.to_owned(), all_secrets)].into())?);
    for planned in &input.lease.plan.units {
        all.extend(unit::objects(input, planned, secrets)?);
    }
    Ok(all)
}
