//! Which environments are due: (what there is, what was asked, now) → due with its reason, or why it stays. Pure.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::half_made::broken_off;
use super::open_list::{OpenList, Says, whole};
use crate::engine::Observed;
use crate::lease::{Lease, Retention};

/// For which reasons environments are removed, and which ones are looked at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    /// Those that outlived their ttl.
    pub expired: bool,
    /// Remnants, and what was never finished.
    pub orphans: bool,
    /// Those not used for so long.
    pub idle: Option<SignedDuration>,
    /// Those whose pull request is not in this list.
    pub open: Option<OpenList>,
    /// Only environments of these descriptions; of all when it is empty.
    pub descriptions: Vec<String>,
}

/// The kinds of reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Its ttl is over.
    Expired,
    /// Nobody used it.
    Idle,
    /// Its pull request is closed.
    Closed,
    /// Nobody has it, or it was never finished.
    Orphan,
}

impl fmt::Display for Kind {
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
    pub kind: Kind,
    /// In a sentence.
    pub text: String,
}

/// What becomes of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is removed.
    Due(Reason),
    /// It would be, but somebody keeps it.
    Kept {
        /// Why they do.
        why: String,
        /// Why it would be removed.
        otherwise: Reason,
    },
    /// It stays; what is worth knowing about that, in sentences.
    Stays(Vec<String>),
}

/// Whether it is one of those that are looked at.
pub fn concerns(asked: &Asked, observed: &Observed) -> bool {
    let name = &observed.environment;
    // Of remnants no more than the name is known.
    let of_name = || name.rsplit_once("-pr-").filter(|(_, n)| n.parse::<u32>().is_ok()).map(|(d, _)| d.to_owned());
    let description = observed.lease.as_ref().map(|l| l.plan.description.clone()).or_else(of_name);
    asked.descriptions.is_empty() || description.is_some_and(|d| asked.descriptions.contains(&d))
}

/// What becomes of one environment.
pub fn decide(asked: &Asked, observed: &Observed, now: Timestamp) -> Decision {
    match (&observed.lease, &observed.retention) {
        (Some(lease), Some(retention)) => owned(asked, observed, lease, retention, now),
        _ if observed.unread => Decision::Stays(vec![
            "another version of dayfly made it, and who has it cannot be read: use that version, or `dayfly down`"
                .into(),
        ]),
        _ if asked.orphans => {
            let text = format!("nobody has it: {} remnant(s)", observed.objects.len());
            Decision::Due(Reason { kind: Kind::Orphan, text })
        }
        _ => Decision::Stays(vec!["nobody has it; --orphans removes it".into()]),
    }
}

fn owned(asked: &Asked, observed: &Observed, lease: &Lease, retention: &Retention, now: Timestamp) -> Decision {
    let mut notes = vec![];
    let reason = expired(asked, retention, now)
        .or_else(|| closed(asked, lease, &mut notes))
        .or_else(|| idle(asked, retention, now))
        .or_else(|| orphan(asked, observed, now));
    match (reason, retention.kept()) {
        (Some(otherwise), Some(why)) => Decision::Kept { why: why.to_owned(), otherwise },
        (Some(reason), None) => Decision::Due(reason),
        (None, _) => Decision::Stays(notes),
    }
}

fn expired(asked: &Asked, retention: &Retention, now: Timestamp) -> Option<Reason> {
    (asked.expired && retention.expires <= now)
        .then(|| Reason { kind: Kind::Expired, text: format!("its time was over at {}", whole(retention.expires)) })
}

fn closed(asked: &Asked, lease: &Lease, notes: &mut Vec<String>) -> Option<Reason> {
    match asked.open.as_ref()?.says(lease) {
        Says::Closed(text) => Some(Reason { kind: Kind::Closed, text }),
        Says::Open => None,
        Says::Nothing(why) => {
            notes.push(why);
            None
        }
    }
}

fn idle(asked: &Asked, retention: &Retention, now: Timestamp) -> Option<Reason> {
    let limit = asked.idle?;
    (now.duration_since(retention.used) >= limit).then(|| {
        let allowed = humantime::format_duration(limit.unsigned_abs());
        Reason { kind: Kind::Idle, text: format!("not used since {}; {allowed} are allowed", whole(retention.used)) }
    })
}

fn orphan(asked: &Asked, observed: &Observed, now: Timestamp) -> Option<Reason> {
    let text = broken_off(observed, now).filter(|_| asked.orphans)?;
    Some(Reason { kind: Kind::Orphan, text })
}

#[cfg(test)]
mod tests;
