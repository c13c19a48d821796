//! Decides which environments are due. Pure: (criteria, observed environment, now) → decision.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::engine::ObservedEnvironment;
use crate::lease::{Lease, Retention};
use crate::model::EnvironmentName;
use crate::reaper::abandoned::abandoned_reason;
use crate::reaper::incomplete::incomplete_reason;
use crate::reaper::open_pull_requests::{OpenPullRequests, PullRequestState, whole_seconds};

/// Reasons to remove environments, and which environments to check.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Criteria {
    /// Remove environments whose ttl expired.
    pub expired: bool,
    /// Remove remnants, environments whose start was interrupted, and those whose run was killed.
    pub orphans: bool,
    /// Remove environments not used for this long.
    pub idle: Option<SignedDuration>,
    /// Remove environments whose pull request is not in this list.
    pub open: Option<OpenPullRequests>,
    /// Check only environments of these descriptions; all if empty.
    pub descriptions: Vec<String>,
}

/// Kind of a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasonKind {
    /// The ttl expired.
    Expired,
    /// Unused for too long.
    Idle,
    /// The pull request is closed.
    Closed,
    /// No owner, an interrupted start, or a killed run.
    Orphan,
}

impl fmt::Display for ReasonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "expired",
            Self::Idle => "idle",
            Self::Closed => "closed",
            Self::Orphan => "orphan",
        })
    }
}

/// Why an environment is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Kind.
    pub kind: ReasonKind,
    /// Explanation.
    pub text: String,
}

/// Decision about an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Remove it.
    Due(Reason),
    /// Due, but somebody holds it.
    Held {
        /// Why it is held.
        why: String,
        /// Why it is due.
        otherwise: Reason,
    },
    /// Not due; notes for the user.
    NotDue(Vec<String>),
}

/// Returns true if the criteria include the environment.
pub fn is_selected(criteria: &Criteria, observed: &ObservedEnvironment) -> bool {
    let name = &observed.environment;
    // Remnants have only a name.
    let of_name = || name.parse::<EnvironmentName>().ok().map(|n| n.description().to_owned());
    let description = observed.lease.as_ref().map(|l| l.plan.description.clone()).or_else(of_name);
    criteria.descriptions.is_empty() || description.is_some_and(|d| criteria.descriptions.contains(&d))
}

/// Decides about one environment.
pub fn decide(criteria: &Criteria, observed: &ObservedEnvironment, now: Timestamp) -> Decision {
    match (&observed.lease, &observed.retention) {
        (Some(lease), Some(retention)) => owned(criteria, observed, lease, retention, now),
        _ if observed.unreadable_lease => Decision::NotDue(vec![
            "another version of dayfly created it, and its owner cannot be read: use that version, or `dayfly down`"
                .into(),
        ]),
        _ if criteria.orphans => {
            let text = format!("it has no owner: {} remnant(s)", observed.objects.len());
            Decision::Due(Reason { kind: ReasonKind::Orphan, text })
        }
        _ => Decision::NotDue(vec!["it has no owner; --orphans removes it".into()]),
    }
}

fn owned(
    criteria: &Criteria,
    observed: &ObservedEnvironment,
    lease: &Lease,
    retention: &Retention,
    now: Timestamp,
) -> Decision {
    let mut notes = vec![];
    let reason = expired(criteria, retention, now)
        .or_else(|| closed(criteria, lease, &mut notes))
        .or_else(|| idle(criteria, retention, now))
        .or_else(|| orphan(criteria, observed, now));
    match (reason, retention.kept()) {
        (Some(otherwise), Some(why)) => Decision::Held { why: why.to_owned(), otherwise },
        (Some(reason), None) => Decision::Due(reason),
        (None, _) => Decision::NotDue(notes),
    }
}

fn expired(criteria: &Criteria, retention: &Retention, now: Timestamp) -> Option<Reason> {
    (criteria.expired && retention.expires <= now).then(|| Reason {
        kind: ReasonKind::Expired,
        text: format!("it expired at {}", whole_seconds(retention.expires)),
    })
}

fn closed(criteria: &Criteria, lease: &Lease, notes: &mut Vec<String>) -> Option<Reason> {
    match criteria.open.as_ref()?.state_of(lease) {
        PullRequestState::Closed(text) => Some(Reason { kind: ReasonKind::Closed, text }),
        PullRequestState::Open => None,
        PullRequestState::Unknown(why) => {
            notes.push(why);
            None
        }
    }
}

fn idle(criteria: &Criteria, retention: &Retention, now: Timestamp) -> Option<Reason> {
    let limit = criteria.idle?;
    (now.duration_since(retention.used) >= limit).then(|| {
        let allowed = humantime::format_duration(limit.unsigned_abs());
        Reason {
            kind: ReasonKind::Idle,
            text: format!("not used since {}; the limit is {allowed}", whole_seconds(retention.used)),
        }
    })
}

fn orphan(criteria: &Criteria, observed: &ObservedEnvironment, now: Timestamp) -> Option<Reason> {
    let text = abandoned_reason(observed, now).or_else(|| incomplete_reason(observed, now));
    let text = text.filter(|_| criteria.orphans)?;
    Some(Reason { kind: ReasonKind::Orphan, text })
}

#[cfg(test)]
mod tests;
