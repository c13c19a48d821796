//! Checks the shape of a description against its JSON Schema: unknown and missing keys, types, choices, ranges.
//!
//! Pure. Where something is wrong it reports it and goes on with a stand-in, so that the checks of meaning can
//! still run over everything else; what follows from a stand-in is not reported.

use serde_json::{Map, Value};

use super::diagnostic::{DiagnosticSink, known, near};
use super::span::FieldPath;
use super::yaml::{Entry, Kind, Node};

mod scalar;

/// The description as JSON that fits the schema.
pub fn check(schema: &Value, root: &Node, diagnostics: &mut DiagnosticSink) -> Value {
    SchemaCheck { top: schema, diagnostics }.node(schema, root, &FieldPath::root())
}

struct SchemaCheck<'a> {
    top: &'a Value,
    diagnostics: &'a mut DiagnosticSink,
}

impl<'a> SchemaCheck<'a> {
    fn node(&mut self, schema: &'a Value, node: &Node, at: &FieldPath) -> Value {
        let schema = self.resolved(schema);
        if may_be(schema, "null") && node.is_null() {
            return Value::Null;
        }
        let schema = self.without_null(schema);
        if let Some(choices) = scalar::choices(schema) {
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

    /// Follows references to the definitions.
    fn resolved(&self, mut schema: &'a Value) -> &'a Value {
        while let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            let target = name.strip_prefix('#').and_then(|pointer| self.top.pointer(pointer));
            schema = target.unwrap_or(&Value::Null);
        }
        schema
    }

    /// The one other branch of a value that may be absent.
    fn without_null(&self, schema: &'a Value) -> &'a Value {
        let branches = schema.get("anyOf").and_then(Value::as_array);
        let others: Vec<&Value> = branches.into_iter().flatten().filter(|b| !may_be(b, "null")).collect();
        match others.as_slice() {
            [only] => self.resolved(only),
            _ => schema,
        }
    }

    fn mapping(&mut self, schema: &'a Value, entries: &[Entry], at: &FieldPath) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let further = schema.get("additionalProperties");
        let mut value = Map::new();
        let mut actions = Actions::of(schema);
        for e in entries {
            let at = at.key(&e.key);
            match (properties.and_then(|p| p.get(&e.key)), further) {
                (Some(of), _) if actions.takes(&e.key) => {
                    value.insert(e.key.clone(), self.node(of, &e.value, &at));
                }
                (Some(_), _) => {} // a second action: reported below, with the first
                (None, Some(each @ Value::Object(_))) => {
                    value.insert(e.key.clone(), self.node(each, &e.value, &at));
                }
                _ => {
                    actions.misspelt |= near(&e.key, actions.of.iter().copied()).is_some();
                    self.unknown_key(properties, &e.key, &at);
                }
            }
        }
        self.missing(schema, &mut value, at);
        self.one_action(schema, &actions, &mut value, at);
        Value::Object(value)
    }

    fn unknown_key(&mut self, properties: Option<&Map<String, Value>>, key: &str, at: &FieldPath) {
        let help = match key {
            _ if self.diagnostics.is_full() => String::new(),
            "<<" => "merge keys are not supported; write the keys out".to_owned(),
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
            self.diagnostics.add(at, format!("{at} lacks the key `{name}`"), help.trim_end_matches(": "));
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
                self.diagnostics.add_key(&at.key(&rest[0]), message, "make each a step of its own");
            }
        }
        self.diagnostics.set_unsound(at);
        if let (true, Value::Object(blank)) = (actions.names.is_empty(), self.stand_in(schema)) {
            value.extend(blank);
        }
    }

    /// Something that fits the schema, for what is missing or of the wrong type.
    fn stand_in(&self, schema: &'a Value) -> Value {
        let schema = self.without_null(self.resolved(schema));
        if let Some(first) = scalar::choices(schema).and_then(|c| c.first().map(|(v, _)| v.clone())) {
            return first;
        }
        if may_be(schema, "object") {
            let names =
                schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            let names = names.chain(Actions::of(schema).of.last().copied());
            let of = |n: &str| schema.get("properties").and_then(|p| p.get(n)).unwrap_or(&Value::Null);
            return Value::Object(names.map(|n| (n.to_owned(), self.stand_in(of(n)))).collect());
        }
        match scalar::types(schema).first().copied() {
            Some("array") => Value::Array(Vec::new()),
            Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(Value::from(0)),
            Some("boolean") => Value::Bool(false),
            Some("string") => Value::String(String::new()),
            _ => Value::Null,
        }
    }

    fn wrong(&mut self, schema: &'a Value, at: &FieldPath, message: String, help: String) -> Value {
        self.diagnostics.add(at, message, help);
        self.diagnostics.set_unsound(at);
        self.stand_in(schema)
    }
}

/// The keys of which a mapping must have exactly one (steps), and those that it has.
struct Actions<'a> {
    of: Vec<&'a str>,
    names: Vec<String>,
    /// A key that was probably meant to be one was reported.
    misspelt: bool,
}

impl<'a> Actions<'a> {
    fn of(schema: &'a Value) -> Self {
        let branches = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
        let of = branches.filter_map(|b| b.pointer("/required/0").and_then(Value::as_str)).collect();
        Self { of, names: Vec::new(), misspelt: false }
    }

    /// Notes an action; false for every one after the first.
    fn takes(&mut self, key: &str) -> bool {
        if !self.of.contains(&key) {
            return true;
        }
        self.names.push(key.to_owned());
        self.names.len() == 1
    }
}

fn description(schema: &Value) -> &str {
    schema.get("description").and_then(Value::as_str).unwrap_or_default()
}

fn is_typed(schema: &Value) -> bool {
    ["type", "anyOf", "oneOf", "properties"].iter().any(|word| schema.get(word).is_some())
}

fn may_be(schema: &Value, name: &str) -> bool {
    scalar::types(schema).contains(&name)
}

/// Help with the meaning of a key, where the schema tells it.
fn meaning(schema: &Value) -> String {
    description(schema).to_owned()
}

fn nearest_choice(text: &str, choices: &[(Value, &str)]) -> Option<String> {
    near(text, choices.iter().filter_map(|(v, _)| v.as_str())).map(str::to_owned)
}
