//! The lease as annotations of a namespace, and back. The plan is compressed: annotations hold 256 KiB together.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use crate::lease::{Lease, Retention};
use crate::plan::Plan;

/// Owner and times, as JSON.
pub const LEASE: &str = "dayfly.dev/lease";
/// The plan: JSON, gzip, base64.
pub const PLAN: &str = "dayfly.dev/plan";
/// What changed since, with the run in whose time, as JSON.
pub const RETENTION: &str = "dayfly.dev/retention";
/// Longest compressed plan, so that other annotations still find room.
const LONGEST: usize = 224 * 1024;
/// Longest plan that is unpacked.
const LONGEST_PLAIN: u64 = 64 << 20;

#[derive(Serialize, Deserialize)]
struct Head {
    run: uuid::Uuid,
    commit: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requester: Option<String>,
    created: jiff::Timestamp,
    expires: jiff::Timestamp,
}

/// The annotations. Fails, in a sentence, when the plan is too large.
pub fn annotations(lease: &Lease) -> Result<BTreeMap<String, String>, String> {
    let head = Head {
        run: lease.run,
        commit: lease.commit.clone(),
        repository: lease.repository.clone(),
        requester: lease.requester.clone(),
        created: lease.created,
        expires: lease.expires,
    };
    let plain = serde_json::to_vec(&lease.plan).map_err(|e| e.to_string())?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&plain).map_err(|e| e.to_string())?;
    let plan = STANDARD.encode(packed.finish().map_err(|e| e.to_string())?);
    if plan.len() > LONGEST {
        return Err(format!(
            "the description is too large: compressed it takes {} KiB, and a namespace can carry {} KiB; move SQL and files into images",
            plan.len() / 1024,
            LONGEST / 1024
        ));
    }
    let head = serde_json::to_string(&head).map_err(|e| e.to_string())?;
    Ok([(LEASE.to_owned(), head), (PLAN.to_owned(), plan)].into())
}

/// The run that a namespace's annotations name, without unpacking the plan.
pub fn owner(annotations: &BTreeMap<String, String>) -> Option<(uuid::Uuid, String)> {
    let head: Head = serde_json::from_str(annotations.get(LEASE)?).ok()?;
    Some((head.run, head.commit))
}

/// The lease behind a namespace's annotations; none when another version of dayfly wrote them.
pub fn parse(environment: &str, annotations: &BTreeMap<String, String>) -> Option<Lease> {
    let head: Head = serde_json::from_str(annotations.get(LEASE)?).ok()?;
    let packed = STANDARD.decode(annotations.get(PLAN)?).ok()?;
    let mut plain = Vec::new();
    GzDecoder::new(packed.as_slice()).take(LONGEST_PLAIN).read_to_end(&mut plain).ok()?;
    let plan: Plan = serde_json::from_slice(&plain).ok()?;
    Some(Lease {
        environment: environment.to_owned(),
        run: head.run,
        commit: head.commit,
        repository: head.repository,
        requester: head.requester,
        created: head.created,
        expires: head.expires,
        plan,
    })
}

#[derive(Serialize, Deserialize)]
struct Since {
    run: uuid::Uuid,
    #[serde(flatten)]
    retention: Retention,
}

/// The annotation with the retention in the time of this run.
pub fn retention_annotation(run: uuid::Uuid, retention: &Retention) -> Result<String, String> {
    serde_json::to_string(&Since { run, retention: retention.clone() }).map_err(|e| e.to_string())
}

/// The present retention: those of the lease, unless they were changed in its own time.
pub fn retention(lease: &Lease, annotations: &BTreeMap<String, String>) -> Retention {
    amendments(lease.run, annotations).unwrap_or_else(|| Retention::from_lease(lease))
}

/// The present retention where they were changed in the time of this run, without unpacking the plan.
pub fn amendments(run: uuid::Uuid, annotations: &BTreeMap<String, String>) -> Option<Retention> {
    let since: Since = serde_json::from_str(annotations.get(RETENTION)?).ok()?;
    (since.run == run).then_some(since.retention)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::render::sample;

    #[test]
    fn a_lease_survives_the_way_through_annotations() {
        let lease = sample::lease();
        let annotations = annotations(&lease).unwrap();
        assert_eq!(parse(&lease.environment, &annotations), Some(lease.clone()));
        assert_eq!(owner(&annotations), Some((lease.run, lease.commit)));
    }

    #[test]
    fn terms_hold_in_the_time_of_the_run_in_which_they_were_changed() {
        let lease = sample::lease();
        let mut annotations = annotations(&lease).unwrap();
        assert_eq!(retention(&lease, &annotations), Retention::from_lease(&lease));
        let used = Retention { used: lease.expires, ..Retention::from_lease(&lease) };
        annotations.insert(RETENTION.into(), retention_annotation(lease.run, &used).unwrap());
        assert_eq!(retention(&lease, &annotations), used);
        let newer = Lease { run: uuid::Uuid::max(), ..lease };
        assert_eq!(retention(&newer, &annotations), Retention::from_lease(&newer));
    }

    #[test]
    fn a_plan_that_no_namespace_can_carry_is_refused_with_its_size() {
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
