//! What is known about the commits that images were built from. Pure.

use serde::{Deserialize, Serialize};

use super::facts::Facts;
use crate::model::BuiltFrom;

/// Who says what an image was built from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SaidBy {
    /// Who requested the run.
    Requester,
    /// The labels of the image, which its author chose.
    Image,
}

/// A claim about the image of a unit or suite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceClaim {
    /// Name of the unit, or of the container suite.
    pub name: String,
    /// Repository and commit.
    #[serde(flatten)]
    pub built_from: BuiltFrom,
    /// Who says so.
    pub said_by: SaidBy,
}

impl SaidBy {
    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Self::Requester => "said by the requester",
            Self::Image => "said by the image",
        }
    }
}

/// Every claim, by name; that of the requester first.
pub fn claims(facts: &Facts) -> Vec<SourceClaim> {
    let declared = facts.change.built_from.iter().map(|(name, built_from)| (name, built_from, SaidBy::Requester));
    let labelled = facts.units.iter().filter_map(|unit| {
        let built_from = facts.images.get(&unit.image)?.built_from.as_ref()?;
        Some((&unit.name, built_from, SaidBy::Image))
    });
    let claim = |(name, built_from, said_by): (&String, &BuiltFrom, SaidBy)| SourceClaim {
        name: name.clone(),
        built_from: built_from.clone(),
        said_by,
    };
    let mut all: Vec<SourceClaim> = declared.chain(labelled).map(claim).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// Every claim in a line, with what contradicts it.
pub fn lines(facts: &Facts) -> Vec<String> {
    let all = claims(facts);
    let line = |claim: &SourceClaim| {
        let others = all.iter().filter(|other| other.name == claim.name && other.said_by != claim.said_by);
        let contradicted = others.into_iter().any(|other| !other.built_from.agrees_with(&claim.built_from));
        let mark = if contradicted { "; the claims contradict each other" } else { "" };
        format!("{} built from {}, {}{mark}", claim.name, claim.built_from, claim.said_by.text())
    };
    let with = facts.change.with.iter().map(|linked| format!("together with pull request {linked}"));
    with.chain(all.iter().map(line)).collect()
}
