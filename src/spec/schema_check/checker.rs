//! The state of a schema check, and the stand-ins that it goes on with.

use serde_json::Value;

use super::keyword::{choices, may_be, types};
use crate::spec::diagnostic::DiagnosticSink;
use crate::spec::span::FieldPath;

/// Checks values against a schema.
pub(super) struct SchemaCheck<'a> {
    pub(super) top: &'a Value,
    pub(super) diagnostics: &'a mut DiagnosticSink,
}

impl<'a> SchemaCheck<'a> {
    /// Follows references to the definitions.
    pub(super) fn resolved(&self, mut schema: &'a Value) -> &'a Value {
        while let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let target = name.strip_prefix('#').and_then(|pointer| self.top.pointer(pointer));
            schema = target.unwrap_or(&Value::Null);
        }
        schema
    }

    /// The one other branch of a value that may be absent.
    pub(super) fn without_null(&self, schema: &'a Value) -> &'a Value {
        let branches = schema.get("anyOf").and_then(Value::as_array);
        let others: Vec<&Value> = branches.into_iter().flatten().filter(|b| !may_be(b, "null")).collect();
        match others.as_slice() {
            [only] => self.resolved(only),
            _ => schema,
        }
    }

    /// Something that fits the schema, for what is missing or of the wrong type.
    pub(super) fn stand_in(&self, schema: &'a Value) -> Value {
        let schema = self.without_null(self.resolved(schema));
        if let Some(first) = choices(schema).and_then(|c| c.first().map(|(v, _)| v.clone())) {
            return first;
        }
        if may_be(schema, "object") {
            let names =
                schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            let names = names.chain(Actions::of(schema).of.last().copied());
            let of = |n: &str| schema.get("properties").and_then(|p| p.get(n)).unwrap_or(&Value::Null);
            return Value::Object(names.map(|n| (n.to_owned(), self.stand_in(of(n)))).collect());
        }
        match types(schema).first().copied() {
            Some("array") => Value::Array(Vec::new()),
            Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(Value::from(0)),
            Some("boolean") => Value::Bool(false),
            Some("string") => Value::String(String::new()),
            _ => Value::Null,
        }
    }

    pub(super) fn wrong(&mut self, schema: &'a Value, at: &FieldPath, message: String, help: String) -> Value {
        self.diagnostics.add(at, message, help);
        self.diagnostics.set_unsound(at);
        self.stand_in(schema)
    }
}

/// The keys of which a mapping must have exactly one (steps), and those that it has.
pub(super) struct Actions<'a> {
    pub(super) of: Vec<&'a str>,
    pub(super) names: Vec<String>,
    /// A key that was probably meant to be one was reported.
    pub(super) misspelt: bool,
}

impl<'a> Actions<'a> {
    pub(super) fn of(schema: &'a Value) -> Self {
        let branches = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
        let of = branches.filter_map(|b| b.pointer("/required/0").and_then(Value::as_str)).collect();
        Self { of, names: Vec::new(), misspelt: false }
    }

    /// Notes an action; false for every one after the first.
    pub(super) fn takes(&mut self, key: &str) -> bool {
        if !self.of.contains(&key) {
            return true;
        }
        self.names.push(key.to_owned());
        self.names.len() == 1
    }
}
