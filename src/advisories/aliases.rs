//! Joins records that name the same thing. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::advisory::Advisory;

/// Groups of advisories that are joined by their ids, over any number of steps. Each group is in the order of `primary`.
pub fn group(advisories: Vec<Advisory>) -> Vec<Vec<Advisory>> {
    let mut group_of: BTreeMap<String, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<Advisory>> = vec![];
    for advisory in advisories {
        let ids: BTreeSet<String> = std::iter::once(&advisory.id).chain(&advisory.aliases).cloned().collect();
        let joined: BTreeSet<usize> = ids.iter().filter_map(|id| group_of.get(id).copied()).collect();
        let target = joined.first().copied().unwrap_or(groups.len());
        if target == groups.len() {
            groups.push(vec![]);
        }
        for other in joined.into_iter().filter(|other| *other != target) {
            let moved = std::mem::take(&mut groups[other]);
            groups[target].extend(moved);
            group_of.values_mut().filter(|g| **g == other).for_each(|g| *g = target);
        }
        group_of.extend(ids.into_iter().map(|id| (id, target)));
        groups[target].push(advisory);
    }
    groups.retain(|g| !g.is_empty());
    for members in &mut groups {
        members.sort_by(|a, b| primary(&a.id).cmp(&primary(&b.id)));
    }
    groups
}

/// Order of ids: pip-audit's (PYSEC, then CVE, then others), with malicious packages first.
pub fn primary(id: &str) -> (u8, &str) {
    let rank = match id {
        id if id.starts_with("MAL-") => 0,
        id if id.starts_with("PYSEC-") => 1,
        id if id.starts_with("CVE-") => 2,
        _ => 3,
    };
    (rank, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(of: &[(&str, &[&str])]) -> Vec<Vec<String>> {
        let advisory = |(id, aliases): &(&str, &[&str])| Advisory {
            id: (*id).to_owned(),
            aliases: aliases.iter().map(|a| (*a).to_owned()).collect(),
            ..Advisory::default()
        };
        let groups = group(of.iter().map(advisory).collect());
        groups.into_iter().map(|g| g.into_iter().map(|a| a.id).collect()).collect()
    }

    #[test]
    fn ids_of_the_same_thing_are_one_finding() {
        assert_eq!(
            ids(&[("GHSA-a", &["CVE-1"]), ("GHSA-b", &["CVE-2"]), ("PYSEC-1", &["CVE-1", "GHSA-a"])]),
            [vec!["PYSEC-1", "GHSA-a"], vec!["GHSA-b"]]
        );
    }

    #[test]
    fn groups_that_a_later_record_joins_become_one() {
        assert_eq!(
            ids(&[("A", &["X"]), ("B", &["Y"]), ("C", &["Z"]), ("D", &["X", "Y"]), ("E", &["Y"])]),
            [vec!["A", "B", "D", "E"], vec!["C"]]
        );
    }

    #[test]
    fn a_malicious_package_is_named_first() {
        assert_eq!(ids(&[("GHSA-a", &["MAL-1"]), ("MAL-1", &[])]), [["MAL-1", "GHSA-a"]]);
    }
}
