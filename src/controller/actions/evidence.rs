//! Finds the sealed evidence of a run whose runner was lost before it could report its result.

use kube::ResourceExt;

use super::error::{ReconcileError, api_error};
use super::removal_record::signing_key;
use crate::controller::context::Context;
use crate::crd::{RunStatus, StoredEvidence, TestEnvironmentSummary};
use crate::evidence::configmap_store::{self, FoundEvidence};
use crate::evidence::{store, verify};
use crate::model::RunId;
use crate::report::Facts;

/// The files that are read and their limits in bytes: the statement is parsed before its signature is checked, and the report
/// after its digest.
const LIMITS: [(&str, u64); 2] = [(store::RUN, 4 << 20), (store::REPORT, 16 << 20)];

/// The verified facts of a run, and where its evidence is. None if there is no evidence, or none that dayfly signed.
pub async fn sealed(
    object: &TestEnvironmentSummary,
    run: &RunStatus,
    context: &Context,
) -> Result<Option<(Facts, StoredEvidence)>, ReconcileError> {
    let Ok(id) = run.id.parse::<RunId>() else { return Ok(None) };
    // One at a time: an archive may take 32 MiB.
    let _reading = context.evidence_lock.lock().await;
    let namespace = object.namespace().unwrap_or_default();
    let found = configmap_store::find(&context.client, &namespace, id, &LIMITS).await;
    let found = found.map_err(api_error("read the evidence of a lost run"))?;
    if found.is_empty() {
        return Ok(None);
    }
    let key = signing_key("verify the evidence of a lost run", context).await?.verifying_key();
    for found in found {
        let verified = found.map_err(|e| format!("failed to {e}")).and_then(|FoundEvidence { files, stored }| {
            verify::facts(&files, id, &key).map(|facts| (facts, stored)).map_err(|refusal| refusal.to_string())
        });
        match verified {
            Ok(sealed) => return Ok(Some(sealed)),
            Err(why) => tracing::warn!("ignoring evidence of the lost run: {why}"),
        }
    }
    Ok(None)
}
