//! Environments whose bringing up was broken off. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::engine::{Observed, UnitState};
use crate::plan::Unit;

/// Whoever works at an environment says so once a minute: silent for this long, nobody does. Also leaves whoever wants to
/// look at a failed start some time.
const SILENCE: SignedDuration = SignedDuration::from_mins(30);

/// The units that should have been started and were not, or are missing; only where somebody has the environment.
pub fn unstarted_units(observed: &Observed) -> Vec<&str> {
    let units: &[Unit] = observed.lease.as_ref().map_or(&[], |l| &l.plan.units);
    let never = |u: &&Unit| matches!(observed.units.get(&u.name), None | Some(UnitState::Created));
    units.iter().filter(|u| !u.start_late).filter(never).map(|u| u.name.as_str()).collect()
}

/// Why it counts as broken off, in a sentence: longer ago than all its units together may take to become ready, and
/// nobody works at it.
pub fn incomplete_reason(observed: &Observed, now: Timestamp) -> Option<String> {
    let (lease, retention) = (observed.lease.as_ref()?, observed.retention.as_ref()?);
    let unstarted_units = unstarted_units(observed);
    if unstarted_units.is_empty() {
        return None;
    }
    let allowed: u64 = lease.plan.units.iter().filter(|u| !u.start_late).map(|u| u.within_ms).sum();
    let allowed = SignedDuration::from_millis(i64::try_from(allowed).unwrap_or(i64::MAX));
    let (age, silent) = (now.duration_since(lease.created), now.duration_since(retention.used));
    let over = age > allowed.saturating_add(SILENCE) && silent > SILENCE;
    let units = unstarted_units.join(", ");
    over.then(|| {
        let since = crate::reaper::open_pull_requests::whole_seconds(retention.used);
        format!("its bringing up was broken off: {units} never started, and nothing has worked at it since {since}")
    })
}
