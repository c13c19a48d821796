//! The variables of a text, one by one. Pure.

use std::collections::BTreeMap;

/// A part of a text.
pub(super) enum Part<'a> {
    /// Text as it is.
    Text(&'a str),
    /// A variable, its default as written, and the whole as written.
    Variable { name: &'a str, default: Option<&'a str>, written: &'a str },
}

/// Calls for each part of a text. `$$` is a dollar sign; a brace that does not end is text.
pub(super) fn each(text: &str, found: &mut dyn FnMut(Part<'_>)) {
    let ends = ends_of_braces(text);
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        found(Part::Text(&rest[..at]));
        let after = &rest[at + 1..];
        let name = name_length(after);
        if let Some(tail) = after.strip_prefix('$') {
            found(Part::Text("$"));
            rest = tail;
        } else if name > 0 {
            found(Part::Variable { name: &after[..name], default: None, written: &rest[at..=at + name] });
            rest = &after[name..];
        } else if let Some(end) = after.strip_prefix('{').and_then(|_| ends.get(&(text.len() - after.len())).copied()) {
            let (inner, tail) = (&text[text.len() - after.len() + 1..end], &text[end + 1..]);
            let name = name_length(inner);
            let operator = &inner[name..];
            let default = match operator {
                _ if operator.starts_with(":-") => Some(&operator[2..]),
                _ if operator.starts_with('-') => Some(&operator[1..]),
                // An alternative counts only if the variable is set.
                _ if operator.starts_with(":+") || operator.starts_with('+') => Some(""),
                _ => None,
            };
            if name > 0 {
                found(Part::Variable { name: &inner[..name], default, written: &rest[at..rest.len() - tail.len()] });
            }
            rest = tail;
        } else {
            found(Part::Text("$"));
            rest = after;
        }
    }
    found(Part::Text(rest));
}

fn name_length(text: &str) -> usize {
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if first { end } else { 0 }
}

/// The place of the closing brace by that of the opening one, for each that follows a dollar sign.
fn ends_of_braces(text: &str) -> BTreeMap<usize, usize> {
    let mut ends = BTreeMap::new();
    if !text.contains("${") {
        return ends;
    }
    let mut open = vec![];
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open.push(at),
            b'}' => {
                if let Some(start) = open.pop().filter(|start: &usize| text[..*start].ends_with('$')) {
                    ends.insert(start, at);
                }
            }
            _ => {}
        }
    }
    ends
}
