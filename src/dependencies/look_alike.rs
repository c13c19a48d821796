//! Names that look like popular ones. Pure.
//!
//! Advice and no verdict: many names that look alike are honest.

use strsim::osa_distance;

/// Shortest name that is looked at, in characters: short names are all alike.
const LEAST: usize = 5;

/// Compares names with the popular ones of their ecosystem.
pub struct LookAlikes<'a> {
    popular: &'a [String],
    known: &'a [String],
}

impl<'a> LookAlikes<'a> {
    /// `popular` are normalised names, most popular first; `known` are names that are known to be right.
    pub fn new(popular: &'a [String], known: &'a [String]) -> Self {
        Self { popular, known }
    }

    /// The most popular name that a name could be mistaken for: it differs in one character, in two neighbours that are swapped, in the
    /// order or the separation of its words, or in `py` for `python`.
    pub fn of(&self, name: &str) -> Option<&'a str> {
        let is_known = self.known.iter().any(|k| k == name) || self.popular.iter().any(|p| p == name);
        if is_known || name.chars().count() < LEAST {
            return None;
        }
        let (length, words, bare) = (name.chars().count(), words(name), bare(name));
        let is_alike = |popular: &&String| {
            let other = popular.chars().count();
            let is_near = length.abs_diff(other) <= 1 && osa_distance(name, popular) == 1;
            other >= LEAST && (is_near || words == self::words(popular) || bare == self::bare(popular))
        };
        self.popular.iter().find(is_alike).map(String::as_str)
    }
}

/// The words of a name, sorted, with `py` for `python`.
fn words(name: &str) -> Vec<&str> {
    let mut words: Vec<&str> = name.split(['-', '_', '.']).map(|w| if w == "python" { "py" } else { w }).collect();
    words.sort_unstable();
    words
}

/// A name without what separates its words, with `py` for `python`.
fn bare(name: &str) -> String {
    name.replace(['-', '_', '.'], "").replace("python", "py")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_a_name_could_be_mistaken_for() {
        let popular: Vec<String> =
            ["requests", "python-dateutil", "json-logging", "numpy", "six", "pyyaml"].map(str::to_owned).into();
        let known = ["request".to_owned()];
        let alike = LookAlikes::new(&popular, &known);
        for (name, expected) in [
            ("reqests", Some("requests")),
            ("requetss", Some("requests")),
            ("py-dateutil", Some("python-dateutil")),
            ("pydateutil", Some("python-dateutil")),
            ("pythondateutil", Some("python-dateutil")),
            ("logging-json", Some("json-logging")),
            ("numpyy", Some("numpy")),
            // Popular, known to be right, too short, and too different.
            ("requests", None),
            ("request", None),
            ("sixs", None),
            ("rekwests", None),
        ] {
            assert_eq!(alike.of(name), expected, "{name}");
        }
    }
}
