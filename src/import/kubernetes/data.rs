//! ConfigMaps and Secrets of the input. Of Secrets, only the names of their keys are kept. Pure.

use std::collections::BTreeMap;

use crate::import::tree::Tree;

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
            let keys = |of: &str| object.get(of).map(Tree::entries).unwrap_or_default();
            match object.word("kind") {
                Some("ConfigMap") => {
                    let texts = keys("data").iter().filter_map(|(key, v)| Some((key.clone(), v.text()?.to_owned())));
                    data.config_maps.entry(name.to_owned()).or_default().extend(texts);
                }
                Some("Secret") => {
                    let names = keys("data").iter().chain(keys("stringData")).map(|(key, _)| key.clone());
                    data.secrets.entry(name.to_owned()).or_default().extend(names);
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
