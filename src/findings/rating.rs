//! How severe an advisory is: from CVSS vectors, or from the word of its database. Pure.

use std::fmt;
use std::str::FromStr as _;

use cvss::Cvss;
use serde::{Deserialize, Serialize};

/// Longest CVSS vector in bytes.
const MAX_VECTOR: usize = 400;

/// Severity of an advisory. `Unknown` is a value of its own: many advisories have no severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rating {
    /// A CVSS score of 0.
    None,
    /// Neither a vector nor a word that is known: it may be anything, so that it counts more than a score of 0.
    #[default]
    Unknown,
    /// Score below 4.
    Low,
    /// Score below 7.
    Medium,
    /// Score below 9.
    High,
    /// Score of 9 and above.
    Critical,
}

impl Rating {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The rating of a word of a database, such as GitHub's `MODERATE`.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "none" => Self::None,
            "low" | "negligible" => Self::Low,
            "moderate" | "medium" => Self::Medium,
            "high" | "important" => Self::High,
            "critical" => Self::Critical,
            _ => return None,
        })
    }

    /// The rating and the score of a CVSS vector of version 2, 3 or 4; none if it is not one.
    pub fn from_vector(vector: &str) -> Option<(Self, f32)> {
        if vector.len() > MAX_VECTOR {
            return None;
        }
        let score = Cvss::from_str(vector).ok()?.score();
        let rating = match score {
            s if s <= 0.0 => Self::None,
            s if s < 4.0 => Self::Low,
            s if s < 7.0 => Self::Medium,
            s if s < 9.0 => Self::High,
            _ => Self::Critical,
        };
        #[expect(clippy::cast_possible_truncation, reason = "scores have one decimal and are at most 10")]
        Some((rating, score as f32))
    }
}

impl fmt::Display for Rating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rates_vectors_of_every_version() {
        let rating = |vector| Rating::from_vector(vector).unwrap();
        assert_eq!(rating("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), (Rating::Critical, 9.8));
        assert_eq!(rating("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"), (Rating::Medium, 6.1));
        assert_eq!(rating("AV:N/AC:L/Au:N/C:N/I:N/A:C").0, Rating::High);
        assert_eq!(rating("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N").0, Rating::Critical);
        assert_eq!(rating("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N").0, Rating::None);
        for wrong in ["", "7.5", "CVSS:9.0/AV:N", &"AV:N/".repeat(1000)] {
            assert_eq!(Rating::from_vector(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn knows_the_words_of_databases() {
        assert_eq!(Rating::from_word("MODERATE"), Some(Rating::Medium));
        assert_eq!(Rating::from_word("Important"), Some(Rating::High));
        assert_eq!(Rating::from_word("not yet assigned"), None);
        assert!(Rating::None < Rating::Unknown && Rating::High < Rating::Critical);
    }
}
