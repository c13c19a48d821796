//! Keywords of a JSON Schema: types, choices, descriptions.

use serde_json::Value;

use crate::spec::diagnostic::near;

/// The types that a schema names, its alternatives included.
pub(super) fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => schema.get("anyOf").and_then(Value::as_array).into_iter().flatten().flat_map(types).collect(),
    }
}

/// The fixed values that are allowed, each with its description, where the schema lists them.
pub(super) fn choices(schema: &Value) -> Option<Vec<(Value, &str)>> {
    if let Some(only) = schema.get("const") {
        return Some(vec![(only.clone(), "")]);
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        return Some(values.iter().map(|v| (v.clone(), "")).collect());
    }
    let branches = schema.get("oneOf")?.as_array()?;
    branches.iter().map(|b| b.get("const").map(|v| (v.clone(), description(b)))).collect()
}

pub(super) fn description(schema: &Value) -> &str {
    schema.get("description").and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn is_typed(schema: &Value) -> bool {
    ["type", "anyOf", "oneOf", "properties"].iter().any(|word| schema.get(word).is_some())
}

pub(super) fn may_be(schema: &Value, name: &str) -> bool {
    types(schema).contains(&name)
}

pub(super) fn nearest_choice(text: &str, choices: &[(Value, &str)]) -> Option<String> {
    near(text, choices.iter().filter_map(|(v, _)| v.as_str())).map(str::to_owned)
}
