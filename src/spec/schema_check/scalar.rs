//! Checks scalars against their schema: choices, types and ranges.

use serde_json::Value;

use super::checker::SchemaCheck;
use super::keyword::{description, nearest_choice, types};
use crate::spec::span::FieldPath;
use crate::spec::yaml::{Kind, Node};

impl<'a> SchemaCheck<'a> {
    pub(super) fn choice(
        &mut self,
        schema: &'a Value,
        choices: &[(Value, &str)],
        node: &Node,
        at: &FieldPath,
    ) -> Value {
        let value = node.to_json();
        if choices.iter().any(|(v, _)| *v == value) {
            return value;
        }
        let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
        let listed: Vec<String> = choices.iter().map(|(v, _)| format!("`{}`", text(v))).collect();
        let help = match nearest_choice(node.text().unwrap_or_default(), choices) {
            Some(meant) if choices.len() > 1 => format!("did you mean `{meant}`?"),
            _ => format!("write {}", listed.join(" or ")),
        };
        self.wrong(schema, at, format!("{} is not a valid `{}`", described(node), last(at)), help)
    }

    pub(super) fn scalar(&mut self, schema: &'a Value, node: &Node, at: &FieldPath) -> Value {
        let value = node.to_json();
        let wanted = types(schema);
        let fits = match &value {
            Value::String(_) => wanted.contains(&"string"),
            Value::Bool(_) => wanted.contains(&"boolean"),
            Value::Number(n) => wanted.contains(&"number") || (wanted.contains(&"integer") && !n.is_f64()),
            _ => false,
        };
        if !fits {
            let message = format!("`{}` must be {}, not {}", last(at), named(&wanted), described(node));
            let help = instead(schema, node, &value).unwrap_or_else(|| description(schema).to_owned());
            let help = if help.is_empty() { format!("write {}", named(&wanted)) } else { help };
            return self.wrong(schema, at, message, help);
        }
        match (value.as_i64(), bounds(schema)) {
            _ if !value.is_number() => value,
            (Some(n), (least, most)) if (least..=most).contains(&n) => value,
            (_, (least, most)) => {
                let message = format!("`{}` must be from {least} to {most}, not {value}", last(at));
                self.wrong(schema, at, message, description(schema).to_owned())
            }
        }
    }
}

fn bounds(schema: &Value) -> (i64, i64) {
    let of = |word: &str| schema.get(word).and_then(Value::as_i64);
    (of("minimum").unwrap_or(i64::MIN), of("maximum").unwrap_or(i64::MAX))
}

/// The last key or index of a path.
fn last(at: &FieldPath) -> &str {
    let text = at.as_str();
    match text.rfind('.') {
        Some(dot) if !text[dot..].contains('"') => &text[dot + 1..],
        _ => text,
    }
}

fn named(types: &[&str]) -> String {
    let names: Vec<&str> = types
        .iter()
        .filter_map(|t| match *t {
            "string" => Some("text"),
            "integer" => Some("a whole number"),
            "number" => Some("a number"),
            "boolean" => Some("`true` or `false`"),
            "array" => Some("a list"),
            "object" => Some("a mapping"),
            _ => None,
        })
        .collect();
    match names.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => names.concat(),
    }
}

fn described(node: &Node) -> String {
    match (&node.kind, node.to_json()) {
        (Kind::Seq(_), _) => "a list".to_owned(),
        (Kind::Map(_), _) => "a mapping".to_owned(),
        (_, Value::Null) => "nothing".to_owned(),
        (_, Value::String(text)) if text.chars().count() > 40 => "a long text".to_owned(),
        (_, Value::String(text)) => format!("the text `{text}`"),
        (_, Value::Bool(b)) => format!("`{b}`"),
        (_, other) => format!("the number {other}"),
    }
}

/// Returns true for a text such as `NAME=value`.
fn is_assignment(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains('='))
}

/// Suggests a correction, if there is an obvious one.
fn instead(schema: &Value, node: &Node, value: &Value) -> Option<String> {
    let wanted = types(schema);
    let example = schema.pointer("/examples/0").and_then(Value::as_str);
    let text = node.text().unwrap_or_default();
    let wants = |t: &str| wanted.contains(&t);
    match value {
        Value::Array(items) if wanted == ["object"] && !items.is_empty() && items.iter().all(is_assignment) => {
            Some("write it as a mapping, `NAME: value`, and not as a list of `NAME=value`".to_owned())
        }
        Value::Object(_) | Value::Array(_) if wants("string") && example.is_some() => {
            example.map(|e| format!("write one text such as `{e}`"))
        }
        Value::Object(entries) if wanted == ["array"] && !entries.is_empty() => {
            let names: Vec<&str> = entries.keys().map(String::as_str).take(5).collect();
            Some(format!("write the names as a list: `[{}]`", names.join(", ")))
        }
        Value::Null if wants("object") => Some("write `{}` for an empty one, or omit the key".to_owned()),
        Value::Null if wants("array") => Some("write `[]` for an empty one, or omit the key".to_owned()),
        Value::Null => Some("write a value, or omit the key".to_owned()),
        Value::Number(_) | Value::Bool(_) if wants("string") && example.is_some() => {
            example.map(|e| format!("write text such as `\"{e}\"`"))
        }
        Value::Number(_) | Value::Bool(_) if wants("string") => Some(format!("put it in quotes: `\"{text}\"`")),
        Value::String(s) if wants("integer") && s.parse::<i64>().is_ok() => {
            Some(format!("write it without quotes: `{s}`"))
        }
        Value::String(s) if wants("boolean") => match s.to_lowercase().as_str() {
            "true" | "yes" | "on" => Some("write `true`, in lower case and without quotes".to_owned()),
            "false" | "no" | "off" => Some("write `false`, in lower case and without quotes".to_owned()),
            _ => None,
        },
        Value::String(s) if wants("array") && s.len() <= 80 && !s.contains(['"', '\'', ',']) => {
            Some(format!("write a list: `[{}]`", s.split_whitespace().collect::<Vec<_>>().join(", ")))
        }
        _ => None,
    }
}
