//! Compares messages with `expect` steps. Pure.

use std::collections::{BTreeMap, BTreeSet};

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Value, json};

use super::matching;
use crate::spec::model::Expect;

/// A delivered message.
#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    pub key: String,
    pub body: Vec<u8>,
    /// Set properties by their AMQP names, `persistent` for that delivery mode, and `headers`.
    pub properties: BTreeMap<&'static str, Value>,
}

impl From<&Delivery> for Message {
    fn from(delivery: &Delivery) -> Self {
        Self {
            key: delivery.routing_key.to_string(),
            body: delivery.data.clone(),
            properties: properties(&delivery.properties),
        }
    }
}

impl Message {
    /// Returns why the step does not match this message, by key and JSON.
    pub fn other(&self, expect: &Expect) -> Option<String> {
        if let Some(key) = expect.key.as_ref().filter(|key| **key != self.key) {
            return Some(format!("its key is {:?}, expected {key:?}", self.key));
        }
        let wanted = expect.json.as_ref()?;
        match self.json() {
            Some(found) => matching::difference(wanted, &found),
            None => Some("its body is not JSON".into()),
        }
    }

    /// Returns what is wrong with a matching message: other keys than allowed, or a property that is not set.
    pub fn fault(&self, expect: &Expect) -> Option<(String, String)> {
        if let Some(fault) = self.other_keys(&expect.only_keys) {
            return Some(fault);
        }
        let missing = expect.properties.iter().find(|name| !self.properties.contains_key(name.as_str()))?;
        let set = self.properties.keys().copied().collect::<Vec<_>>().join(", ");
        Some((format!("a message with the property {missing}"), format!("the properties that are set: {set}")))
    }

    /// Compares the keys of objects; `data.path` means that `data` has exactly the keys that are listed below it.
    fn other_keys(&self, only: &[String]) -> Option<(String, String)> {
        let mut wanted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for path in only {
            let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
            for prefix in ends.map(|end| &path[..end]) {
                let (parent, key) = prefix.rsplit_once('.').unwrap_or(("", prefix));
                wanted.entry(parent).or_default().insert(key);
            }
        }
        let body = self.json();
        wanted.into_iter().find_map(|(parent, keys)| {
            let (place, path) = if parent.is_empty() {
                ("a body".to_owned(), "$".to_owned())
            } else {
                (format!("`{parent}`"), format!("$.{parent}"))
            };
            let expected =
                format!("{place} with exactly the keys {}", keys.iter().copied().collect::<Vec<_>>().join(", "));
            let Some(Value::Object(object)) = body.as_ref().and_then(|b| matching::at(&path, b)) else {
                return Some((expected, self.describe()));
            };
            let found: BTreeSet<&str> = object.keys().map(String::as_str).collect();
            (found != keys)
                .then(|| (expected, format!("the keys {}", found.into_iter().collect::<Vec<_>>().join(", "))))
        })
    }

    /// Returns true if any part contains the text.
    pub fn contains(&self, text: &str) -> bool {
        let strings = |value: &Value| matching::text(value).contains(text);
        self.key.contains(text)
            || String::from_utf8_lossy(&self.body).contains(text)
            || self.properties.values().any(strings)
    }

    /// Returns the value of a variable: `$…` in the body, `key`, or a property.
    pub fn capture(&self, source: &str) -> Option<String> {
        match source {
            "key" => Some(self.key.clone()),
            "body" => Some(String::from_utf8_lossy(&self.body).into_owned()),
            _ if source.starts_with('$') => matching::at(source, &self.json()?).map(matching::text),
            _ => self.properties.get(source).map(matching::text),
        }
    }

    pub fn describe(&self) -> String {
        format!("key {:?}, body {}", self.key, matching::shown(&self.body))
    }

    fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

fn properties(from: &BasicProperties) -> BTreeMap<&'static str, Value> {
    let text = |value: &Option<lapin::types::ShortString>| value.as_ref().map(|text| json!(text.as_str()));
    let all = [
        ("content_type", text(from.content_type())),
        ("content_encoding", text(from.content_encoding())),
        ("correlation_id", text(from.correlation_id())),
        ("reply_to", text(from.reply_to())),
        ("expiration", text(from.expiration())),
        ("message_id", text(from.message_id())),
        ("type", text(from.kind())),
        ("user_id", text(from.user_id())),
        ("app_id", text(from.app_id())),
        ("priority", from.priority().map(|n| json!(n))),
        ("timestamp", from.timestamp().map(|n| json!(n))),
        ("persistent", from.delivery_mode().filter(|mode| *mode == 2).map(|_| json!(true))),
        ("headers", from.headers().as_ref().map(table)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn table(from: &FieldTable) -> Value {
    Value::Object(from.inner().iter().map(|(name, value)| (name.to_string(), plain(value))).collect())
}

/// Converts header values to JSON, or to text if JSON has no equivalent.
fn plain(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Boolean(value) => json!(value),
        AMQPValue::ShortShortInt(n) => json!(n),
        AMQPValue::ShortShortUInt(n) => json!(n),
        AMQPValue::ShortInt(n) => json!(n),
        AMQPValue::ShortUInt(n) => json!(n),
        AMQPValue::LongInt(n) => json!(n),
        AMQPValue::LongUInt(n) => json!(n),
        AMQPValue::LongLongInt(n) => json!(n),
        AMQPValue::Float(n) => json!(n),
        AMQPValue::Double(n) => json!(n),
        AMQPValue::Timestamp(n) => json!(n),
        AMQPValue::ShortString(text) => json!(text.as_str()),
        AMQPValue::LongString(text) => json!(text.to_string()),
        AMQPValue::FieldArray(values) => Value::Array(values.as_slice().iter().map(plain).collect()),
        AMQPValue::FieldTable(values) => table(values),
        AMQPValue::ByteArray(bytes) => json!(String::from_utf8_lossy(bytes.as_slice())),
        AMQPValue::DecimalValue(value) => json!(format!("{value:?}")),
        AMQPValue::Void => Value::Null,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn message() -> Message {
        let mut headers = FieldTable::default();
        headers.insert("x-tenant".into(), AMQPValue::LongString("p11".into()));
        let set = BasicProperties::default()
            .with_message_id("m1".into())
            .with_delivery_mode(2)
            .with_timestamp(7)
            .with_headers(headers);
        Message {
            key: "k.v1".into(),
            body: br#"{"method":"PUT","data":{"id":3}}"#.to_vec(),
            properties: properties(&set),
        }
    }

    fn expect(json: Value) -> Expect {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn key_and_json_choose_a_message() {
        assert_eq!(message().other(&expect(json!({ "key": "k.v1", "json": { "method": "PUT" } }))), None);
        assert_eq!(
            message().other(&expect(json!({ "key": "k.v2" }))).unwrap(),
            "its key is \"k.v1\", expected \"k.v2\""
        );
        assert_eq!(
            message().other(&expect(json!({ "json": { "method": "GET" } }))).unwrap(),
            "$.method is \"PUT\", expected \"GET\""
        );
    }

    #[test]
    fn a_chosen_message_with_further_keys_or_without_a_property_is_at_fault() {
        assert_eq!(
            message().fault(&expect(
                json!({ "onlyKeys": ["method", "data"], "properties": ["message_id", "timestamp", "persistent"] })
            )),
            None
        );
        assert_eq!(message().fault(&expect(json!({ "onlyKeys": ["method"] }))).unwrap().1, "the keys data, method");
        assert_eq!(message().fault(&expect(json!({ "onlyKeys": ["method", "data.id"] }))), None);
        assert_eq!(
            message().fault(&expect(json!({ "onlyKeys": ["method", "data.name"] }))).unwrap(),
            ("`data` with exactly the keys name".into(), "the keys id".into())
        );
        assert!(message().fault(&expect(json!({ "onlyKeys": ["data", "method.name"] }))).is_some());
        assert_eq!(
            message().fault(&expect(json!({ "properties": ["reply_to"] }))).unwrap().0,
            "a message with the property reply_to"
        );
        let transient = BasicProperties::default().with_delivery_mode(1);
        assert!(!properties(&transient).contains_key("persistent"));
    }

    #[test]
    fn a_text_is_found_in_key_body_and_headers() {
        for text in ["v1", "PUT", "p11", "m1"] {
            assert!(message().contains(text), "{text}");
        }
        assert!(!message().contains("p12"));
    }

    #[test]
    fn variables_come_from_body_key_and_properties() {
        assert_eq!(message().capture("$.data.id").as_deref(), Some("3"));
        assert_eq!(message().capture("key").as_deref(), Some("k.v1"));
        assert_eq!(message().capture("message_id").as_deref(), Some("m1"));
        assert_eq!(message().capture("reply_to"), None);
    }
}
