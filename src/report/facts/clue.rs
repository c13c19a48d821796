//! What the environment says about a case that did not pass.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the units that a case involved logged about its failure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Clues {
    /// The likely cause in one sentence; only where the environment names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likely_cause: Option<String>,
    /// The units that the case involved, the closest first; empty if nobody asked them.
    pub units: Vec<String>,
    /// Which of them ended meanwhile, and how.
    pub ended: Vec<String>,
    /// Their warnings and errors, the most telling first.
    pub lines: Vec<Clue>,
    /// Number of such lines that are left out here.
    pub left_out: u64,
    /// Why lines may be missing.
    pub gaps: Vec<String>,
}

impl Clues {
    /// Returns true if nobody looked for clues.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Clue {
    /// The unit's copy that logged it.
    pub unit: String,
    /// When.
    pub at: Timestamp,
    /// The line, shortened.
    pub text: String,
    /// How often it came, with other numbers in it.
    pub times: u64,
}
