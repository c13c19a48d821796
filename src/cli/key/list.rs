//! `dayfly key list`: checks a list of trusted keys, and shows which of them hold now.

use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use crate::cli::description;
use crate::cli::error::usage_error;
use crate::evidence::TrustedKeys;
use crate::evidence::trusted_keys::TrustedKey;
use crate::file::read_regular;
use crate::model::Digest;
use crate::report::exit_code;
use crate::spec::yaml::MAX_BYTES;

/// Reads a list.
pub fn list_bytes(file: &Path) -> anyhow::Result<Vec<u8>> {
    let failed = |e: std::io::Error| usage_error(&format!("failed to read the list of keys {}: {e}", file.display()));
    Ok(read_regular(file, MAX_BYTES as u64).map_err(failed)?)
}

/// Checks and shows a list.
pub fn run(file: &Path, json: bool) -> anyhow::Result<u8> {
    let bytes = list_bytes(file)?;
    let list = description::printed(TrustedKeys::parse(file, &bytes), json)?;
    let now = Timestamp::now();
    if json {
        let state = |key: &TrustedKey| {
            let mut value = json!(key);
            value["state"] = state(key, now).into();
            value
        };
        let keys: Vec<_> = list.keys.iter().map(state).collect();
        outln!("{:#}", json!({"digest": Digest::compute(&bytes).to_string(), "keys": keys}));
        return Ok(exit_code::PASSED);
    }
    for key in &list.keys {
        let until = key.valid_to.map_or_else(|| "on".to_owned(), |to| format!("until {to}"));
        outln!("{:<8}  {:<21}  {}  from {} {until}", state(key, now), key.used.to_string(), key.id, key.valid_from);
        if let Some((at, reason)) = &key.revoked {
            outln!("          revoked at {at}: {reason}");
        }
    }
    Ok(exit_code::PASSED)
}

fn state(key: &TrustedKey, now: Timestamp) -> &'static str {
    if key.revoked.is_some() {
        "revoked"
    } else if now < key.valid_from {
        "later"
    } else if key.valid_to.is_some_and(|to| now >= to) {
        "ended"
    } else {
        "valid"
    }
}
