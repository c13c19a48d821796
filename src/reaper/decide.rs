//! Which environments are due: (what there is, what was criteria, now) → due with its reason, or why it stays. Pure.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::engine::Observed;
use crate::lease::{Lease, Retention};
use crate::reaper::incomplete::incomplete_reason;
use crate::reaper::open_pull_requests::{OpenPullRequests, PullRequestState, whole_seconds};

/// For which reasons environments are removed, and which ones are looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Criteria {
    /// Those that outlived their ttl.
    pub expired: bool,
    /// Remnants, and what was never finished.
    pub orphans: bool,
    /// Those not used for so long.
    pub idle: Option<SignedDuration>,
    /// Those whose pull request is not in this list.
    pub open: Option<OpenPullRequests>,
    /// Only environments of these descriptions; of all when it is empty.
    pub descriptions: Vec<String>,
}

/// The kinds of reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasonKind {
    /// Its ttl is over.
    Expired,
    /// Nobody used it.
    Idle,
    /// Its pull request is closed.
    Closed,
    /// Nobody has it, or it was never finished.
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
    /// In a word.
    pub kind: ReasonKind,
    /// In a sentence.
    pub text: String,
}

/// What becomes of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is removed.
    Due(Reason),
    /// It would be, but somebody keeps it.
    Held {
        /// Why they do.
        why: String,
        /// Why it would be removed.
        otherwise: Reason,
    },
    /// It stays; what is worth knowing about that, in sentences.
    NotDue(Vec<String>),
}

/// Whether it is one of those that are looked at.
pub fn is_selected(criteria: &Criteria, observed: &Observed) -> bool {
    let name = &observed.environment;
    // Of remnants no more than the name is known.
    let of_name = || name.rsplit_once("-pr-").filter(|(_, n)| n.parse::<u32>().is_ok()).map(|(d, _)| d.to_owned());
    let description = observed.lease.as_ref().map(|l| l.plan.description.clone()).or_else(of_name);
    criteria.descriptions.is_empty() || description.is_some_and(|d| criteria.descriptions.contains(&d))
}

/// What becomes of one environment.
pub fn decide(criteria: &Criteria, observed: &Observed, now: Timestamp) -> Decision {
    match (&observed.lease, &observed.retention) {
        (Some(lease), Some(retention)) => owned(criteria, observed, lease, retention, now),
        _ if observed.unread => Decision::NotDue(vec![
            "another version of dayfly made it, and who has it cannot be read: use that version, or `dayfly down`"
                .into(),
        ]),
        _ if criteria.orphans => {
            let text = format!("nobody has it: {} remnant(s)", observed.objects.len());
            Decision::Due(Reason { kind: ReasonKind::Orphan, text })
        }
        _ => Decision::NotDue(vec!["nobody has it; --orphans removes it".into()]),
    }
}

fn owned(criteria: &Criteria, observed: &Observed, lease: &Lease, retention: &Retention, now: Timestamp) -> Decision {
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
        text: format!("its time was over at {}", whole_seconds(retention.expires)),
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
            text: format!("not used since {}; {allowed} are allowed", whole_seconds(retention.used)),
        }
    })
}

fn orphan(criteria: &Criteria, observed: &Observed, now: Timestamp) -> Option<Reason> {
    let text = incomplete_reason(observed, now).filter(|_| criteria.orphans)?;
    Some(Reason { kind: ReasonKind::Orphan, text })
}

#[cfg(test)]
mod tests;
