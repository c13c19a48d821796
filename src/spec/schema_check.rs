//! Checks the shape of a description against its JSON Schema: unknown and missing keys, types, choices, ranges.
//!
//! Pure. It replaces a wrong value by a stand-in and continues, so that the semantic checks can still check everything
//! else; errors that follow from a stand-in are not reported.

use serde_json::{Map, Value};

use super::diagnostic::{DiagnosticSink, known, near};
use super::span::FieldPath;
use super::yaml::{Entry, Kind, Node};

mod checker;
mod foreign;
mod keyword;
mod scalar;

use checker::{Actions, SchemaCheck};
use keyword::{choices, description, is_typed, may_be};

/// The description as JSON that fits the schema.
pub fn check(schema: &Value, root: &Node, diagnostics: &mut DiagnosticSink) -> Value {
    SchemaCheck { top: schema, diagnostics }.node(schema, root, &FieldPath::root())
}

impl<'a> SchemaCheck<'a> {
    fn node(&mut self, schema: &'a Value, node: &Node, at: &FieldPath) -> Value {
        let schema = self.resolved(schema);
        if may_be(schema, "null") && node.is_null() {
            return Value::Null;
        }
        let schema = self.without_null(schema);
        if let Some(choices) = choices(schema) {
            return self.choice(schema, &choices, node, at);
        }
        match &node.kind {
            Kind::Broken => {
                self.diagnostics.set_unsound(at);
                self.stand_in(schema)
            }
            _ if !is_typed(schema) => node.to_json(),
            Kind::Map(entries) if may_be(schema, "object") => self.mapping(schema, entries, at),
            Kind::Seq(items) if may_be(schema, "array") => {
                let each = schema.get("items").unwrap_or(&Value::Null);
                Value::Array(items.iter().enumerate().map(|(i, item)| self.node(each, item, &at.index(i))).collect())
            }
            _ => self.scalar(schema, node, at),
        }
    }

    fn mapping(&mut self, schema: &'a Value, entries: &[Entry], at: &FieldPath) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let further = schema.get("additionalProperties");
        let mut value = Map::new();
        let mut actions = Actions::of(schema);
        for e in entries {
            let (parent, at) = (at, at.key(&e.key));
            match (properties.and_then(|p| p.get(&e.key)), further) {
                (Some(of), _) if actions.takes(&e.key) => {
                    value.insert(e.key.clone(), self.node(of, &e.value, &at));
                }
                (Some(_), _) => {} // A second action; reported below, with the first.
                (None, Some(each @ (Value::Object(_) | Value::Bool(true)))) => {
                    value.insert(e.key.clone(), self.node(each, &e.value, &at));
                }
                _ => {
                    actions.misspelt |= near(&e.key, actions.of.iter().copied()).is_some();
                    self.unknown_key(properties, &e.key, (parent, &at));
                }
            }
        }
        self.missing(schema, &mut value, at);
        self.one_action(schema, &actions, &mut value, at);
        Value::Object(value)
    }

    fn unknown_key(
        &mut self,
        properties: Option<&Map<String, Value>>,
        key: &str,
        (parent, at): (&FieldPath, &FieldPath),
    ) {
        let help = match (key, foreign::advice(parent.as_str(), key)) {
            _ if self.diagnostics.is_full() => String::new(),
            ("<<", _) => "a merge key stands without quotes: `<<: *name`".to_owned(),
            (_, Some(advice)) => advice.to_owned(),
            _ => known(key, properties.into_iter().flat_map(|p| p.keys().map(String::as_str))),
        };
        self.diagnostics.add_key(at, format!("unknown key `{key}`"), help);
    }

    fn missing(&mut self, schema: &'a Value, value: &mut Map<String, Value>, at: &FieldPath) {
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if value.contains_key(name) {
                continue;
            }
            let of = schema.get("properties").and_then(|p| p.get(name)).unwrap_or(&Value::Null);
            let help = format!("add `{name}`: {}", description(of));
            let message = format!("{} has no key `{name}`", self.diagnostics.name(at));
            self.diagnostics.add(at, message, help.trim_end_matches(": "));
            self.diagnostics.set_unsound(&at.key(name));
            value.insert(name.to_owned(), self.stand_in(of));
        }
    }

    fn one_action(&mut self, schema: &'a Value, actions: &Actions, value: &mut Map<String, Value>, at: &FieldPath) {
        match actions.names.as_slice() {
            _ if actions.of.is_empty() => return,
            [_] => return,
            [] if actions.misspelt => {}
            [] => {
                let help = format!("add exactly one of `{}`", actions.of.join("`, `"));
                self.diagnostics.add(at, format!("{at} has no action"), help);
            }
            [first, rest @ ..] => {
                let message = format!("{at} has more than one action: `{first}` and `{}`", rest.join("`, `"));
                self.diagnostics.add_key(&at.key(&rest[0]), message, "make a separate step of each");
            }
        }
        self.diagnostics.set_unsound(at);
        if let (true, Value::Object(blank)) = (actions.names.is_empty(), self.stand_in(schema)) {
            value.extend(blank);
        }
    }
}
