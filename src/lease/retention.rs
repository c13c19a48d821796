//! What may change of an environment while a run has it: until when it stays, when it was used, why it is kept. Pure.
//!
//! The lease itself never changes. Engines keep amendments beside it; amendments commute, so that two who amend at the
//! same time lose nothing of each other.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Lease;

/// Uses that follow each other more closely are one.
pub const USE_APART: SignedDuration = SignedDuration::from_mins(1);

/// The present terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// When `reap --expired` may remove it.
    pub expires: Timestamp,
    /// When a person, or a run, last did something with it.
    pub used: Timestamp,
    /// Why nothing but `down`, or a newer run, removes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
}

/// That it is kept, or not any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Why; none when it was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when: of two the later one holds.
    pub since: Timestamp,
}

/// One change of the terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Amendment {
    /// It was used then.
    Used(Timestamp),
    /// It stays at least until then.
    Extended(Timestamp),
    /// It is kept, or released.
    Kept(Kept),
}

/// What came of an amendment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amended {
    /// The terms as they are now.
    Now(Terms),
    /// There is no such environment any more.
    Gone,
    /// It is being removed.
    Leaving,
    /// Another run has it.
    Taken(uuid::Uuid),
}

impl Terms {
    /// The terms that a lease begins with.
    pub fn of(lease: &Lease) -> Self {
        Self { expires: lease.expires, used: lease.created, kept: None }
    }

    /// Why it is kept, if it is.
    pub fn kept(&self) -> Option<&str> {
        self.kept.as_ref()?.reason.as_deref()
    }

    /// The terms with this change. What is already so, or later, stays.
    #[must_use]
    pub fn with(mut self, change: &Amendment) -> Self {
        match change {
            Amendment::Used(at) => self.used = self.used.max(*at),
            Amendment::Extended(until) => self.expires = self.expires.max(*until),
            Amendment::Kept(kept) => {
                if self.kept.as_ref().is_none_or(|k| k.since < kept.since) {
                    self.kept = Some(kept.clone());
                }
            }
        }
        self
    }

    /// Whether the change is worth writing down.
    pub fn lack(&self, change: &Amendment) -> bool {
        match change {
            Amendment::Used(at) => at.duration_since(self.used) >= USE_APART,
            Amendment::Extended(until) => *until > self.expires,
            Amendment::Kept(kept) => {
                self.kept() != kept.reason.as_deref() && self.kept.as_ref().is_none_or(|k| k.since < kept.since)
            }
        }
    }
}

impl Amendment {
    /// Whether this one says all that the other, earlier one says.
    pub fn outdates(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Used(new), Self::Used(old)) | (Self::Extended(new), Self::Extended(old)) => new >= old,
            (Self::Kept(new), Self::Kept(old)) => new.since >= old.since,
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

    fn kept(reason: &str, since: i64) -> Amendment {
        Amendment::Kept(Kept { reason: Some(reason.into()), since: at(since) })
    }

    #[test]
    fn amendments_amount_to_the_same_in_whichever_order_they_come() {
        let begun = Terms { expires: at(100), used: at(0), kept: None };
        let released = Amendment::Kept(Kept { reason: None, since: at(9) });
        let all = [
            Amendment::Used(at(70)),
            Amendment::Used(at(5)),
            Amendment::Extended(at(300)),
            Amendment::Extended(at(200)),
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
        let terms = Terms { expires: at(100), used: at(0), kept: None }.with(&kept("a", 1));
        for (change, lacks) in [
            (Amendment::Used(at(59)), false),
            (Amendment::Used(at(60)), true),
            (Amendment::Extended(at(100)), false),
            (Amendment::Extended(at(101)), true),
            (kept("a", 2), false),
            (kept("b", 2), true),
            (kept("b", 0), false),
            (Amendment::Kept(Kept { reason: None, since: at(2) }), true),
        ] {
            assert_eq!(terms.lack(&change), lacks, "{change:?}");
        }
    }
}
