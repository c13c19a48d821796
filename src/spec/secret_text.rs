//! Texts in which `{{secret "name"}}` stands for a secret, once the values are filled in. Pure.

/// A part of a text.
enum Part<'a> {
    Plain(&'a str),
    Secret(&'a str),
}

const OPEN: &str = "{{secret \"";
const CLOSE: &str = "\"}}";

/// Splits a text as the template stage writes it: with one space, and the name in double quotes.
fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let secret = |text: &'_ str| text.strip_prefix(OPEN).and_then(|t| t.find(CLOSE));
        if let Some(length) = secret(rest) {
            let (name, after) = rest[OPEN.len()..].split_at(length);
            rest = &after[CLOSE.len()..];
            return Some(Part::Secret(name));
        }
        let next = rest.match_indices(OPEN).map(|(at, _)| at).find(|at| *at > 0);
        let (plain, after) = rest.split_at(next.unwrap_or(rest.len()));
        rest = after;
        Some(Part::Plain(plain))
    })
}

/// The names of the secrets in a text.
pub fn names(text: &str) -> impl Iterator<Item = &str> {
    parts(text).filter_map(|part| match part {
        Part::Secret(name) => Some(name),
        Part::Plain(_) => None,
    })
}

/// Puts the values in place of the names. Fails with the name that has no value.
pub fn fill<'v>(text: &str, value: impl Fn(&str) -> Option<&'v str>) -> Result<String, String> {
    let mut filled = String::new();
    for part in parts(text) {
        match part {
            Part::Plain(plain) => filled.push_str(plain),
            Part::Secret(name) => filled.push_str(value(name).ok_or_else(|| name.to_owned())?),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_each_secret_and_nothing_within_a_value() {
        let value = |name: &str| match name {
            "a" => Some("<{{secret \"b\"}}>"),
            "b" => Some("&"),
            _ => None,
        };
        let text = "x={{secret \"a\"}}{{secret \"b\"}} {{secret \"open";
        assert_eq!(names(text).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(fill(text, value), Ok("x=<{{secret \"b\"}}>& {{secret \"open".to_owned()));
        assert_eq!(fill("{{secret \"c\"}}", value), Err("c".to_owned()));
        assert_eq!(fill("{{x}}", value), Ok("{{x}}".to_owned()));
    }
}
