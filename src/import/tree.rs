//! A foreign YAML document. Pure.
//!
//! Reads what `spec::yaml` reads, which resolves merge keys: bounded bytes, depth and values with all aliases written out, and no
//! tags. Its lines may hold secrets, so that no error shows them.

use std::path::Path;

use crate::spec::Diagnostics;
use crate::spec::kind::DocumentKind;
use crate::spec::span::Lines;
use crate::spec::yaml::{self, Entry, Kind, Node};

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
            Err(list) if first == 1 => Err(Diagnostics::new(file, text, list, 0).without_excerpts()),
            Err(list) => {
                let found = Diagnostics::new(file, text, list, 0).list.into_iter().next();
                let (line, message, help) = found.map(|d| (d.line.unwrap_or(1), d.message, d.help)).unwrap_or_default();
                Err(Diagnostics::whole_file(file, format!("line {}: {message}", line + first - 1), help))
            }
        }
    }

    /// Changes every text.
    pub(super) fn each_text(&mut self, change: &mut dyn FnMut(&str) -> String) {
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
        Kind::Map(entries) => Value::Map(entries.iter().map(|e| (e.key.clone(), entry(e, lines, first))).collect()),
    };
    Tree { value, line }
}

/// A value, at the line of its key.
fn entry(entry: &Entry, lines: &Lines<'_>, first: usize) -> Tree {
    let at = entry.value.alias.as_ref().unwrap_or(&entry.key_span);
    Tree { line: lines.position(at.start).0 + first - 1, ..tree(&entry.value, lines, first) }
}
