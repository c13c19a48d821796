//! What became of waivers in a scan. Pure: data, and its words.

use serde::{Deserialize, Serialize};

use crate::packages::Place;

/// The state of a waiver on a day. What is better comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WaiverState {
    /// It cannot be used.
    Invalid,
    /// It begins later.
    Pending,
    /// It ended.
    Expired,
    /// It ends within two weeks.
    Expiring,
    /// It holds.
    Active,
}

/// A waiver of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedWaiver {
    /// Where it stands.
    pub place: Place,
    /// Why.
    pub reason: String,
    /// Name of the person who accepts it; empty where the format has no place for that.
    pub approver: String,
    /// The last day; none where the format knows no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// A justification of OpenVEX.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub justification: Option<String>,
}

/// A waiver, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaiverUse {
    /// Id of the advisory.
    pub id: String,
    /// Its state.
    pub state: WaiverState,
    /// It is for a finding.
    pub used: bool,
    /// Where it stands.
    pub place: Place,
    /// The first day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_on: Option<String>,
    /// The last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// Why it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
}

impl WaiverUse {
    /// What somebody should do about it; none if it is as it should be.
    pub fn notice(&self) -> Option<String> {
        let day = |of: &Option<String>| of.clone().unwrap_or_default();
        let text = match self.state {
            WaiverState::Invalid => format!("cannot be used: {}", day(&self.invalid)),
            WaiverState::Expired if self.used => {
                format!("ended on {}, and the finding is still there", day(&self.expires))
            }
            _ if !self.used => "is for nothing that was found; remove it".to_owned(),
            WaiverState::Pending => format!("begins on {}", day(&self.effective_on)),
            WaiverState::Expiring => format!("ends on {}", day(&self.expires)),
            WaiverState::Expired | WaiverState::Active => return None,
        };
        Some(format!("waiver         {} ({}) {text}", self.id, self.place))
    }
}
