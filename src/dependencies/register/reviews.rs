//! Reviews of versions, and of steps between versions. Pure.

use std::cmp::Ordering;

use super::document::Entry;
use crate::packages::{Ecosystem, Version};

/// A review of the version, or of a version from which reviewed steps lead to it.
pub fn is_reviewed(ecosystem: &Ecosystem, entry: &Entry, version: &str) -> bool {
    let is_same = |a: &str, b: &str| {
        let parse = |text: &str| Version::parse(ecosystem, text).ok();
        a == b || parse(a).zip(parse(b)).is_some_and(|(a, b)| a.compare(&b) == Some(Ordering::Equal))
    };
    let mut reached: Vec<&str> = entry.reviews.iter().filter_map(|r| r.version.as_deref()).collect();
    let mut steps: Vec<(&str, &str)> =
        entry.reviews.iter().filter_map(|r| Some((r.from.as_deref()?, r.to.as_deref()?))).collect();
    loop {
        let (next, rest): (Vec<_>, Vec<_>) =
            steps.into_iter().partition(|(from, _)| reached.iter().any(|r| is_same(r, from)));
        if next.is_empty() {
            return reached.iter().any(|r| is_same(r, version));
        }
        reached.extend(next.into_iter().map(|(_, to)| to));
        steps = rest;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_version_is_reviewed_by_itself_or_by_steps_from_one_that_is() {
        let text = "{ecosystem: PyPI, name: a, reviews: [{version: '1.0', on: x, by: y}, {from: '1.1', to: '1.2', on: x, by: y}, {from: '1.0.0', to: '1.1', on: x, by: y}, {from: '3', to: '4', on: x, by: y}]}";
        let entry: Entry = serde_yaml::from_str(text).unwrap();
        for (version, expected) in [("1.0", true), ("1.2", true), ("1.3", false), ("4", false), ("3", false)] {
            assert_eq!(is_reviewed(&Ecosystem::pypi(), &entry, version), expected, "{version}");
        }
    }
}
