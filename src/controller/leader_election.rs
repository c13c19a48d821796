//! Leader election: the replica that holds and renews the Lease acts. `next_action` is pure; the loops read and write the Lease.
//!
//! Other machines' clocks do not count: a lease expires when this replica sees no renewal for its whole duration. A leader that
//! cannot renew in time stops before another may start. Kept by hand: kube has no leader election.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Duration of a lease without renewal.
const DURATION: Duration = Duration::from_secs(10);
/// Time in which the holder may try to renew before it stops.
const RENEW_DEADLINE: Duration = Duration::from_secs(7);
/// Time between two attempts to acquire or renew.
const RETRY_PERIOD: Duration = Duration::from_secs(2);

/// A replica that takes part in the election.
pub struct Candidate {
    leases: Api<Lease>,
    name: String,
    me: String,
}

/// The version of another replica's lease, and when it was first seen.
#[derive(Debug, Clone, PartialEq)]
struct ObservedLease {
    version: String,
    since: Instant,
}

/// The next step with the lease.
#[derive(Debug, PartialEq, Eq)]
enum LeaseAction {
    Create,
    Acquire,
    Wait,
}

fn next_action(found: Option<&Lease>, seen: &mut Option<ObservedLease>, me: &str, now: Instant) -> LeaseAction {
    let Some(lease) = found else { return LeaseAction::Create };
    let spec = lease.spec.clone().unwrap_or_default();
    let holder = spec.holder_identity.unwrap_or_default();
    if holder.is_empty() || holder == me {
        return LeaseAction::Acquire;
    }
    let version = lease.metadata.resource_version.clone().unwrap_or_default();
    match seen {
        Some(observed) if observed.version == version => {
            let duration = Duration::from_secs(u64::try_from(spec.lease_duration_seconds.unwrap_or(10)).unwrap_or(10));
            if now - observed.since >= duration { LeaseAction::Acquire } else { LeaseAction::Wait }
        }
        _ => {
            *seen = Some(ObservedLease { version, since: now });
            LeaseAction::Wait
        }
    }
}

impl Candidate {
    /// A candidate; `me` must be unique for each replica and each start.
    pub fn new(client: Client, namespace: &str, name: &str, me: &str) -> Self {
        Self { leases: Api::namespaced(client, namespace), name: name.to_owned(), me: me.to_owned() }
    }

    /// Waits until this replica leads; returns false if `stop` comes first.
    pub async fn acquire(&self, stop: &CancellationToken) -> bool {
        let mut seen = None;
        loop {
            match self.attempt(&mut seen).await {
                Ok(true) => return true,
                Ok(false) => {}
                Err(e) => tracing::warn!("failed to acquire leader lease {}: {e}", self.name),
            }
            if stop.run_until_cancelled(tokio::time::sleep(RETRY_PERIOD)).await.is_none() {
                return false;
            }
        }
    }

    /// Renews the lease; returns when it is lost, after which this replica must not act.
    pub async fn renew_until_lost(&self) {
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(RETRY_PERIOD).await;
            let left = RENEW_DEADLINE.saturating_sub(renewed.elapsed());
            match tokio::time::timeout(left, self.attempt(&mut None)).await {
                Ok(Ok(true)) => renewed = Instant::now(),
                Ok(Ok(false)) => return tracing::warn!("another replica holds leader lease {}", self.name),
                Ok(Err(e)) => tracing::warn!("failed to renew leader lease {}: {e}", self.name),
                Err(_) => return tracing::error!("failed to renew leader lease {} in time", self.name),
            }
        }
    }

    /// Releases the lease, so that another replica can lead at once.
    pub async fn release(&self) {
        if let Err(e) = self.clear_holder().await {
            tracing::warn!("failed to release leader lease {}: {e}; another replica leads after it expires", self.name);
        }
    }

    /// Acquires or renews the lease if possible; returns whether this replica holds it.
    async fn attempt(&self, seen: &mut Option<ObservedLease>) -> Result<bool, kube::Error> {
        let found = self.leases.get_opt(&self.name).await?;
        let params = PostParams::default();
        let written = match next_action(found.as_ref(), seen, &self.me, Instant::now()) {
            LeaseAction::Wait => return Ok(false),
            LeaseAction::Create => self.leases.create(&params, &self.lease(None)).await,
            LeaseAction::Acquire => self.leases.replace(&self.name, &params, &self.lease(found)).await,
        };
        match written {
            Ok(_) => Ok(true),
            // Another replica was faster.
            Err(kube::Error::Api(s)) if s.code == 409 => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// The lease with this replica as holder. It keeps its version, so that only one of two writers succeeds.
    fn lease(&self, found: Option<Lease>) -> Lease {
        let now = MicroTime(jiff::Timestamp::now());
        let mut lease = found.unwrap_or_else(|| Lease {
            metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
            ..Lease::default()
        });
        let was = lease.spec.take().unwrap_or_default();
        let ours = was.holder_identity.as_deref() == Some(&self.me);
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.me.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            renew_time: Some(now.clone()),
            acquire_time: if ours { was.acquire_time } else { Some(now) },
            lease_transitions: Some(was.lease_transitions.unwrap_or(0) + i32::from(!ours)),
            ..was
        });
        lease
    }

    async fn clear_holder(&self) -> Result<(), kube::Error> {
        let mut lease = self.leases.get(&self.name).await?;
        let ours = lease.spec.as_ref().and_then(|s| s.holder_identity.as_deref()) == Some(&self.me);
        if let (true, Some(spec)) = (ours, &mut lease.spec) {
            spec.holder_identity = Some(String::new());
            self.leases.replace(&self.name, &PostParams::default(), &lease).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn held(by: &str, version: &str) -> Lease {
        serde_json::from_value(serde_json::json!({
            "metadata": {"name": "l", "resourceVersion": version},
            "spec": {"holderIdentity": by, "leaseDurationSeconds": 10},
        }))
        .unwrap()
    }

    #[test]
    fn acquires_a_lease_only_after_its_whole_duration_without_renewal() {
        let (start, mut seen) = (Instant::now(), None);
        let at = |s: u64| start + Duration::from_secs(s);
        let mut observe = |version: &str, s: u64| next_action(Some(&held("other", version)), &mut seen, "me", at(s));
        assert_eq!(observe("1", 0), LeaseAction::Wait);
        assert_eq!(observe("1", 9), LeaseAction::Wait);
        assert_eq!(observe("2", 10), LeaseAction::Wait, "it was renewed");
        assert_eq!(observe("2", 19), LeaseAction::Wait);
        assert_eq!(observe("2", 20), LeaseAction::Acquire);
    }

    #[test]
    fn acquires_a_free_or_own_lease_at_once() {
        let now = Instant::now();
        assert_eq!(next_action(None, &mut None, "me", now), LeaseAction::Create);
        assert_eq!(next_action(Some(&held("", "1")), &mut None, "me", now), LeaseAction::Acquire);
        assert_eq!(next_action(Some(&held("me", "1")), &mut None, "me", now), LeaseAction::Acquire);
    }
}
