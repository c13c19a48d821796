//! Converts a lease to the annotations of a namespace and back. The plan is compressed, because annotations are limited to
//! 256 KiB in total.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::lease::retention::UNREADABLE;
use crate::lease::{Inherited, Lease, Owner, Retention, RetentionChange};
use crate::model::RunId;
use crate::plan::Plan;

/// Annotation with the lease except its plan, as JSON.
pub const LEASE: &str = "dayfly.dev/lease";
/// Annotation with the plan: JSON, gzip, base64.
pub const PLAN: &str = "dayfly.dev/plan";
/// Annotation with the changed retention and its run, as JSON.
pub const RETENTION: &str = "dayfly.dev/retention";
/// Maximum size of the encoded plan; the other annotations need the rest.
const MAX_ENCODED_BYTES: usize = 224 * 1024;
/// Maximum size of a decompressed plan.
const MAX_PLAN_BYTES: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct LeaseHeader {
    run: RunId,
    commit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requester: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<Owner>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    attended: bool,
    created: jiff::Timestamp,
    expires: jiff::Timestamp,
}

/// Returns the annotations of a lease. Fails if the plan is too large.
pub fn annotations(lease: &Lease) -> Result<BTreeMap<String, String>, String> {
    let head = LeaseHeader {
        run: lease.run,
        commit: lease.commit.clone(),
        repository: lease.repository.clone(),
        requester: lease.requester.clone(),
        owner: lease.owner.clone(),
        attended: lease.attended,
        created: lease.created,
        expires: lease.expires,
    };
    let plain = serde_json::to_vec(&lease.plan).map_err(|e| e.to_string())?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&plain).map_err(|e| e.to_string())?;
    let plan = STANDARD.encode(packed.finish().map_err(|e| e.to_string())?);
    if plan.len() > MAX_ENCODED_BYTES {
        return Err(format!(
            "the description is too large: it takes {} KiB compressed, and a namespace can hold {} KiB; move SQL and files into images",
            plan.len() / 1024,
            MAX_ENCODED_BYTES / 1024
        ));
    }
    let head = serde_json::to_string(&head).map_err(|e| e.to_string())?;
    Ok([(LEASE.to_owned(), head), (PLAN.to_owned(), plan)].into())
}

/// Returns the owner's run id and commit without decoding the plan.
pub fn owner(annotations: &BTreeMap<String, String>) -> Option<(RunId, String)> {
    let head: LeaseHeader = serde_json::from_str(annotations.get(LEASE)?).ok()?;
    Some((head.run, head.commit))
}

/// Returns whom the environment belongs to, without decoding the plan; none if the lease does not say.
pub fn declared_owner(annotations: &BTreeMap<String, String>) -> Option<Owner> {
    let head: LeaseHeader = serde_json::from_str(annotations.get(LEASE)?).ok()?;
    head.owner
}

/// Parses the lease; returns `None` if there is none or this version of dayfly cannot read it.
pub fn parse(environment: &str, annotations: &BTreeMap<String, String>) -> Option<Lease> {
    let head: LeaseHeader = serde_json::from_str(annotations.get(LEASE)?).ok()?;
    let packed = STANDARD.decode(annotations.get(PLAN)?).ok()?;
    let mut plain = Vec::new();
    GzDecoder::new(packed.as_slice()).take(MAX_PLAN_BYTES).read_to_end(&mut plain).ok()?;
    let plan: Plan = serde_json::from_slice(&plain).ok()?;
    Some(Lease {
        environment: environment.to_owned(),
        run: head.run,
        commit: head.commit,
        repository: head.repository,
        requester: head.requester,
        owner: head.owner,
        attended: head.attended,
        created: head.created,
        expires: head.expires,
        inherited: Inherited::default(),
        plan,
    })
}

#[derive(Serialize, Deserialize)]
struct RunRetention {
    run: RunId,
    #[serde(flatten)]
    retention: Retention,
}

/// Returns the retention annotation of a run.
pub fn retention_annotation(run: RunId, retention: &Retention) -> Result<String, String> {
    serde_json::to_string(&RunRetention { run, retention: retention.clone() }).map_err(|e| e.to_string())
}

