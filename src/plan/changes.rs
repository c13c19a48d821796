//! What an update does to a running environment: unit by unit, which fields differ, and what is lost. Pure.
//!
//! The engine judges what of an environment stays, because it compares with what exists. The recorded plan only explains it.
//! Values that may hold a secret (variables, commands, files, SQL) are named and never shown.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Plan, SuitePlan, Unit, UnitKind};

mod fields;

/// What the engine found of a unit, compared with what the plan asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It stays: containers, data, addresses and secrets.
    Stays,
    /// It does not exist, or not completely.
    Missing,
    /// Its process has ended, or a suite has started a unit that starts late.
    Ended,
    /// Its image reference means another image by now.
    OtherImage,
    /// It differs in another way.
    Differs,
}

/// The fate of each unit that exists or is planned.
pub type Fates = BTreeMap<String, Fate>;

/// Returns true if a unit that another one needs starts anew. One that a suite starts need not exist before.
pub fn starts_anew(plan: &Plan, fates: &Fates, need: &str) -> bool {
    let late = plan.unit(need).is_some_and(|u| u.start_late);
    fates.get(need).is_some_and(|fate| *fate != Fate::Stays && !(late && *fate == Fate::Missing))
}

/// What an update does with a unit or a suite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeAction {
    /// Nothing.
    Keep,
    /// It changes without a restart.
    Adjust,
    /// It is created.
    Add,
    /// It is removed and created again.
    Replace,
    /// It is removed.
    Remove,
}

impl ChangeAction {
    /// Returns the word for readers.
    pub fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Adjust => "adjust",
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Remove => "remove",
        }
    }
}

/// What an update does with one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitChange {
    /// Name of the unit.
    pub unit: String,
    /// What happens to it.
    pub action: ChangeAction,
    /// The fields that differ, or other reasons.
    pub why: Vec<String>,
    /// What is lost with the present container.
    pub lost: Vec<String>,
}

impl UnitChange {
    /// Returns the unit with reasons and losses, in one line.
    pub fn text(&self) -> String {
        let why = if self.why.is_empty() { String::new() } else { format!(": {}", self.why.join(", ")) };
        let verb = if self.lost.len() == 1 && self.lost[0].starts_with("the content") { "is" } else { "are" };
        let lost = if self.lost.is_empty() {
            String::new()
        } else {
            format!("{} {} {verb} lost", if why.is_empty() { ":" } else { ";" }, self.lost.join(" and "))
        };
        format!("{}{why}{lost}", self.unit)
    }
}

/// What an update does with one suite, which runs only when asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteChange {
    /// Name of the suite.
    pub suite: String,
    /// What happens to it.
    pub action: ChangeAction,
}

/// Everything that an update does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// All units, present and planned, in the order of the plan.
    pub units: Vec<UnitChange>,
    /// Suites that differ.
    pub suites: Vec<SuiteChange>,
}

impl Changes {
    /// Returns true if nothing differs.
    pub fn is_empty(&self) -> bool {
        self.suites.is_empty() && self.units.iter().all(|u| u.action == ChangeAction::Keep)
    }

    /// Returns true if something is lost.
    pub fn loses(&self) -> bool {
        self.units.iter().any(|u| !u.lost.is_empty())
    }

    /// The units whose containers stay.
    pub fn staying(&self) -> BTreeSet<String> {
        let stays = |u: &&UnitChange| matches!(u.action, ChangeAction::Keep | ChangeAction::Adjust);
        self.units.iter().filter(stays).map(|u| u.unit.clone()).collect()
    }

