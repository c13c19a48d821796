//! The severity that a record states. Pure.

use serde::Deserialize;

use crate::findings::Rating;

/// A CVSS vector.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Vector {
    /// The vector.
    #[serde(default)]
    pub score: String,
}

/// The part of a free field that dayfly reads: a word, where it is one.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Specific {
    /// Severity.
    #[serde(default)]
    pub severity: Option<serde_json::Value>,
    /// Why it is no vulnerability but a notice, such as `unmaintained` (RustSec).
    #[serde(default)]
    pub informational: Option<serde_json::Value>,
}

/// The highest of several vectors; Ubuntu writes a word in the place of one.
pub(super) fn best(vectors: &[Vector]) -> Option<(Rating, Option<f32>)> {
    let rated = vectors.iter().filter_map(|v| Rating::from_vector(&v.score));
    let scored = rated.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(rating, score)| (rating, Some(score)));
    scored.or_else(|| vectors.iter().filter_map(|v| Rating::from_word(&v.score)).max().map(|rating| (rating, None)))
}

/// The word of a database.
pub(super) fn word(of: Option<&Specific>) -> Option<(Rating, Option<f32>)> {
    let word = of?.severity.as_ref()?.as_str()?;
    Rating::from_word(word).map(|rating| (rating, None))
}
