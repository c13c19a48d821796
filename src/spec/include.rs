//! Puts included files in the place of `include: path`, before anything else is read from the tree. Pure, given a reader.
//!
//! A file may stand in the place of a suite, of a list of cases, and of an item of a list of cases or steps; there, a list in the
//! file takes its place item by item. The text of the file is added to the text of the description, so that every mark stays a range
//! of bytes; a NUL begins its name there, because no document contains one.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use super::check::is_inner_path;
use super::diagnostic::{Diagnostic, MAX_KEPT};
use super::kind::INCLUDED;
use super::span::part_header;
use super::yaml::{self, Entry, Kind, MAX_BYTES, Node};

/// Most levels of files that include files, and most files.
const MAX_DEPTH: usize = 4;
const MAX_FILES: usize = 100;

/// Reads a file by its path relative to the description.
pub type Read<'a> = &'a dyn Fn(&str) -> io::Result<Vec<u8>>;

/// A tree without inclusions.
pub struct Included {
    /// The text of the description and of every file in it, in the order of `files`.
    pub text: String,
    /// The files by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What cannot be included.
    pub diagnostics: Vec<Diagnostic>,
}

/// Replaces every inclusion of the tree.
pub fn expand(root: &mut Node, text: String, read: Read<'_>) -> Included {
    let weight = root.weight;
    let done = Included { text, files: BTreeMap::new(), diagnostics: vec![] };
    let mut expander = Expander { done, read, weight, count: 0 };
    if let Some(Node { kind: Kind::Map(suites), .. }) = root.get_mut("suites") {
        suites.iter_mut().for_each(|suite| expander.suite(&mut suite.value, 0));
    }
    expander.done
}

struct Expander<'a> {
    done: Included,
    read: Read<'a>,
    /// Nodes of all trees together.
    weight: usize,
    count: usize,
}

