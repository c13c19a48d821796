//! Which package of `node_modules` Node.js takes for a name. Pure.

use std::collections::BTreeMap;

/// Most bytes of paths that are looked at for one lock file.
const MAX_LOOKED_AT: usize = 256 << 20;

/// Looks up names from folders outwards.
pub(super) struct Lookup {
    left: usize,
}

impl Lookup {
    pub(super) fn new() -> Self {
        Self { left: MAX_LOOKED_AT }
    }

    /// What the package at `from` gets for a name: the nearest one, outwards. None if there is none, or if it took too long to find it.
    pub(super) fn find<'a, T>(&mut self, all: &'a BTreeMap<String, T>, from: &str, name: &str) -> Option<&'a T> {
        let mut folder = from;
        loop {
            let path = if folder.is_empty() { String::new() } else { format!("{folder}/") };
            let path = format!("{path}node_modules/{name}");
            self.left = self.left.checked_sub(path.len())?;
            if let Some(found) = all.get(&path) {
                return Some(found);
            }
            if folder.is_empty() {
                return None;
            }
            // `a/node_modules/@s/b` is inside of `a`; a workspace is inside of the project.
            folder = folder.rsplit_once("node_modules/").map_or("", |(outer, _)| outer.trim_end_matches('/'));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_nearest_package_outwards() {
        let paths = ["node_modules/a", "node_modules/b/node_modules/a", "node_modules/@s/b", "w/node_modules/a"];
        let all: BTreeMap<String, &str> = paths.iter().map(|p| ((*p).to_owned(), *p)).collect();
        let found = |from: &str, name: &str| Lookup::new().find(&all, from, name).copied();
        assert_eq!(found("node_modules/b", "a"), Some("node_modules/b/node_modules/a"));
        assert_eq!(found("node_modules/@s/b", "a"), Some("node_modules/a"));
        assert_eq!(found("node_modules/b/node_modules/c", "a"), Some("node_modules/b/node_modules/a"));
        assert_eq!(found("w", "a"), Some("w/node_modules/a"));
        assert_eq!(found("w/node_modules/a", "@s/b"), Some("node_modules/@s/b"));
        assert_eq!(found("node_modules/b", "gone"), None);
        assert_eq!(Lookup { left: 5 }.find(&all, "node_modules/b", "a"), None);
    }
}