    /// Word and text of each unit and suite that changes, and the number of units that stay as they are.
    pub fn lines(&self) -> (Vec<(&'static str, String)>, usize) {
        let units = self.units.iter().filter(|u| u.action != ChangeAction::Keep).map(|u| (u.action.word(), u.text()));
        let suites = self.suites.iter().map(|s| (s.action.word(), format!("suite {}", s.suite)));
        let kept = self.units.iter().filter(|u| u.action == ChangeAction::Keep).count();
        (units.chain(suites).collect(), kept)
    }
}

/// Compares the recorded plan with the new one. `other_secrets` are the units whose secret files get another content.
pub fn compare(before: &Plan, after: &Plan, fates: &Fates, other_secrets: &BTreeSet<String>) -> Changes {
    let fate = |unit: &str| fates.get(unit).copied().unwrap_or(Fate::Missing);
    let mut units: Vec<UnitChange> = vec![];
    for unit in &after.units {
        let replaced = |need: &&String| {
            units.iter().any(|u| u.unit == **need && matches!(u.action, ChangeAction::Replace | ChangeAction::Add))
        };
        let followed: Vec<String> = unit.needs.iter().filter(replaced).cloned().collect();
        let secrets = other_secrets.contains(&unit.name);
        let change = planned(before, after, unit, fate(&unit.name), secrets, &followed);
        units.push(change);
    }
    // Also units that no recorded plan knows: an update that was interrupted has left them.
    let gone = fates.iter().filter(|(name, fate)| **fate != Fate::Missing && after.unit(name).is_none());
    units.extend(gone.map(|(name, _)| UnitChange {
        unit: name.clone(),
        action: ChangeAction::Remove,
        why: vec!["it is no longer described".into()],
        lost: before.unit(name).map(lost).unwrap_or_default(),
    }));
    Changes { units, suites: suites(before, after) }
}

fn planned(before: &Plan, after: &Plan, unit: &Unit, fate: Fate, secrets: bool, followed: &[String]) -> UnitChange {
    let old = before.unit(&unit.name);
    let mut why = old.map(|old| fields::differing((before, old), (after, unit))).unwrap_or_default();
    let change = |action, why| UnitChange { unit: unit.name.clone(), action, why, lost: vec![] };
    let in_place =
        |why: Vec<String>| change(if why.is_empty() { ChangeAction::Keep } else { ChangeAction::Adjust }, why);
    match (fate, old) {
        (Fate::Stays, _) => return in_place(why),
        // A unit that a suite starts need not exist before.
        (Fate::Missing, Some(_)) if unit.start_late => return in_place(why),
        (Fate::Missing, Some(_)) => return change(ChangeAction::Add, vec!["it is missing".into()]),
        (Fate::Missing, None) => return change(ChangeAction::Add, vec![]),
        (Fate::Ended, _) if unit.start_late => why.push("a suite has started it".into()),
        (Fate::Ended, _) => why.push("its process has ended".into()),
        (Fate::OtherImage, _) if why.iter().all(|w| !w.starts_with("image ")) => {
            why.push(format!("image {} is another one by now", unit.image));
        }
        (Fate::OtherImage | Fate::Differs, _) => {}
    }
    if secrets {
        why.push("its secrets or certificates are new".into());
    }
    if why.is_empty() && !followed.is_empty() {
        why.push(format!("it needs {}, which starts anew", followed.join(", ")));
    }
    if why.is_empty() {
        why.push("its container is not as this version of dayfly creates it".into());
    }
    let lost = lost(old.unwrap_or(unit));
    UnitChange { lost, ..change(ChangeAction::Replace, why) }
}

/// What is lost with the containers of a unit.
fn lost(unit: &Unit) -> Vec<String> {
    let own = match unit.kind {
        UnitKind::Database => Some("its rows".to_owned()),
        UnitKind::Broker => Some("its queues and messages".to_owned()),
        UnitKind::Backing(kind) => Some(kind.about().lost.to_owned()),
        UnitKind::Service | UnitKind::Job => None,
    };
    let paths: Vec<&str> = unit.writable.iter().map(String::as_str).filter(|path| *path != "/tmp").collect();
    let content =
        (!paths.is_empty() && unit.kind == UnitKind::Service).then(|| format!("the content of {}", paths.join(", ")));
    own.into_iter().chain(content).collect()
}

/// Reports whether suites differ, wherever they come from: the digest of their file changes with every other line of it.
fn differs(old: &SuitePlan, new: &SuitePlan) -> bool {
    SuitePlan { origin: None, ..old.clone() } != SuitePlan { origin: None, ..new.clone() }
}

fn suites(before: &Plan, after: &Plan) -> Vec<SuiteChange> {
    let change = |suite: &String, action| SuiteChange { suite: suite.clone(), action };
    let new = after.suites.iter().filter_map(|(name, suite)| match before.suites.get(name) {
        None => Some(change(name, ChangeAction::Add)),
        Some(old) if differs(old, suite) => Some(change(name, ChangeAction::Replace)),
        Some(_) => None,
    });
    let gone = before.suites.keys().filter(|name| !after.suites.contains_key(*name));
    new.chain(gone.map(|name| change(name, ChangeAction::Remove))).collect()
}

#[cfg(test)]
mod tests;
