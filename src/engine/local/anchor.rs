//! Anchors: the container that never runs, has the environment's name, and holds its lease in a label.

use std::collections::BTreeMap;

use super::client::LocalEngine;
use super::containers::Inspected;
use super::explain;
use crate::engine::{EngineError, Leftover};
use crate::lease::Lease;
use crate::model::RunId;
use crate::render::labels;

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
    match engine.container(environment).await? {
        Some(anchor) => lease_of(&anchor, environment).map(Some),
        None => Ok(None),
    }
}

/// Returns the owner's run id.
pub async fn owner(engine: &LocalEngine, environment: &str) -> Result<Option<RunId>, EngineError> {
    match engine.container(environment).await? {
        Some(anchor) => owner_of(&anchor.config.labels.unwrap_or_default(), environment),
        None => Ok(None),
    }
}

/// The owner that an anchor names; none if the container is not dayfly's.
fn owner_of(labels: &BTreeMap<String, String>, environment: &str) -> Result<Option<RunId>, EngineError> {
    let unreadable = |_| {
        let why = "another version of dayfly created it; remove it with that version, or with `dayfly down`";
        explain::failed(&format!("read the owner of environment {environment}"), why, Leftover::None)
    };
    labels.get(labels::RUN).map(|run| run.parse()).transpose().map_err(unreadable)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn owner(run: &str) -> Result<Option<RunId>, EngineError> {
        owner_of(&BTreeMap::from([(labels::RUN.to_owned(), run.to_owned())]), "e-pr-1")
    }

    #[test]
    fn an_anchor_names_its_owner() {
        let run = RunId::now();
        assert_eq!(owner(&run.to_string()).unwrap(), Some(run));
        assert_eq!(owner_of(&BTreeMap::new(), "e-pr-1").unwrap(), None);
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
