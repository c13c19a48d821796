//! One layer of an image: what it has of what matters, and what it hides of the layers below.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher;
use std::io::Read;

use super::budget::Budget;
use super::fact::Fact;
use super::program;
use super::role::Role;
use super::walk::{Item, Kind, walk};

/// Marks a removed path: `.wh.name` removes `name`.
const WHITEOUT: &str = ".wh.";
/// Marks a folder of which nothing below is seen.
const OPAQUE: &str = ".wh..wh..opq";
/// Begins the names of other marks, which are no files.
const MARK: &str = ".wh..wh.";

/// Something in an image that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// The content of a file.
    Fact(Fact),
    /// A symbolic link.
    Link(String),
}

/// A layer.
#[derive(Default)]
pub(super) struct Layer {
    pub nodes: BTreeMap<String, Node>,
    /// Steps that it takes to lay it over others.
    pub steps: usize,
    /// Digest of the plain bytes; none until all was read.
    pub digest: String,
    removed: Vec<String>,
    opaque: Vec<String>,
    // Hashes, because an image can have a million paths.
    files: HashSet<u64>,
    folders: HashSet<u64>,
    hasher: RandomState,
}

impl Layer {
    /// Reads the plain bytes of a layer.
    pub(super) fn read(reader: &mut dyn Read, budget: &Budget) -> Result<Self, String> {
        let mut layer = Self::default();
        walk(reader, budget, &mut |item, content| layer.add(item, content, budget))?;
        Ok(layer)
    }

    fn add(&mut self, item: Item, content: &mut dyn Read, budget: &Budget) -> Result<(), String> {
        let Item { path, kind, size } = item;
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        if name == OPAQUE {
            budget.keep(folder.len() + 24)?;
            self.steps += 1;
            self.opaque.push(folder.to_owned());
            self.folder(folder, budget)?;
            return Ok(());
        }
        if name.starts_with(MARK) {
            return Ok(());
        }
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            budget.keep(path.len() + 24)?;
            self.steps += 1;
            self.removed.push(if folder.is_empty() { hidden.to_owned() } else { format!("{folder}/{hidden}") });
            return Ok(());
        }
        self.folder(folder, budget)?;
        if kind == Kind::Folder {
            self.nodes.remove(&path);
            return self.folder(&path, budget);
        }
        let hash = self.hash(&path);
        budget.keep(16)?;
        self.files.insert(hash);
        // A later entry takes the place of an earlier one with everything below.
        self.folders.remove(&hash);
        cut(&mut self.nodes, &path);
        let role = Role::of(&path);
        let node = match (kind, role) {
            (Kind::File, None) => match program::read(content)? {
                Some(program) => Node::Fact(Fact::Program(program)),
                None => return Ok(()),
            },
            // Another name of the same program.
            (Kind::Same(target), None) => match self.nodes.get(&target) {
                Some(same @ Node::Fact(Fact::Program(_))) => same.clone(),
                _ => return Ok(()),
            },
            (Kind::Link(target), _) => Node::Link(target),
            (Kind::File, Some(role)) => Node::Fact(Fact::read(role, &path, content, size)),
            (Kind::Same(target), Some(_)) => match self.nodes.get(&target) {
                Some(same) => same.clone(),
                None => broken("it is a hard link to a file that is not read"),
            },
            (Kind::Other, Some(_)) => broken("it is not an ordinary file"),
            (Kind::Other, None) | (Kind::Folder, _) => return Ok(()),
        };
        let weight = match &node {
            Node::Fact(fact) => fact.weight(),
            Node::Link(target) => target.len() + 24,
        };
        budget.keep(path.len() + 64 + weight)?;
        self.steps += 1 + (path.len() + weight) / 64;
        self.nodes.insert(path, node);
        Ok(())
    }

    /// Notes a folder and those above it, which exist whether or not they have an entry.
    fn folder(&mut self, path: &str, budget: &Budget) -> Result<(), String> {
        let mut at = path;
        while !at.is_empty() {
            let hash = self.hash(at);
            if !self.folders.insert(hash) {
                break;
            }
            budget.keep(16)?;
            // What was a file or a link before is none any more.
            if self.files.remove(&hash) {
                self.nodes.remove(at);
            }
            at = at.rsplit_once('/').map_or("", |(above, _)| above);
        }
        Ok(())
    }

    /// Puts this layer over those below.
    pub(super) fn cover(&self, below: &mut BTreeMap<String, Node>) {
        for path in &self.removed {
            below.remove(path);
            cut(below, path);
        }
        for folder in &self.opaque {
            cut(below, folder);
        }
        if !self.files.is_empty() || !self.folders.is_empty() {
            below.retain(|path, _| !self.hides(path));
        }
        below.extend(self.nodes.iter().map(|(path, node)| (path.clone(), node.clone())));
    }

    /// True if something of this layer is at the path, or something that is no folder is above it.
    fn hides(&self, path: &str) -> bool {
        let own = self.hash(path);
        if self.files.contains(&own) || self.folders.contains(&own) {
            return true;
        }
        let mut at = path;
        while let Some((above, _)) = at.rsplit_once('/') {
            if self.files.contains(&self.hash(above)) {
                return true;
            }
            at = above;
        }
        false
    }

    fn hash(&self, path: &str) -> u64 {
        self.hasher.hash_one(path)
    }
}

/// Removes everything below a folder; the root has no name.
fn cut(nodes: &mut BTreeMap<String, Node>, folder: &str) {
    if folder.is_empty() {
        nodes.clear();
        return;
    }
    // `0` follows `/`.
    let below: Vec<String> = nodes.range(format!("{folder}/")..format!("{folder}0")).map(|(p, _)| p.clone()).collect();
    for path in below {
        nodes.remove(&path);
    }
}

fn broken(why: &str) -> Node {
    Node::Fact(Fact::Broken(why.into()))
}
