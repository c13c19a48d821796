//! Substitutes captured variables `${name}` and secrets `{{secret "name"}}` in the strings of a step. Pure.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::spec::model::Action;

/// Substitutes in every string of the action. The error names what is missing.
pub fn fill(
    action: &Action,
    variables: &BTreeMap<String, String>,
    secrets: &BTreeMap<String, String>,
) -> Result<Action, String> {
    let mut value = serde_json::to_value(action).map_err(|e| e.to_string())?;
    walk(&mut value, &|text| fill_text(text, variables, secrets))?;
    serde_json::from_value(value).map_err(|e| e.to_string())
}

/// The variables that an action needs.
pub fn named(action: &Action) -> BTreeSet<String> {
    let found = RefCell::new(BTreeSet::new());
    let note = |text: &str| {
        let mut rest = text;
        while let Some((_, open, after)) = first_opening(rest) {
            if let (true, Some((name, _))) = (open == "${", after.split_once('}')) {
                found.borrow_mut().insert(name.trim().trim_matches(['"', '\'']).to_owned());
            }
            rest = after;
        }
        Ok(text.to_owned())
    };
    if let Ok(mut value) = serde_json::to_value(action) {
        walk(&mut value, &note).ok();
    }
    found.into_inner()
}

fn walk(value: &mut Value, fill: &dyn Fn(&str) -> Result<String, String>) -> Result<(), String> {
    match value {
        Value::String(text) => *text = fill(text)?,
        Value::Array(items) => items.iter_mut().try_for_each(|v| walk(v, fill))?,
        Value::Object(map) => map.values_mut().try_for_each(|v| walk(v, fill))?,
        _ => {}
    }
    Ok(())
}

/// Substitutes in one text, without substituting in the inserted values.
fn fill_text(
    text: &str,
    variables: &BTreeMap<String, String>,
    secrets: &BTreeMap<String, String>,
) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, open, after)) = first_opening(rest) {
        out.push_str(before);
        let (close, known, what) = if open == "${" { ("}", variables, "variable") } else { ("}}", secrets, "secret") };
        let Some((inner, tail)) = after.split_once(close) else {
            return Err(format!("`{open}` without `{close}` in {text:?}"));
        };
        let name = inner.trim().trim_matches(['"', '\'']);
        out.push_str(known.get(name).ok_or_else(|| format!("{what} `{name}` has no value"))?);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

/// The text before the first `${` or `{{secret `, which of them it is, and the text after it.
fn first_opening(text: &str) -> Option<(&str, &'static str, &str)> {
    ["${", "{{secret "]
        .into_iter()
        .filter_map(|open| text.find(open).map(|at| (at, open)))
        .min()
        .map(|(at, open)| (&text[..at], open, &text[at + open.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, String> {
        let variables =
            BTreeMap::from([("id".to_owned(), "42".to_owned()), ("evil".to_owned(), "{{secret \"key\"}}".to_owned())]);
        let secrets = BTreeMap::from([("key".to_owned(), "abc".to_owned())]);
        fill_text(text, &variables, &secrets)
    }

    #[test]
    fn substitutes_variables_and_secrets() {
        assert_eq!(filled("/v1/${id}?k={{secret \"key\"}}&x={{other}}"), Ok("/v1/42?k=abc&x={{other}}".into()));
    }

    #[test]
    fn does_not_substitute_secrets_in_captured_values() {
        assert_eq!(filled("${evil}"), Ok("{{secret \"key\"}}".into()));
    }

    #[test]
    fn names_missing_variables_and_secrets() {
        assert_eq!(filled("${nope}"), Err("variable `nope` has no value".into()));
        assert_eq!(filled("{{secret 'nope'}}"), Err("secret `nope` has no value".into()));
        assert!(filled("${open").is_err());
    }
}
