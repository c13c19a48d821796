//! Anchors: the container that never runs, has the environment's name, and holds its lease in a label.
//!
//! A run that replaces another one creates its anchor under a name of its own, and gives it the environment's name when the
//! older anchor is gone. If it is killed in between, its anchor is found by its labels.

use std::collections::BTreeMap;

use bollard::query_parameters::RenameContainerOptionsBuilder;

use super::client::LocalEngine;
use super::containers::{Inspected, Listed};
use super::explain;
use crate::engine::{EngineError, Leftover};
use crate::lease::Lease;
use crate::model::RunId;
use crate::render::labels::{self, ENVIRONMENT, ROLE, Role};

/// Returns the anchor of an environment, if it has an owner.
pub async fn find(engine: &LocalEngine, environment: &str) -> Result<Option<Inspected>, EngineError> {
    if let Some(anchor) = engine.container(environment).await? {
        return Ok(Some(anchor));
    }
    let unnamed = engine.containers(&[(ENVIRONMENT, environment), (ROLE, Role::Anchor.as_str())]).await?;
    match newest(unnamed.iter(), environment) {
        Some(anchor) => engine.container(&anchor.id).await,
        None => Ok(None),
    }
}

/// Returns the owner's anchor among the anchors of an environment: the one with its name, or else that of the newest run.
pub fn newest<'a>(anchors: impl Iterator<Item = &'a Listed> + Clone, environment: &str) -> Option<&'a Listed> {
    let named = anchors.clone().find(|a| a.name() == environment);
    named.or_else(|| anchors.max_by_key(|a| a.label(labels::RUN).parse::<RunId>().ok()))
}

/// Parses the lease of an anchor.
pub fn lease_of(anchor: &Inspected, environment: &str) -> Result<Lease, EngineError> {
    let failed =
        |words: &str| explain::failed(&format!("read the owner of environment {environment}"), words, Leftover::None);
    let labels = anchor.config.labels.clone().unwrap_or_default();
    let text = labels.get(labels::LEASE).ok_or_else(|| {
        failed(&format!("the container {environment} does not belong to dayfly; rename or remove it"))
    })?;
    parse(text).ok_or_else(|| {
        failed("another version of dayfly created it; remove it with that version, or with `dayfly down`")
    })
}

/// Parses the label of a lease.
pub fn parse(label: &str) -> Option<Lease> {
    serde_json::from_str(label).ok()
}

/// Returns the owner's lease.
pub async fn lease(engine: &LocalEngine, environment: &str) -> Result<Option<Lease>, EngineError> {
    match find(engine, environment).await? {
        Some(anchor) => lease_of(&anchor, environment).map(Some),
        None => Ok(None),
    }
}

/// Gives an anchor the environment's name; returns false if another container has it, or the anchor is gone.
pub async fn give_name(engine: &LocalEngine, anchor: &str, environment: &str) -> Result<bool, EngineError> {
    let options = RenameContainerOptionsBuilder::new().name(environment).build();
    match engine.docker.rename_container(anchor, options).await {
        Ok(()) => Ok(true),
        Err(e) if explain::is_name_in_use(&e) || explain::status(&e) == Some(404) => Ok(false),
        Err(e) => {
            Err(explain::failed(&format!("claim environment {environment}"), &explain::words(&e), Leftover::Removable))
        }
    }
}

/// The owner of an environment, as far as its objects bear it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its run.
    pub run: RunId,
    /// The units that it inherited; none if its lease cannot be read.
    inherited: BTreeMap<String, RunId>,
}

impl Owner {
    /// The owner of a lease.
    pub fn of(lease: &Lease) -> Self {
        Self { run: lease.run, inherited: lease.inherited.units.clone() }
    }

    /// Returns true if the object of a unit that bears this run belongs to the owner.
    pub fn has(&self, unit: &str, run: &str) -> bool {
        self.inherited.get(unit).unwrap_or(&self.run).to_string() == run
    }

    /// Returns true if the container of a unit belongs to the owner.
    pub fn has_container(&self, container: &Listed) -> bool {
        self.has(container.label(labels::UNIT), container.label(labels::RUN))
    }
}

/// Returns the owner.
pub async fn owner(engine: &LocalEngine, environment: &str) -> Result<Option<Owner>, EngineError> {
    match find(engine, environment).await? {
        Some(anchor) => owner_of(&anchor.config.labels.unwrap_or_default(), environment),
        None => Ok(None),
    }
}

/// The owner that an anchor names; none if the container is not dayfly's.
fn owner_of(labels: &BTreeMap<String, String>, environment: &str) -> Result<Option<Owner>, EngineError> {
    let unreadable = |_| {
        let why = "another version of dayfly created it; remove it with that version, or with `dayfly down`";
        explain::failed(&format!("read the owner of environment {environment}"), why, Leftover::None)
    };
    let Some(run) = labels.get(labels::RUN).map(|run| run.parse()).transpose().map_err(unreadable)? else {
        return Ok(None);
    };
    let inherited = labels.get(labels::LEASE).and_then(|lease| parse(lease)).map(|lease| lease.inherited.units);
    Ok(Some(Owner { run, inherited: inherited.unwrap_or_default() }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn owner(run: &str) -> Result<Option<Owner>, EngineError> {
        owner_of(&BTreeMap::from([(labels::RUN.to_owned(), run.to_owned())]), "e-pr-1")
    }

    #[test]
    fn an_anchor_names_its_owner() {
        let run = RunId::now();
        assert_eq!(owner(&run.to_string()).unwrap().map(|o| o.run), Some(run));
        assert_eq!(owner_of(&BTreeMap::new(), "e-pr-1").unwrap(), None);
    }

    #[test]
    fn an_owner_has_its_own_units_and_those_it_inherited() {
        let (earlier, run) = (RunId::oldest(), RunId::now());
        let owner = Owner { run, inherited: [("db".to_owned(), earlier)].into() };
        assert!(owner.has("db", &earlier.to_string()) && owner.has("web", &run.to_string()));
        assert!(!owner.has("db", &run.to_string()) && !owner.has("web", &earlier.to_string()));
    }

    #[test]
    fn an_unreadable_owner_is_an_error() {
        for run in ["", "7", "of-another-version"] {
            let why = owner(run).unwrap_err().to_string();
            assert!(
                why.contains("read the owner of environment e-pr-1: another version of dayfly created it"),
                "{why}"
            );
        }
    }
}
