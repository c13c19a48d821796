//! Which replica acts: it holds a Lease, and renews it. `next` is pure; the loop around it reads and writes the Lease.
//!
//! Clocks of other machines are not believed: a lease is over when it was not renewed for its whole duration as seen from
//! here. Who cannot renew in time stops acting before another may begin.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a lease holds without being renewed.
const DURATION: Duration = Duration::from_secs(10);
/// Within this much time its holder must have renewed it, or stops acting.
const DEADLINE: Duration = Duration::from_secs(7);
/// Pause between two looks, or two renewals.
const PAUSE: Duration = Duration::from_secs(2);

/// A replica's part in the election.
pub struct Candidate {
    leases: Api<Lease>,
    name: String,
    me: String,
}

/// What was seen of a lease that others hold, and since when it has looked the same.
#[derive(Debug, Clone, PartialEq)]
struct Sight {
    version: String,
    since: Instant,
}

/// What to do about a lease.
#[derive(Debug, PartialEq, Eq)]
enum Move {
    Create,
    Take,
    Wait,
}

fn next(found: Option<&Lease>, seen: &mut Option<Sight>, me: &str, now: Instant) -> Move {
    let Some(lease) = found else { return Move::Create };
    let spec = lease.spec.clone().unwrap_or_default();
    let holder = spec.holder_identity.unwrap_or_default();
    if holder.is_empty() || holder == me {
        return Move::Take;
    }
    let version = lease.metadata.resource_version.clone().unwrap_or_default();
    match seen {
        Some(sight) if sight.version == version => {
            let duration = Duration::from_secs(u64::try_from(spec.lease_duration_seconds.unwrap_or(10)).unwrap_or(10));
            if now - sight.since >= duration { Move::Take } else { Move::Wait }
        }
        _ => {
            *seen = Some(Sight { version, since: now });
            Move::Wait
        }
    }
}

impl Candidate {
    /// `me` must be another for each replica and each start.
    pub fn new(client: Client, namespace: &str, name: &str, me: &str) -> Self {
        Self { leases: Api::namespaced(client, namespace), name: name.to_owned(), me: me.to_owned() }
    }

    /// Waits until this replica leads; false when `stop` came first.
    pub async fn wins(&self, stop: &CancellationToken) -> bool {
        let mut seen = None;
        loop {
            match self.attempt(&mut seen).await {
                Ok(true) => return true,
                Ok(false) => {}
                Err(e) => tracing::warn!("failed to look at the lease {}: {e}", self.name),
            }
            if stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                return false;
            }
        }
    }

    /// Renews until it cannot in time, or another has it: from then on this replica must not act.
    pub async fn holds(&self) {
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(PAUSE).await;
            let left = DEADLINE.saturating_sub(renewed.elapsed());
            match tokio::time::timeout(left, self.attempt(&mut None)).await {
                Ok(Ok(true)) => renewed = Instant::now(),
                Ok(Ok(false)) => return tracing::warn!("another replica has the lease {}", self.name),
                Ok(Err(e)) => tracing::warn!("failed to renew the lease {}: {e}", self.name),
                Err(_) => return tracing::error!("the lease {} could not be renewed in time", self.name),
            }
        }
    }

    /// Lets another replica act at once.
    pub async fn gives_back(&self) {
        if let Err(e) = self.give_back().await {
            tracing::warn!("failed to give back the lease {}: {e}; another replica acts when it is over", self.name);
        }
    }

    /// Takes or renews the lease where that may be; whether it is ours then.
    async fn attempt(&self, seen: &mut Option<Sight>) -> Result<bool, kube::Error> {
        let found = self.leases.get_opt(&self.name).await?;
        let params = PostParams::default();
        let written = match next(found.as_ref(), seen, &self.me, Instant::now()) {
            Move::Wait => return Ok(false),
            Move::Create => self.leases.create(&params, &self.lease(None)).await,
            Move::Take => self.leases.replace(&self.name, &params, &self.lease(found)).await,
        };
        match written {
            Ok(_) => Ok(true),
            // Somebody was faster.
            Err(kube::Error::Api(s)) if s.code == 409 => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// The lease with us as its holder; its version stays, so that only one of two who write it wins.
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

    async fn give_back(&self) -> Result<(), kube::Error> {
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
    fn a_lease_is_taken_only_when_its_holder_was_silent_for_its_whole_duration() {
        let (start, mut seen) = (Instant::now(), None);
        let at = |s: u64| start + Duration::from_secs(s);
        let mut see = |version: &str, s: u64| next(Some(&held("other", version)), &mut seen, "me", at(s));
        assert_eq!(see("1", 0), Move::Wait);
        assert_eq!(see("1", 9), Move::Wait);
        assert_eq!(see("2", 10), Move::Wait, "it was renewed");
        assert_eq!(see("2", 19), Move::Wait);
        assert_eq!(see("2", 20), Move::Take);
    }

    #[test]
    fn a_lease_that_is_free_or_ours_is_taken_at_once() {
        let now = Instant::now();
        assert_eq!(next(None, &mut None, "me", now), Move::Create);
        assert_eq!(next(Some(&held("", "1")), &mut None, "me", now), Move::Take);
        assert_eq!(next(Some(&held("me", "1")), &mut None, "me", now), Move::Take);
    }
}
