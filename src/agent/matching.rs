//! Compares answers and messages with expectations. Pure.

use serde_json::Value;

/// Maximum length of an excerpt, in characters.
const EXCERPT: usize = 300;

/// Returns the first difference. Objects may have additional keys; everything else must be equal.
pub fn difference(expected: &Value, actual: &Value) -> Option<String> {
    differs("$", expected, actual)
}

fn differs(at: &str, expected: &Value, actual: &Value) -> Option<String> {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            expected.iter().find_map(|(key, value)| match actual.get(key) {
                Some(found) => differs(&format!("{at}.{key}"), value, found),
                None => Some(format!("{at}.{key} is missing, expected {}", excerpt(&value.to_string()))),
            })
        }
        (Value::Array(expected), Value::Array(actual)) if expected.len() == actual.len() => expected
            .iter()
            .zip(actual)
            .enumerate()
            .find_map(|(i, (expected, actual))| differs(&format!("{at}[{i}]"), expected, actual)),
        (Value::Array(expected), Value::Array(actual)) => {
            Some(format!("{at} has {} elements, expected {}", actual.len(), expected.len()))
        }
        (Value::Number(a), Value::Number(b)) if a == b || (a.as_f64() == b.as_f64() && (a.is_f64() || b.is_f64())) => {
            None
        }
        _ if expected == actual => None,
        _ => Some(format!("{at} is {}, expected {}", excerpt(&actual.to_string()), excerpt(&expected.to_string()))),
    }
}

/// Returns the value at a path such as `$.a.b[0]`; `$` is the whole value.
pub fn at<'a>(path: &str, whole: &'a Value) -> Option<&'a Value> {
    let mut found = whole;
    let mut rest = path.strip_prefix('$')?;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            found = found.get(&after[..end])?;
            rest = &after[end..];
        } else {
            let (number, after) = rest.strip_prefix('[')?.split_once(']')?;
            found = found.get(number.parse::<usize>().ok()?)?;
            rest = after;
        }
    }
    Some(found)
}

/// Converts a value to a variable: text without quotes, anything else as JSON.
pub fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Shortens a text for a message.
pub fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((cut, _)) => format!("{}… ({} bytes)", &text[..cut], text.len()),
        None => text.to_owned(),
    }
}

/// Converts bytes to text for a message.
pub fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => excerpt(text.trim_end()),
        Err(_) => format!("{} bytes that are not text", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_may_have_additional_keys() {
        assert_eq!(difference(&json!({ "a": { "b": 1 } }), &json!({ "a": { "b": 1, "c": 2 }, "d": 3 })), None);
        assert_eq!(difference(&json!([{ "a": 1 }]), &json!([{ "a": 1, "b": 2 }])), None);
        assert_eq!(difference(&json!({}), &json!({ "a": 1 })), None);
    }

    #[test]
    fn names_the_path_of_a_difference() {
        assert_eq!(
            difference(&json!({ "a": [1, { "b": "x" }] }), &json!({ "a": [1, { "b": "y" }] })).as_deref(),
            Some("$.a[1].b is \"y\", expected \"x\"")
        );
        assert_eq!(difference(&json!({ "a": 1 }), &json!({})).as_deref(), Some("$.a is missing, expected 1"));
        assert_eq!(difference(&json!([1]), &json!([1, 2])).as_deref(), Some("$ has 2 elements, expected 1"));
        assert_eq!(difference(&json!({ "a": null }), &json!({})).as_deref(), Some("$.a is missing, expected null"));
        assert_eq!(difference(&json!("1"), &json!(1)).as_deref(), Some("$ is 1, expected \"1\""));
    }

    #[test]
    fn compares_numbers_by_value_and_large_ones_exactly() {
        assert_eq!(difference(&json!(1), &json!(1.0)), None);
        assert!(difference(&json!(9007199254740993_u64), &json!(9007199254740992_u64)).is_some());
    }

    #[test]
    fn finds_the_value_of_a_path() {
        let whole = json!({ "a": { "b": [10, [20]] } });
        assert_eq!(at("$.a.b[0]", &whole), Some(&json!(10)));
        assert_eq!(at("$.a.b[1][0]", &whole), Some(&json!(20)));
        assert_eq!(at("$", &whole), Some(&whole));
        for wrong in ["a.b", "$.a.c", "$.a.b[2]", "$.a.b[x]", "$a", "$.a.b["] {
            assert_eq!(at(wrong, &whole), None, "{wrong}");
        }
    }

    #[test]
    fn cuts_an_excerpt_between_characters() {
        let long = "ø".repeat(301);
        assert_eq!(excerpt(&long), format!("{}… (602 bytes)", "ø".repeat(300)));
        assert_eq!(shown(&[0xff]), "1 bytes that are not text");
    }
}
