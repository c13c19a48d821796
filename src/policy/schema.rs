//! The JSON Schema of a policy, for editors and for the check of its shape. Pure: made from the Rust types.

use serde_json::{Value, json};

use super::model::PolicyDocument;
use crate::spec::kind::POLICY;
use crate::spec::model::API_VERSION;

/// Where the schema says it is from.
pub const ID: &str = "https://dayfly.dev/v1alpha1/policy.schema.json";

/// The schema (draft 2020-12) as JSON.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(PolicyDocument).to_value();
    if let Some(top) = schema.as_object_mut() {
        top.insert("$id".into(), json!(ID));
        top.insert("title".into(), json!("dayfly policy"));
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (name, value) in [("apiVersion", API_VERSION), ("kind", POLICY.kind)] {
            if let Some(property) = properties.get_mut(name).and_then(Value::as_object_mut) {
                property.insert("const".into(), json!(value));
            }
        }
    }
    schema
}
