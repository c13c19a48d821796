//! The end of a unit that no step asked for.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The end, restart or removal of one copy of a unit while suites ran, without a step that asked for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnitEnd {
    /// Name of the unit.
    pub unit: String,
    /// When it was reported: in Kubernetes up to three seconds after it happened.
    pub at: Timestamp,
    /// What happened, such as `its process exited with code 3`.
    pub what: String,
    /// The unit itself ended; false if it was removed or evicted from outside.
    pub own: bool,
    /// Suites that ran at that time; if none did, those that had ended last.
    pub during: Vec<String>,
    /// Its suites had already ended when it was reported.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// How often it happened, the same way and during the same suites.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub times: u32,
    /// The suite that allows it (`mayEnd`), if one of them does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_by: Option<String>,
}

impl UnitEnd {
    /// When it happened, in words that follow what happened.
    pub fn when(&self) -> String {
        let suites = match self.during.as_slice() {
            [] => return "before the first suite".into(),
            [one] => format!("suite {one}"),
            several => format!("suites {}", several.join(", ")),
        };
        let late = if self.late { "or right after " } else { "" };
        format!("during {late}{suites}")
    }
}

fn once() -> u32 {
    1
}

fn is_once(times: &u32) -> bool {
    *times == 1
}
