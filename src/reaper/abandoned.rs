//! Environments whose run was killed. Pure.

use jiff::{SignedDuration, Timestamp};

use super::open_pull_requests::whole_seconds;
use crate::engine::ObservedEnvironment;

/// A run marks its environment as used once a minute; without a mark for this long, it has stopped.
const SILENCE: SignedDuration = SignedDuration::from_mins(10);

/// Why the run of an environment counts as stopped: it neither removed the environment nor left it behind on purpose, and no
/// longer marks it.
pub fn abandoned_reason(observed: &ObservedEnvironment, now: Timestamp) -> Option<String> {
    let (lease, retention) = (observed.lease.as_ref()?, observed.retention.as_ref()?);
    let silent = now.duration_since(retention.used) > SILENCE;
    (lease.attended && retention.left.is_none() && silent).then(|| {
        let (run, since) = (lease.run, whole_seconds(retention.used));
        format!("run {run} stopped without removing it: there was no sign of it since {since}")
    })
}
