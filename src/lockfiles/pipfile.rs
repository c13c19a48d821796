//! `Pipfile.lock`. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::error::Fault;
use super::kind::LockFile;
use super::lines::json;

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    path: Option<String>,
}

/// Every section but `_meta` is a list of packages: `default`, `develop` and categories.
pub(super) fn read(text: &str, out: &mut LockFile) -> Result<(), Fault> {
    let document: BTreeMap<String, Value> = json(text)?;
    if !document.contains_key("default") && !document.contains_key("develop") {
        return Err("it has neither `default` nor `develop`".into());
    }
    for (_, section) in document.into_iter().filter(|(name, _)| name != "_meta") {
        let entries: BTreeMap<String, Entry> =
            serde_json::from_value(section).map_err(|e| format!("this is not such a lock file: {e}"))?;
        for (name, entry) in entries {
            match entry.version.as_deref().map(|v| v.strip_prefix("==").unwrap_or(v)) {
                Some(version) => drop(out.add(&name, version, None)),
                None if entry.path.is_some() => {}
                None => out.gap(format!("{name:?} has no version, because it does not come from an index"), None),
            }
        }
    }
    out.packages.sort();
    out.packages.dedup();
    Ok(())
}
