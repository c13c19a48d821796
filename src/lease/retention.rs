//! What may change of an environment while a run has it: until when it stays, when it was used, why it is kept. Pure.
//!
//! The lease itself never changes. Engines keep amendments beside it; amendments commute, so that two who amend at the
//! same time lose nothing of each other.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Lease;
use crate::model::RunId;

/// Uses that follow each other more closely are one.
pub const USE_APART: SignedDuration = SignedDuration::from_mins(1);

/// The present retention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// When `reap --expired` may remove it.
    pub expires: Timestamp,
    /// When a person, or a run, last did something with it.
    pub used: Timestamp,
    /// Why nothing but `down`, or a newer run, removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Hold>,
}

/// That it is kept, or not any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Why; none when it was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when: of two the later one holds.
    pub since: Timestamp,
}

/// One change of the retention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetentionChange {
    /// It was used then.
    Used(Timestamp),
    /// It stays at least until then.
    Extended(Timestamp),
    /// It is kept, or released.
    Held(Hold),
}

/// What came of an amendment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetentionUpdate {
    /// The retention as they are now.
    Now(Retention),
    /// There is no such environment any more.
    Gone,
    /// It is being removed.
    Leaving,
    /// Another run has it.
    Taken(RunId),
}

impl Retention {
    /// The retention that a lease begins with.
    pub fn of(lease: &Lease) -> Self {
        Self { expires: lease.expires, used: lease.created, kept: None }
    }

    /// Why it is kept, if it is.
    pub fn kept(&self) -> Option<&str> {
        self.kept.as_ref()?.reason.as_deref()
    }

    /// The retention with this change. What is already so, or later, stays.
    #[must_use]
    pub fn with(mut self, change: &RetentionChange) -> Self {
        match change {
            RetentionChange::Used(at) => self.used = self.used.max(*at),
            RetentionChange::Extended(until) => self.expires = self.expires.max(*until),
            RetentionChange::Held(kept) => {
                if self.kept.as_ref().is_none_or(|k| k.since < kept.since) {
                    self.kept = Some(kept.clone());
                }
            }
        }
        self
    }

    /// Whether the change is worth writing down.
    pub fn lack(&self, change: &RetentionChange) -> bool {
        match change {
            RetentionChange::Used(at) => at.duration_since(self.used) >= USE_APART,
            RetentionChange::Extended(until) => *until > self.expires,
            RetentionChange::Held(kept) => {
                self.kept() != kept.reason.as_deref() && self.kept.as_ref().is_none_or(|k| k.since < kept.since)
            }
        }
    }
}

impl RetentionChange {
    /// Whether this one says all that the other, earlier one says.
    pub fn outdates(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Used(new), Self::Used(old)) | (Self::Extended(new), Self::Extended(old)) => new >= old,
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
    fn amendments_amount_to_the_same_in_whichever_order_they_come() {
        let begun = Retention { expires: at(100), used: at(0), kept: None };
        let released = RetentionChange::Held(Hold { reason: None, since: at(9) });
        let all = [
            RetentionChange::Used(at(70)),
            RetentionChange::Used(at(5)),
            RetentionChange::Extended(at(300)),
            RetentionChange::Extended(at(200)),
            kept("for a look", 7),
            released,
        ];
        let there = all.iter().fold(begun.clone(), |t, a| t.with(a));
        let back = all.iter().rev().fold(begun, |t, a| t.with(a));
        assert_eq!(there, back);
        assert_eq!((there.expires, there.used, there.kept()), (at(300), at(70), None));
    }

    #[test]
    fn nothing_is_written_down_that_is_so_already() {
        let retention = Retention { expires: at(100), used: at(0), kept: None }.with(&kept("a", 1));
        for (change, lacks) in [
            (RetentionChange::Used(at(59)), false),
            (RetentionChange::Used(at(60)), true),
            (RetentionChange::Extended(at(100)), false),
            (RetentionChange::Extended(at(101)), true),
            (kept("a", 2), false),
            (kept("b", 2), true),
            (kept("b", 0), false),
            (RetentionChange::Held(Hold { reason: None, since: at(2) }), true),
        ] {
            assert_eq!(retention.lack(&change), lacks, "{change:?}");
        }
    }
}
