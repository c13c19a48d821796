//! A foreign YAML document, with merge keys resolved. Pure.
//!
//! Reads what `spec::yaml` reads: bounded bytes, depth and values with all aliases written out, and no tags.

use std::path::Path;

use crate::spec::Diagnostics;
use crate::spec::kind::DocumentKind;
use crate::spec::span::Lines;
use crate::spec::yaml::{self, Kind, Node};

/// Most merge keys inside one another.
const MAX_MERGES: usize = 16;

/// A node.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    pub(super) value: Value,
    /// Line in the input, from 1.
    pub(super) line: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Text(String),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// Reads one document; `first` is its first line in the input.
    pub(super) fn read(
        file: &Path,
        text: &str,
        kind: &'static DocumentKind,
        first: usize,
    ) -> Result<(Self, Vec<(usize, String)>), Diagnostics> {
        match yaml::parse(text.as_bytes(), kind) {
            Ok((root, repeated)) => {
                let lines = Lines::new(text);
                let repeated = Diagnostics::new(file, text, repeated, 0);
                let repeated = repeated.list.into_iter().map(|d| (d.line.unwrap_or(1) + first - 1, d.path)).collect();
                Ok((tree(&root, &lines, first), repeated))
            }
            Err(list) if first == 1 => Err(Diagnostics::new(file, text, list, 0)),
            Err(list) => {
                let found = Diagnostics::new(file, text, list, 0).list.into_iter().next();
                let (line, message, help) = found.map(|d| (d.line.unwrap_or(1), d.message, d.help)).unwrap_or_default();
                Err(Diagnostics::whole_file(file, format!("line {}: {message}", line + first - 1), help))
            }
        }
    }

    /// Changes every text.
    pub(super) fn each_text(&mut self, change: &dyn Fn(&str) -> String) {
        match &mut self.value {
            Value::Null => {}
            Value::Text(text) => *text = change(text),
            Value::List(items) => items.iter_mut().for_each(|item| item.each_text(change)),
            Value::Map(entries) => entries.iter_mut().for_each(|(_, value)| value.each_text(change)),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Tree> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, value)| value).filter(|v| v.value != Value::Null)
    }

    /// The value at the end of a path of keys.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Tree> {
        path.iter().try_fold(self, |tree, key| tree.get(key))
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a key.
    pub(super) fn word(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    pub(super) fn is_true(&self, key: &str) -> bool {
        self.word(key) == Some("true")
    }

    /// A whole number of a key.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.word(key)?.parse().ok()
    }

    pub(super) fn entries(&self) -> &[(String, Tree)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Tree] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The items of a key.
    pub(super) fn list(&self, key: &str) -> &[Tree] {
        self.get(key).map(Tree::items).unwrap_or_default()
    }

    /// Texts of a list, or one text.
    pub(super) fn texts(&self) -> Vec<&str> {
        match &self.value {
            Value::Text(text) => vec![text],
            _ => self.items().iter().filter_map(Tree::text).collect(),
        }
    }
}

fn tree(node: &Node, lines: &Lines<'_>, first: usize) -> Tree {
    let line = lines.position(node.alias.as_ref().unwrap_or(&node.mark).start).0 + first - 1;
    let value = match &node.kind {
        _ if node.is_null() => Value::Null,
        Kind::Scalar { text, .. } => Value::Text(text.clone()),
        Kind::Broken => Value::Null,
        Kind::Seq(items) => Value::List(items.iter().map(|item| tree(item, lines, first)).collect()),
        Kind::Map(_) => {
            let mut entries = vec![];
            merge(node, lines, first, 0, &mut entries);
            Value::Map(entries)
        }
    };
    Tree { value, line }
}

/// Adds the entries of a mapping, its own first, then those of its merge key: the first of each name counts.
fn merge(node: &Node, lines: &Lines<'_>, first: usize, depth: usize, into: &mut Vec<(String, Tree)>) {
    let Kind::Map(entries) = &node.kind else { return };
    for e in entries.iter().filter(|e| e.key != "<<") {
        if !into.iter().any(|(name, _)| *name == e.key) {
            let mut value = tree(&e.value, lines, first);
            value.line = lines.position(e.key_span.start).0 + first - 1;
            into.push((e.key.clone(), value));
        }
    }
    for e in entries.iter().filter(|e| e.key == "<<" && depth < MAX_MERGES) {
        match &e.value.kind {
            Kind::Seq(items) => items.iter().for_each(|item| merge(item, lines, first, depth + 1, into)),
            _ => merge(&e.value, lines, first, depth + 1, into),
        }
    }
}
