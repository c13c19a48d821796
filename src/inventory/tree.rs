//! The files of an image that matter: its layers on top of each other, with links followed inside of the image. Pure.

use std::collections::BTreeMap;

use super::fact::Fact;
use super::layer::{Layer, Node};
use super::walk::clean;

/// Most links on the way to a file.
const MAX_LINKS: usize = 40;
/// Most folders on the way to a file.
const MAX_PARTS: usize = 256;

/// The files of an image.
#[derive(Default)]
pub(super) struct Tree {
    nodes: BTreeMap<String, Node>,
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// To a file that was read.
    Fact(String, &'a Fact),
    /// To this path, where nothing is that was read.
    Nothing(String),
    /// In circles, or too far.
    Circle,
}

impl Tree {
    /// Number of files and links.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Puts a layer on top.
    pub(super) fn lay(&mut self, layer: &Layer) {
        layer.cover(&mut self.nodes);
    }

    /// All files that were read.
    pub(super) fn facts(&self) -> impl Iterator<Item = (&String, &Fact)> {
        self.nodes.iter().filter_map(|(path, node)| match node {
            Node::Fact(fact) => Some((path, fact)),
            Node::Link(_) => None,
        })
    }

    /// All symbolic links.
    pub(super) fn links(&self) -> impl Iterator<Item = &String> {
        self.nodes.iter().filter_map(|(path, node)| matches!(node, Node::Link(_)).then_some(path))
    }

    /// All files that were read in a folder, links to it followed.
    pub(super) fn inside(&self, folder: &str) -> impl Iterator<Item = (&String, &Fact)> + use<'_> {
        let folder = match self.find(folder) {
            Found::Fact(path, _) | Found::Nothing(path) => path,
            Found::Circle => folder.to_owned(),
        };
        self.nodes.range(format!("{folder}/")..format!("{folder}0")).filter_map(|(path, node)| match node {
            Node::Fact(fact) => Some((path, fact)),
            Node::Link(_) => None,
        })
    }

    /// Follows the links of a path.
    pub(super) fn find(&self, path: &str) -> Found<'_> {
        let mut todo: Vec<String> = parts(path);
        let mut path = String::new();
        let (mut links, mut steps) = (0, 0);
        while let Some(part) = todo.pop() {
            steps += 1;
            if steps > MAX_PARTS {
                return Found::Circle;
            }
            if part == ".." {
                up(&mut path);
                continue;
            }
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&part);
            let Some(Node::Link(target)) = self.nodes.get(&path) else { continue };
            links += 1;
            if links > MAX_LINKS {
                return Found::Circle;
            }
            if target.starts_with('/') {
                path.clear();
            } else {
                up(&mut path);
            }
            todo.extend(parts(target));
        }
        match self.nodes.get(&path) {
            Some(Node::Fact(fact)) => Found::Fact(path, fact),
            _ => Found::Nothing(path),
        }
    }
}

/// Removes the last part of a path.
fn up(path: &mut String) {
    path.truncate(path.rfind('/').unwrap_or(0));
}

/// The parts of a path, the last first.
fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|p| !p.is_empty() && *p != ".").rev().map(str::to_owned).collect()
}

/// A path relative to another one of the archive.
pub(super) fn beside(path: &str, target: &str) -> Option<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut done: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    for part in target.split('/').filter(|p| !p.is_empty() && *p != ".") {
        match part {
            ".." => drop(done.pop()?),
            part => done.push(part),
        }
    }
    clean(done.join("/").as_bytes()).ok()
}
