//! Which explicit requirements bring a package. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::packages::Package;

/// Most requirements that are named for a package.
const MAX_NAMED: usize = 5;

/// Dependencies between packages by name.
#[derive(Debug, Default)]
pub(super) struct Graph {
    needs: BTreeMap<String, BTreeSet<String>>,
    roots: BTreeSet<String>,
}

impl Graph {
    /// Notes that one package needs another, both by normalised name.
    pub(super) fn need(&mut self, from: &str, to: &str) {
        self.needs.entry(from.to_owned()).or_default().insert(to.to_owned());
    }

    /// Notes an explicit requirement.
    pub(super) fn require(&mut self, name: &str) {
        self.roots.insert(name.to_owned());
    }

    /// Fills in `brought_by`. Without any explicit requirement, what nobody needs counts as explicit.
    pub(super) fn fill(self, packages: &mut [Package]) {
        let mut roots = self.roots;
        if roots.is_empty() {
            let needed: BTreeSet<&String> = self.needs.values().flatten().collect();
            let all = packages.iter().map(|p| &p.name).chain(self.needs.keys());
            roots = all.filter(|n| !needed.contains(n)).cloned().collect();
        }
        let mut brought: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut queue: VecDeque<(&str, &str)> = roots.iter().map(|r| (r.as_str(), r.as_str())).collect();
        while let Some((name, root)) = queue.pop_front() {
            let by = brought.entry(name).or_default();
            if by.len() >= MAX_NAMED || !by.insert(root) {
                continue;
            }
            queue.extend(self.needs.get(name).into_iter().flatten().map(|next| (next.as_str(), root)));
        }
        for package in packages {
            let by = brought.get(package.name.as_str()).into_iter().flatten();
            package.brought_by = by.map(|r| (*r).to_owned()).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::packages::{Ecosystem, Place};

    fn filled(graph: Graph) -> Vec<Vec<String>> {
        let package =
            |name: &str| Package::new(Ecosystem::npm(), name, "1.0.0", Place { file: "x".into(), line: None }).unwrap();
        let mut packages: Vec<_> = ["a", "b", "c", "d"].map(package).into();
        graph.fill(&mut packages);
        packages.into_iter().map(|p| p.brought_by).collect()
    }

    fn graph(roots: &[&str]) -> Graph {
        let mut graph = Graph::default();
        for (from, to) in [("a", "b"), ("b", "c"), ("c", "b"), ("d", "c")] {
            graph.need(from, to);
        }
        roots.iter().for_each(|r| graph.require(r));
        graph
    }

    #[test]
    fn names_the_requirements_that_bring_a_package() {
        assert_eq!(filled(graph(&["a"])), [vec!["a"], vec!["a"], vec!["a"], vec![]]);
        assert_eq!(filled(graph(&["a", "c"])), [vec!["a"], vec!["a", "c"], vec!["a", "c"], vec![]]);
    }

    #[test]
    fn without_requirements_what_nobody_needs_is_explicit() {
        assert_eq!(filled(graph(&[])), [vec!["a"], vec!["a", "d"], vec!["a", "d"], vec!["d"]]);
    }
}
