//! Variables of a container: `env` and `envFrom`, with what they refer to.

use std::collections::{BTreeMap, BTreeSet};

use super::data::Data;
use crate::import::context::{MAX_VALUE, MAX_VARIABLES};
use crate::import::secret;
use crate::import::tree::{Tree, Value};

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) source: Source,
}

/// Most sources under `envFrom`.
const MAX_SOURCES: usize = 100;

/// Where its value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// A value; a dollar sign in it is doubled, as the shared code expects it.
    Text(String),
    /// A key of a Secret: its object and key.
    Secret(String, String),
    /// Something that a description does not have, and why.
    Nothing(String),
}

pub(super) fn of(container: &Tree, data: &Data) -> Vec<Variable> {
    let mut all: Vec<Variable> = vec![];
    // The earlier variables.
    let mut known = BTreeMap::new();
    for item in container.list("env").iter().take(MAX_VARIABLES) {
        let Some(name) = item.word("name").map(str::to_owned) else { continue };
        let source = source(item, data);
        let source = match source {
            Source::Text(text) => expanded(&text, &known),
            other => other,
        };
        known.insert(name.clone(), source.clone());
        all.push(Variable { name, line: item.line, source });
    }
    let mut names: BTreeSet<String> = known.into_keys().collect();
    for item in container.list("envFrom").iter().take(MAX_SOURCES) {
        let prefix = item.word("prefix").unwrap_or_default();
        let of = |key: &str| item.get(key).and_then(|r| r.word("name"));
        let mut add = |name: String, source: Source| {
            if all.len() <= MAX_VARIABLES && names.insert(name.clone()) {
                all.push(Variable { name, line: item.line, source });
            }
        };
        if let Some(name) = of("configMapRef") {
            for (key, value) in data.config(name) {
                add(format!("{prefix}{key}"), Source::Text(literal(value)));
            }
        }
        if let Some(name) = of("secretRef") {
            for key in data.secret(name) {
                add(format!("{prefix}{key}"), Source::Secret(name.to_owned(), key.clone()));
            }
        }
    }
    all
}

fn source(item: &Tree, data: &Data) -> Source {
    let Some(from) = item.get("valueFrom") else {
        return match item.get("value").map(|v| &v.value) {
            Some(Value::Text(text)) => Source::Text(literal(text)),
            None => Source::Text(String::new()),
            Some(_) => Source::Nothing("its value is no text".into()),
        };
    };
    let pair = |key: &str| from.get(key).and_then(|r| Some((r.word("name")?, r.word("key")?)));
    if let Some((object, key)) = pair("secretKeyRef") {
        return Source::Secret(object.to_owned(), key.to_owned());
    }
    if let Some((object, key)) = pair("configMapKeyRef") {
        let found = data.config(object).iter().find(|(known, _)| known == key);
        return found.map_or_else(
            || Source::Nothing(format!("the input has no ConfigMap {object} with {key}")),
            |(_, value)| Source::Text(literal(value)),
        );
    }
    let field = from.get("fieldRef").and_then(|f| f.word("fieldPath")).unwrap_or("a field");
    Source::Nothing(format!("it is {field} of the pod, which a unit does not know"))
}

fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

/// A text with the earlier variables that it refers to as `$(NAME)`. Each may refer to one before it twice, so that the text is
/// bounded while it grows.
fn expanded(text: &str, known: &BTreeMap<String, Source>) -> Source {
    let (mut out, mut rest) = (String::new(), text);
    let too_long = || Source::Nothing("its value is longer than 16 KiB: put it into a file".into());
    while let Some(at) = rest.find("$$(") {
        if out.len() + at > MAX_VALUE {
            return too_long();
        }
        out.push_str(&rest[..at]);
        let inner = &rest[at + 3..];
        let end = inner.find(')').unwrap_or(inner.len());
        let name = &inner[..end];
        match known.get(name) {
            // The shared code takes a variable whose name is that of a secret for one, and keeps its default out of the draft.
            Some(Source::Text(value)) if secret::is_name(name) && !value.is_empty() => {
                let default = if value.contains(['{', '}']) { String::new() } else { format!(":-{value}") };
                out.push_str(&format!("${{{}{default}}}", plain(name)));
            }
            Some(Source::Text(value)) => out.push_str(value),
            Some(Source::Secret(object, key)) => out.push_str(&format!("${{{}}}", marker(object, key))),
            _ => out.push_str(&rest[at..(at + 4 + end).min(rest.len())]),
        }
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    if out.len() + rest.len() > MAX_VALUE {
        return too_long();
    }
    out.push_str(rest);
    Source::Text(out)
}

/// The name that stands for a key of a Secret wherever it is used.
pub(super) fn marker(object: &str, key: &str) -> String {
    format!("SECRET{}", plain(&format!("{object}_{key}")))
}

/// A legal name of a variable, which begins with `_`.
fn plain(name: &str) -> String {
    let plain = name.chars().take(200).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    std::iter::once('_').chain(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_doubles_with_each_variable_ends_at_the_bound() {
        let mut all = BTreeMap::new();
        let mut lengths = vec![];
        let mut text = "0123456789".to_owned();
        for n in 0..200 {
            let source = expanded(&literal(&text), &all);
            lengths.push(if let Source::Text(text) = &source { text.len() } else { 0 });
            all.insert(format!("V{n}"), source);
            text = format!("$(V{n})$(V{n})");
        }
        assert_eq!(lengths[10], 10 << 10, "twice the one before");
        assert!(lengths.iter().all(|length| *length <= MAX_VALUE));
        assert_eq!(all["V11"], Source::Nothing("its value is longer than 16 KiB: put it into a file".into()));
        assert_eq!(expanded("$$(V0)-$$(NONE)", &all), Source::Text("0123456789-$$(NONE)".into()));
    }
}
