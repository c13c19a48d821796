//! ConfigMaps and Secrets of the input. Of Secrets, only the names of their keys are kept. Pure.

use std::collections::BTreeMap;

use crate::import::tree::Tree;

/// Most keys of an object.
const MAX_KEYS: usize = 1000;

/// Data by the name of the object.
#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) config_maps: BTreeMap<String, Vec<(String, String)>>,
    pub(super) secrets: BTreeMap<String, Vec<String>>,
}

impl Data {
    pub(super) fn collect(objects: &[Tree]) -> Self {
        let mut data = Self::default();
        for object in objects {
            let Some(name) = object.at(&["metadata"]).and_then(|m| m.word("name")) else { continue };
            let all = |of: &str| object.get(of).map(Tree::entries).unwrap_or_default();
            let keys = |of: &str| all(of).iter().take(MAX_KEYS);
            match object.word("kind") {
                Some("ConfigMap") => {
                    let texts = keys("data").filter_map(|(key, v)| Some((key.clone(), v.text()?.to_owned())));
                    data.config_maps.entry(name.to_owned()).or_insert_with(|| texts.collect());
                }
                Some("Secret") => {
                    let names = keys("data").chain(keys("stringData")).map(|(key, _)| key.clone());
                    data.secrets.entry(name.to_owned()).or_insert_with(|| names.collect());
                }
                _ => {}
            }
        }
        data
    }

    pub(super) fn config(&self, name: &str) -> &[(String, String)] {
        self.config_maps.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn secret(&self, name: &str) -> &[String] {
        self.secrets.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}
