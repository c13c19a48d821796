//! What a suite of kind `dependencies` scans.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What a suite of kind `dependencies` scans for known vulnerabilities and malicious packages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scan {
    /// `all` (default), or a list of services, jobs, databases, backing services, the broker and container suites; `[]` for no image.
    #[serde(default)]
    pub images: ScannedImages,
    /// Lock files, by path relative to the folder of the description; a suite of the base reads those of the change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lockfiles: Vec<String>,
}

/// The images that are scanned, by the digests that run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ScannedImages {
    /// `all`, the only word: those of all units and container suites.
    Word(String),
    /// Those of these units and container suites.
    Of(Vec<String>),
}

impl ScannedImages {
    /// The word for every image.
    pub const ALL: &str = "all";
}

impl Default for ScannedImages {
    fn default() -> Self {
        Self::Word(Self::ALL.to_owned())
    }
}

impl JsonSchema for ScannedImages {
    fn schema_name() -> Cow<'static, str> {
        "ScannedImages".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`all`, or names of units and container suites.",
            "type": ["string", "array"], "items": { "type": "string" }, "examples": ["all"]
        })
    }
}
