//! The JSON Schema of a policy, for editors and for the check of its shape. Pure: made from the Rust types.

use serde_json::Value;

use super::model::PolicyDocument;
use crate::spec::document;
use crate::spec::kind::POLICY;

/// Where the schema says it is from.
pub const ID: &str = "https://dayfly.dev/v1alpha1/policy.schema.json";

/// The schema (draft 2020-12) as JSON.
pub fn schema() -> Value {
    document::schema_of::<PolicyDocument>(&POLICY, ID, "dayfly policy")
}
