//! Environments whose start was interrupted. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::engine::{ObservedEnvironment, UnitState};
use crate::plan::Unit;

/// An environment in use is marked once a minute; without a mark for this long, nobody uses it. Also leaves time to inspect a
/// failed start.
const UNUSED_TIMEOUT: SignedDuration = SignedDuration::from_mins(30);

/// The units of an owned environment that never started, or are missing.
pub fn unstarted_units(observed: &ObservedEnvironment) -> Vec<&str> {
    let units: &[Unit] = observed.lease.as_ref().map_or(&[], |l| &l.plan.units);
    let never = |u: &&Unit| matches!(observed.units.get(&u.name), None | Some(UnitState::Created));
    units.iter().filter(|u| !u.start_late).filter(never).map(|u| u.name.as_str()).collect()
}

/// Why the start counts as interrupted: it is older than all units together may take to become ready, and the environment is
/// unused.
pub fn incomplete_reason(observed: &ObservedEnvironment, now: Timestamp) -> Option<String> {
    let (lease, retention) = (observed.lease.as_ref()?, observed.retention.as_ref()?);
    let unstarted_units = unstarted_units(observed);
    if unstarted_units.is_empty() {
        return None;
    }
    let allowed: u64 = lease.plan.units.iter().filter(|u| !u.start_late).map(|u| u.within_ms).sum();
    let allowed = SignedDuration::from_millis(i64::try_from(allowed).unwrap_or(i64::MAX));
    let (age, unused) = (now.duration_since(lease.created), now.duration_since(retention.used));
    let over = age > allowed.saturating_add(UNUSED_TIMEOUT) && unused > UNUSED_TIMEOUT;
    let units = unstarted_units.join(", ");
    over.then(|| {
        let since = crate::reaper::open_pull_requests::whole_seconds(retention.used);
        format!("its start was interrupted: {units} never started, and it has not been used since {since}")
    })
}