/// Returns the retention of a lease, changed or initial.
pub fn retention(lease: &Lease, annotations: &BTreeMap<String, String>) -> Retention {
    let initial = Retention::from_lease(lease);
    match annotations.get(RETENTION).map(|text| serde_json::from_str::<RunRetention>(text)) {
        Some(Ok(changed)) if changed.run == lease.run => changed.retention,
        Some(Err(_)) => initial.with(&RetentionChange::unreadable(lease)),
        Some(Ok(_)) | None => initial,
    }
}

/// Returns the reason of the run's hold, without decoding the plan.
pub fn hold(run: RunId, annotations: &BTreeMap<String, String>) -> Option<String> {
    match serde_json::from_str::<RunRetention>(annotations.get(RETENTION)?) {
        Ok(changed) if changed.run == run => changed.retention.kept().map(str::to_owned),
        Ok(_) => None,
        Err(_) => Some(UNREADABLE.to_owned()),
    }
}

/// Returns the retention if the run has changed it, without decoding the plan.
pub fn changed_retention(run: RunId, annotations: &BTreeMap<String, String>) -> Option<Retention> {
    let changed: RunRetention = serde_json::from_str(annotations.get(RETENTION)?).ok()?;
    (changed.run == run).then_some(changed.retention)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::lease::Hold;
    use crate::render::sample;

    #[test]
    fn parses_its_own_annotations() {
        let lease = sample::lease();
        let annotations = annotations(&lease).unwrap();
        assert_eq!(parse(&lease.environment, &annotations), Some(lease.clone()));
        assert_eq!(owner(&annotations), Some((lease.run, lease.commit)));
    }

    #[test]
    fn reads_a_lease_without_an_owner() {
        let lease = sample::lease();
        let mut annotations = annotations(&lease).unwrap();
        let mut head: serde_json::Value = serde_json::from_str(&annotations[LEASE]).unwrap();
        assert!(head.as_object_mut().unwrap().remove("owner").is_some());
        annotations.insert(LEASE.into(), head.to_string());
        let parsed = parse(&lease.environment, &annotations).unwrap();
        assert_eq!(parsed, Lease { owner: None, ..lease.clone() });
        assert!(!lease.has_same_owner(parsed.owner.as_ref()));
    }

    #[test]
    fn ignores_a_retention_that_another_run_changed() {
        let lease = sample::lease();
        let mut annotations = annotations(&lease).unwrap();
        assert_eq!(retention(&lease, &annotations), Retention::from_lease(&lease));
        let used = Retention { used: lease.expires, ..Retention::from_lease(&lease) };
        annotations.insert(RETENTION.into(), retention_annotation(lease.run, &used).unwrap());
        assert_eq!(retention(&lease, &annotations), used);
        let newer = Lease { run: uuid::Uuid::max().into(), ..lease };
        assert_eq!(retention(&newer, &annotations), Retention::from_lease(&newer));
    }

    #[test]
    fn takes_an_unreadable_retention_for_a_hold_that_can_be_released() {
        let lease = sample::lease();
        let annotations: BTreeMap<_, _> = [(RETENTION.to_owned(), "{\"of\":\"another version\"}".to_owned())].into();
        let held = retention(&lease, &annotations);
        assert_eq!(held.kept(), Some("another version of dayfly changed the retention"));
        let release = RetentionChange::Held(Hold { reason: None, since: lease.expires });
        assert_eq!(hold(lease.run, &annotations).as_deref(), held.kept());
        assert!(held.is_changed_by(&release));
        assert_eq!(held.with(&release).kept(), None);
    }

    #[test]
    fn refuses_a_plan_that_exceeds_the_annotation_limit() {
        let mut lease = sample::lease();
        let mut noise: u64 = 7;
        let mut next = || {
            noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (noise >> 56) as u8
        };
        lease.plan.units[0].files.insert("/etc/dayfly/x".into(), (0..400_000).map(|_| next()).collect());
        assert!(annotations(&lease).unwrap_err().contains("KiB"));
    }
}
