//! Arrows between modules, and the circles among them.

use std::collections::{BTreeMap, BTreeSet};

/// One use of another module's item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    /// The module that uses it, as path segments.
    pub from: Vec<String>,
    /// File of that module below the crate's folder.
    pub file: String,
    /// Line of the use, from 1.
    pub line: usize,
    /// The module whose file defines the item.
    pub to: Vec<String>,
}

impl std::fmt::Display for Arrow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {} → {}", self.file, self.line, self.from.join("::"), self.to.join("::"))
    }
}

/// The graph of one module's direct children: child → child → the arrows between their insides. The module's own file
/// is a node of its own, `self`.
pub type Children<'a> = BTreeMap<(String, String), Vec<&'a Arrow>>;

/// Sees all that lies in a child as that child. At the top (`module` is empty) there is no `self`.
pub fn collapse<'a>(arrows: &'a [Arrow], module: &[String]) -> Children<'a> {
    let node = |path: &[String]| {
        path.starts_with(module).then(|| path.get(module.len()).cloned().unwrap_or_else(|| "self".to_owned()))
    };
    let mut children = Children::new();
    for arrow in arrows {
        if let (Some(from), Some(to)) = (node(&arrow.from), node(&arrow.to))
            && from != to
        {
            children.entry((from, to)).or_default().push(arrow);
        }
    }
    children
}

/// Nodes that reach each other, and the arrows between them.
pub struct Circle<'a> {
    pub members: BTreeSet<String>,
    pub arrows: Vec<&'a Arrow>,
}

/// Every strongly connected component of more than one node.
pub fn circles<'a>(children: &Children<'a>) -> Vec<Circle<'a>> {
    let nodes: BTreeSet<&String> = children.keys().flat_map(|(from, to)| [from, to]).collect();
    let reach: BTreeMap<&String, BTreeSet<&String>> = nodes.iter().map(|n| (*n, reached(children, n))).collect();
    let mut circles: Vec<Circle<'a>> = vec![];
    for node in &nodes {
        if circles.iter().any(|c| c.members.contains(*node)) {
            continue;
        }
        let members: BTreeSet<String> =
            reach[node].iter().filter(|other| reach[*other].contains(*node)).map(|n| (*n).clone()).collect();
        if members.len() > 1 {
            let inside = |(from, to): &&(String, String)| members.contains(from) && members.contains(to);
            let arrows = children.keys().filter(inside).flat_map(|k| children[k].iter().copied()).collect();
            circles.push(Circle { members, arrows });
        }
    }
    circles
}

fn reached<'c>(children: &'c Children<'_>, from: &String) -> BTreeSet<&'c String> {
    let mut found = BTreeSet::new();
    let mut next = vec![from];
    while let Some(node) = next.pop() {
        for (_, to) in children.keys().filter(|(f, _)| f == node) {
            if found.insert(to) {
                next.push(to);
            }
        }
    }
    found
}
