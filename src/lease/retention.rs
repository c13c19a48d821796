//! The changeable part of ownership: expiry, last use, hold. Pure.
//!
//! The lease itself never changes. Engines store retention changes beside it. Changes commute, so that concurrent
//! changes lose nothing.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Lease;
use crate::model::RunId;

/// A later use is recorded only after this time.
pub const USE_APART: SignedDuration = SignedDuration::from_mins(1);

/// Reason of a hold whose own reason cannot be read.
pub const UNREADABLE: &str = "another version of dayfly changed the retention";

/// The retention of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Time after which `reap --expired` may remove it.
    pub expires: Timestamp,
    /// Time of the last use by a person or a run.
    pub used: Timestamp,
    /// The last hold or release; only `down` or a newer run removes a held environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Hold>,
    /// When its run ended and left it behind on purpose; none while the run goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Timestamp>,
}

/// A hold, or its release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The reason; none for a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was made; the later of two wins.
    pub since: Timestamp,
}

/// A change of the retention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetentionChange {
    /// Used at this time.
    Used(Timestamp),
    /// Extended at least until this time.
    Extended(Timestamp),
    /// Held or released.
    Held(Hold),
    /// Left behind by its run at this time.
    Left(Timestamp),
}

/// The result of a retention change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetentionUpdate {
    /// The retention after the change.
    Current(Retention),
    /// The environment does not exist.
    NotFound,
    /// It is being removed.
    Terminating,
    /// Another run owns it.
    OwnedBy(RunId),
}

impl Retention {
    /// Returns the initial retention of a lease.
    pub fn from_lease(lease: &Lease) -> Self {
        Self { expires: lease.expires, used: lease.created, kept: None, left: None }
    }

    /// Returns the reason of the hold, if it is held.
    pub fn kept(&self) -> Option<&str> {
        self.kept.as_ref()?.reason.as_deref()
    }

    /// Applies a change. Later times win.
    #[must_use]
    pub fn with(mut self, change: &RetentionChange) -> Self {
        match change {
            RetentionChange::Used(at) => self.used = self.used.max(*at),
            RetentionChange::Extended(until) => self.expires = self.expires.max(*until),
            RetentionChange::Left(at) => self.left = self.left.max(Some(*at)),
            RetentionChange::Held(kept) => {
                if self.kept.as_ref().is_none_or(|k| k.since < kept.since) {
                    self.kept = Some(kept.clone());
                }
            }
        }
        self
    }

    /// Returns true if the change must be stored.
    pub fn is_changed_by(&self, change: &RetentionChange) -> bool {
        match change {
            RetentionChange::Used(at) => at.duration_since(self.used) >= USE_APART,
            RetentionChange::Extended(until) => *until > self.expires,
            RetentionChange::Left(_) => self.left.is_none(),
            RetentionChange::Held(kept) => {
                self.kept() != kept.reason.as_deref() && self.kept.as_ref().is_none_or(|k| k.since < kept.since)
            }
        }
    }
}

impl RetentionChange {
    /// Stands for a stored change that cannot be read: a hold, because it may have been one, until somebody releases it.
    pub fn unreadable(lease: &Lease) -> Self {
        Self::Held(Hold { reason: Some(UNREADABLE.into()), since: lease.created })
    }

    /// Returns true if this change makes the earlier one redundant.
    pub fn supersedes(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Used(new), Self::Used(old))
            | (Self::Extended(new), Self::Extended(old))
            | (Self::Left(new), Self::Left(old)) => new >= old,
            (Self::Held(new), Self::Held(old)) => new.since >= old.since,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn kept(reason: &str, since: i64) -> RetentionChange {
        RetentionChange::Held(Hold { reason: Some(reason.into()), since: at(since) })
    }

    #[test]
    fn changes_commute() {
        let begun = Retention { expires: at(100), used: at(0), kept: None, left: None };
        let released = RetentionChange::Held(Hold { reason: None, since: at(9) });
        let all = [
            RetentionChange::Used(at(70)),
            RetentionChange::Used(at(5)),
            RetentionChange::Extended(at(300)),
            RetentionChange::Extended(at(200)),
            kept("for a look", 7),
            RetentionChange::Left(at(8)),
            released,
        ];
        let there = all.iter().fold(begun.clone(), |t, a| t.with(a));
        let back = all.iter().rev().fold(begun, |t, a| t.with(a));
        assert_eq!(there, back);
        assert_eq!((there.expires, there.used, there.kept()), (at(300), at(70), None));
    }

    #[test]
    fn stores_only_changes_that_have_an_effect() {
        let retention = Retention { expires: at(100), used: at(0), kept: None, left: None }.with(&kept("a", 1));
        for (change, lacks) in [
            (RetentionChange::Used(at(59)), false),
            (RetentionChange::Used(at(60)), true),
            (RetentionChange::Extended(at(100)), false),
            (RetentionChange::Extended(at(101)), true),
            (RetentionChange::Left(at(5)), true),
            (kept("a", 2), false),
            (kept("b", 2), true),
            (kept("b", 0), false),
            (RetentionChange::Held(Hold { reason: None, since: at(2) }), true),
        ] {
            assert_eq!(retention.is_changed_by(&change), lacks, "{change:?}");
        }
    }
}
