//! The JSON Schema of a description, for editors and for `shape`. Pure: made from the Rust types.

use serde_json::{Map, Value, json};

use super::backing::KindName;
use super::model::{API_VERSION, Environment, KIND};

/// Where the schema says it is from.
pub const ID: &str = "https://dayfly.dev/v1alpha1/environment.schema.json";
/// Names of services, databases, broker, backing services and suites; also host names.
pub const NAME_PATTERN: &str = "^[a-z]([-a-z0-9]*[a-z0-9])?$";

/// Keys of the top level that mean nothing to dayfly.
const EXTENSIONS: &str = "^x-";

/// The schema (draft 2020-12) as JSON.
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Environment).to_value();
    if let Some(top) = schema.as_object_mut() {
        top.insert("$id".into(), json!(ID));
        top.insert("title".into(), json!("dayfly environment"));
        top.insert("examples".into(), json!([example()]));
        top.insert("patternProperties".into(), json!({ EXTENSIONS: {} }));
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        insert(properties, "apiVersion", &[("const", json!(API_VERSION))]);
        insert(properties, "kind", &[("const", json!(KIND))]);
        insert(properties, "name", &[("pattern", json!(NAME_PATTERN)), ("maxLength", json!(30))]);
        let kinds = KindName::ALL.map(KindName::noun);
        for named in ["services", "jobs", "databases", "suites"].into_iter().chain(kinds) {
            let names = json!({ "pattern": NAME_PATTERN, "maxLength": 40 });
            insert(properties, named, &[("propertyNames", names)]);
        }
    }
    schema
}

/// The schema for editors: a file may be included where the text of a description is, but not where its content is checked.
pub fn with_inclusions() -> Value {
    let mut schema = schema();
    schema["$defs"]["Include"] = json!({
        "type": "object",
        "description": "A file whose content stands here.",
        "properties": { "include": { "type": "string", "description": "Its path relative to the description." } },
        "required": ["include"],
        "additionalProperties": false,
    });
    for place in [
        "/properties/suites/additionalProperties",
        "/$defs/Suite/properties/cases/items",
        "/$defs/Suite/properties/cases",
        "/$defs/Case/properties/steps/items",
        "/$defs/Case/properties/cleanup/items",
        "/$defs/Repeat/properties/steps/items",
    ] {
        if let Some(at) = schema.pointer_mut(place) {
            *at = json!({ "anyOf": [at.take(), { "$ref": "#/$defs/Include" }] });
        }
    }
    schema
}

fn insert(properties: &mut Map<String, Value>, name: &str, words: &[(&str, Value)]) {
    if let Some(property) = properties.get_mut(name).and_then(Value::as_object_mut) {
        property.extend(words.iter().map(|(k, v)| ((*k).to_owned(), v.clone())));
    }
}

fn example() -> Value {
    json!({
        "apiVersion": API_VERSION, "kind": KIND, "name": "shop",
        "services": { "api": { "image": "registry.example/shop/api:1.4", "port": 8080, "needs": ["db"], "secrets": ["db.api"] } },
        "databases": { "db": { "image": "docker.io/library/postgres:17", "roles": ["api"] } },
        "suites": { "acceptance": { "kind": "acceptance", "needs": ["api"], "cases": [
            { "id": "A1", "name": "the service answers", "steps": [{ "http": { "url": "http://api:8080/" } }] }
        ] } }
    })
}
