//! Everything of an environment that is there before its first process.

use std::collections::BTreeMap;

use super::object::Object;
use super::{KEEP, PULL_SECRET, RenderError, Stage, environment, unit};
use crate::secrets::Secrets;

/// The file in the Secret of all secrets.
pub const KEPT: &str = "secrets.json";

/// Every object of an environment but the namespace and pods, in an order in which they can be made.
pub fn objects(stage: &Stage<'_>, secrets: &Secrets, pull_secret: Option<&str>) -> Result<Vec<Object>, RenderError> {
    let mut all = environment::fixtures(stage)?;
    let secret = |name: &str, of_type: &str, files: BTreeMap<String, Vec<u8>>| {
        unit::secret(stage, name, &stage.fixture_labels(), of_type, &files)
    };
    if let Some(text) = pull_secret {
        let files = [(".dockerconfigjson".to_owned(), text.as_bytes().to_vec())].into();
        all.push(secret(PULL_SECRET, "kubernetes.io/dockerconfigjson", files)?);
    }
    let kept = serde_json::to_vec(secrets).unwrap_or_default();
    all.push(secret(KEEP, "Opaque", [(KEPT.to_owned(), kept)].into())?);
    for planned in &stage.lease.plan.units {
        all.extend(unit::belongings(stage, planned, secrets)?);
    }
    Ok(all)
}