impl Expander<'_> {
    /// A suite: a file in its place, or its cases.
    fn suite(&mut self, node: &mut Node, depth: usize) {
        match self.taken(node, depth) {
            Some(inner) => self.suite(node, inner),
            None => node.get_mut("cases").into_iter().for_each(|cases| self.list(cases, depth, Self::case)),
        }
    }

    fn case(&mut self, node: &mut Node, depth: usize) {
        for key in ["steps", "cleanup"] {
            node.get_mut(key).into_iter().for_each(|steps| self.list(steps, depth, Self::step));
        }
    }

    fn step(&mut self, node: &mut Node, depth: usize) {
        let inner = node.get_mut("repeat").and_then(|repeat| repeat.get_mut("steps"));
        inner.into_iter().for_each(|steps| self.list(steps, depth, Self::step));
    }

    /// A list, in whose place and among whose items files may stand.
    fn list(&mut self, node: &mut Node, depth: usize, each: fn(&mut Self, &mut Node, usize)) {
        if let Some(inner) = self.taken(node, depth) {
            return self.list(node, inner, each);
        }
        let Kind::Seq(items) = &mut node.kind else { return };
        let mut all = Vec::with_capacity(items.len());
        for mut item in std::mem::take(items) {
            let (mut inner, mut is_included) = (depth, false);
            // A file may do nothing but include another one.
            while let Some(deeper) = self.taken(&mut item, inner) {
                (inner, is_included) = (deeper, true);
            }
            match item.kind {
                Kind::Seq(_) if is_included => {
                    self.list(&mut item, inner, each);
                    if let Kind::Seq(items) = item.kind {
                        all.extend(items);
                    }
                }
                // What could not be included is reported, and is nothing.
                Kind::Broken if is_included => {}
                _ => {
                    each(self, &mut item, inner);
                    all.push(item);
                }
            }
        }
        *items = all;
    }

    /// Puts a file in the place of an inclusion; returns the depth of what is in it.
    fn taken(&mut self, node: &mut Node, depth: usize) -> Option<usize> {
        let at = inclusion(node)?;
        let included = match at {
            Ok((path, mark)) => self.one(&path, mark, depth),
            Err(mark) => {
                let help = "give the other keys in the file, and here only `include` with its path";
                self.report(Diagnostic::at("", mark, "`include` stands alone", help));
                None
            }
        };
        match included {
            Some(included) => *node = included,
            None => node.kind = Kind::Broken,
        }
        Some(depth + 1)
    }

    fn one(&mut self, path: &str, mark: Range<usize>, depth: usize) -> Option<Node> {
        match self.read(path, depth) {
            Ok(node) => Some(node),
            Err(Stop::Here(message, help)) => {
                self.report(Diagnostic::at("", mark, message, help));
                None
            }
            Err(Stop::Inside(diagnostics)) => {
                diagnostics.into_iter().for_each(|d| self.report(d));
                None
            }
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        if self.done.diagnostics.len() < MAX_KEPT {
            self.done.diagnostics.push(diagnostic);
        }
    }

    fn read(&mut self, path: &str, depth: usize) -> Result<Node, Stop> {
        let here = |message: String, help: &str| Stop::Here(message, help.to_owned());
        if !is_inner_path(path) || path.chars().any(char::is_control) {
            let help = "name a file in the folder of the description or below, by relative path without `..`";
            return Err(here(format!("the path `{path}` leaves the description's folder"), help));
        }
        if depth >= MAX_DEPTH {
            return Err(here(
                format!("files include files on more than {MAX_DEPTH} levels"),
                "write the steps out here",
            ));
        }
        self.count += 1;
        if self.count > MAX_FILES {
            return Err(here(format!("the description includes more than {MAX_FILES} files"), "split the description"));
        }
        let bytes = match self.done.files.get(path) {
            Some(known) => Ok(known.clone()),
            None => (self.read)(path),
        };
        let bytes = bytes.map_err(|e| {
            let help = "files are included by path relative to the description, and are no links";
            here(format!("the file `{path}` cannot be read: {}", super::files::reason(&e)), help)
        })?;
        let too_large = || {
            here(format!("the description with its included files is larger than {} KiB", MAX_BYTES >> 10), "split it")
        };
        if self.done.text.len() + bytes.len() > MAX_BYTES {
            return Err(too_large());
        }
        self.done.files.insert(path.to_owned(), bytes.clone());
        let header = part_header(path);
        let start = self.done.text.len() + header.len();
        self.done.text.push_str(&header);
        self.done.text.push_str(&String::from_utf8_lossy(&bytes).replace('\0', "\u{1}"));
        let inside = |list: Vec<Diagnostic>| Stop::Inside(list.into_iter().map(|d| d.shifted(start)).collect());
        let (mut node, repeated) = yaml::parse_part(&bytes, &INCLUDED).map_err(inside)?;
        repeated.into_iter().for_each(|d| self.report(d.shifted(start)));
        self.weight += node.weight;
        if self.weight > yaml::MAX_WEIGHT {
            return Err(here("the description with its included files has too many values".into(), "split it"));
        }
        shift(&mut node, start);
        Ok(node)
    }
}

enum Stop {
    /// A message about the inclusion, and its help.
    Here(String, String),
    /// Diagnostics of the file.
    Inside(Vec<Diagnostic>),
}

type Mark = Range<usize>;

/// The path of an inclusion with its mark; the mark of an `include` that is none.
fn inclusion(node: &Node) -> Option<Result<(String, Mark), Mark>> {
    let Kind::Map(entries) = &node.kind else { return None };
    let Entry { key_span, value, .. } = entries.iter().find(|e| e.key == "include")?;
    Some(match value.text() {
        Some(path) if entries.len() == 1 && !value.is_null() => Ok((path.to_owned(), value.mark.clone())),
        _ => Err(key_span.clone()),
    })
}

/// Moves the marks of a file to where its text stands.
fn shift(node: &mut Node, by: usize) {
    let move_by = |mark: &mut Range<usize>| *mark = mark.start + by..mark.end + by;
    move_by(&mut node.mark);
    node.alias.iter_mut().for_each(move_by);
    match &mut node.kind {
        Kind::Seq(items) => items.iter_mut().for_each(|item| shift(item, by)),
        Kind::Map(entries) => entries.iter_mut().for_each(|e| {
            move_by(&mut e.key_span);
            shift(&mut e.value, by);
        }),
        Kind::Scalar { .. } | Kind::Broken => {}
    }
}
