//! The identity of a run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Digits of [`RunId::short`].
const SHORT: usize = 8;

/// Id of a run: a UUIDv7, so that a later run sorts after an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Uuid);

/// The text is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the id of a run, a UUID such as 019a0000-0000-7000-8000-000000000001")]
pub struct InvalidRunId;

impl RunId {
    /// Creates an id that is newer than every earlier one.
    pub fn now() -> Self {
        Self(Uuid::now_v7())
    }

    /// The id that sorts before every other.
    pub const fn oldest() -> Self {
        Self(Uuid::nil())
    }

    /// The UUID.
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// The last eight hexadecimal digits, which names of objects contain.
    pub fn short(self) -> String {
        let digits = self.0.simple().to_string();
        digits[digits.len() - SHORT..].to_owned()
    }

    /// Returns true if this run began after the other.
    pub fn is_newer_than(self, other: Self) -> bool {
        self > other
    }
}

impl From<Uuid> for RunId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RunId {
    type Err = InvalidRunId;

    fn from_str(text: &str) -> Result<Self, InvalidRunId> {
        text.parse().map(Self).map_err(|_| InvalidRunId)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TEXT: &str = "019a0000-0000-7000-8000-0000deadbeef";

    #[test]
    fn keeps_its_text_in_json() {
        let id: RunId = TEXT.parse().unwrap();
        assert_eq!(id.to_string(), TEXT);
        assert_eq!(serde_json::to_value(id).unwrap(), TEXT);
        assert_eq!(serde_json::from_value::<RunId>(TEXT.into()).unwrap(), id);
    }

    #[test]
    fn ends_with_its_short_form() {
        assert_eq!(TEXT.parse::<RunId>().unwrap().short(), "deadbeef");
    }

    #[test]
    fn sorts_later_runs_after_earlier_ones() {
        let (first, second) = (RunId::now(), RunId::now());
        assert!(second.is_newer_than(first) && first.is_newer_than(RunId::oldest()));
    }

    #[test]
    fn refuses_text_that_is_not_a_uuid() {
        for text in ["", "1", "run", "019a0000-0000-7000-8000"] {
            assert_eq!(text.parse::<RunId>(), Err(InvalidRunId), "{text}");
        }
    }
}
