//! `Pipfile.lock`. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::archive::is_archive;
use super::error::Fault;
use super::kind::LockFile;
use super::lines::json;

/// Keys of an entry that comes from an address.
const ADDRESSES: [&str; 7] = ["git", "hg", "svn", "bzr", "file", "uri", "url"];

/// Every section but `_meta` is a list of packages: `default`, `develop` and categories.
pub(super) fn read(text: &str, out: &mut LockFile) -> Result<(), Fault> {
    let document: BTreeMap<String, Value> = json(text)?;
    if !document.contains_key("default") && !document.contains_key("develop") {
        return Err("it has neither `default` nor `develop`".into());
    }
    for (_, section) in document.into_iter().filter(|(name, _)| name != "_meta") {
        let entries: BTreeMap<String, BTreeMap<String, Value>> =
            serde_json::from_value(section).map_err(|e| format!("this is not such a lock file: {e}"))?;
        for (name, entry) in entries {
            let text = |key: &str| entry.get(key).and_then(Value::as_str);
            let has_address = ADDRESSES.iter().any(|key| entry.contains_key(*key));
            match (text("path"), text("version")) {
                (Some(path), _) if !has_address && !is_archive(path) => {}
                (None, Some(version)) if !has_address && !entry.contains_key("path") => {
                    let package = out.add(&name, version.strip_prefix("==").unwrap_or(version), None);
                    let hashes = entry.get("hashes").and_then(Value::as_array).into_iter().flatten();
                    if let Some(package) = package {
                        hashes.filter_map(Value::as_str).for_each(|hash| package.locked_mut().hash(hash));
                    }
                }
                _ => out.gap(format!("{name:?} has no version, because it does not come from an index"), None),
            }
        }
    }
    out.packages.sort();
    out.packages.dedup();
    Ok(())
}
