//! Writes and reads the facts as JSON. Reading refuses other schema versions.

use serde::Deserialize;

use super::ReportError;
use super::facts::{Facts, SCHEMA_VERSION};

/// Pretty-printed JSON with a final newline; equal facts give equal bytes.
pub fn write(facts: &Facts) -> Result<String, ReportError> {
    let text =
        serde_json::to_string_pretty(facts).map_err(|e| ReportError::Render { view: "json", why: e.to_string() })?;
    Ok(text + "\n")
}

/// Reads what `write` wrote.
pub fn read(text: &str) -> Result<Facts, ReportError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        #[serde(default)]
        schema_version: serde_json::Value,
    }
    let head: Head = serde_json::from_str(text).map_err(ReportError::NotFacts)?;
    if head.schema_version != SCHEMA_VERSION {
        return Err(ReportError::Version { found: head.schema_version.to_string() });
    }
    serde_json::from_str(text).map_err(ReportError::NotFacts)
}
