//! Builds the tree from parser events, one at a time and without recursion.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, StructureStyle, Tag};

use super::merge::{self, MERGE};
use super::node::{Entry, Kind, MAX_DEPTH, MAX_WEIGHT, Node};
use super::syntax::{self, SyntaxError};
use crate::spec::diagnostic::Diagnostic;
use crate::spec::kind::DocumentKind;
use crate::spec::span::{FieldPath, Lines};

pub(super) fn load(text: &str, kind: &'static DocumentKind) -> Result<(Node, Vec<Diagnostic>), Vec<Diagnostic>> {
    let (node, diagnostics) = load_any(text, kind)?;
    match node {
        Node { kind: Kind::Map(_), .. } => Ok((node, diagnostics)),
        _ => Err(vec![Diagnostic::at("", node.mark, format!("the {} is not a mapping", kind.noun), kind.start)]),
    }
}

/// A mapping or a list.
pub(super) fn load_part(text: &str, kind: &'static DocumentKind) -> Result<(Node, Vec<Diagnostic>), Vec<Diagnostic>> {
    let (node, diagnostics) = load_any(text, kind)?;
    match node {
        Node { kind: Kind::Map(_) | Kind::Seq(_), .. } => Ok((node, diagnostics)),
        _ => {
            let message = format!("the {} is neither a mapping nor a list", kind.noun);
            Err(vec![Diagnostic::at("", node.mark, message, kind.start)])
        }
    }
}

fn load_any(text: &str, kind: &'static DocumentKind) -> Result<(Node, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    (options.block_nesting_limit, options.flow_nesting_limit) = (MAX_DEPTH, MAX_DEPTH);
    let mut loader = Loader::new(text, kind);
    for event in Parser::new_from_str_with_options(text, options) {
        let step = event.map_err(|e| loader.unreadable(&e)).and_then(|(event, span)| loader.take(event, span));
        if let Err(diagnostic) = step {
            loader.diagnostics.push(*diagnostic);
            return Err(loader.diagnostics);
        }
    }
    match loader.root {
        Some(node) if node.kind == Kind::Broken => Err(loader.diagnostics),
        Some(node) if !node.is_null() => Ok((node, loader.diagnostics)),
        _ => Err(vec![Diagnostic::without_span("", format!("the {} is empty", kind.noun), kind.start)]),
    }
}

/// An error after which nothing can be read.
type Stop = Box<Diagnostic>;

struct Key {
    text: String,
    mark: Range<usize>,
    /// False for a repeated or impossible key: its value is read and dropped.
    kept: bool,
    /// It is a merge key.
    merges: bool,
}

enum Holding {
    Seq(Vec<Node>),
    Map { entries: Vec<Entry>, merged: Vec<Node>, seen: HashMap<String, Range<usize>>, key: Option<Key>, broken: bool },
}

struct Frame {
    holding: Holding,
    mark: Range<usize>,
    flow: bool,
    anchor: usize,
}

struct Loader<'a> {
    text: &'a str,
    kind: &'static DocumentKind,
    lines: Lines<'a>,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    weight: usize,
    documents: usize,
    diagnostics: Vec<Diagnostic>,
    root: Option<Node>,
    /// Bytes of the last quoted scalar, if it has more than one line.
    quoted: Option<Range<usize>>,
}

impl<'a> Loader<'a> {
    fn new(text: &'a str, kind: &'static DocumentKind) -> Self {
        let (stack, diagnostics) = (Vec::new(), Vec::new());
        Self {
            text,
            kind,
            lines: Lines::new(text),
            stack,
            anchors: HashMap::new(),
            weight: 0,
            documents: 0,
            diagnostics,
            root: None,
            quoted: None,
        }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let mark = self.mark(&span);
        match event {
            Event::DocumentStart(..) => self.document(mark),
            Event::Scalar(text, style, anchor, tag) => {
                let text_tag = self.refuse_tag(tag.as_deref(), &mark)?;
                let plain = style == ScalarStyle::Plain && !text_tag;
                if matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
                    let end = self.offset(&span.end).max(mark.start);
                    self.quoted = self.text.get(mark.start..end).filter(|t| t.contains('\n')).map(|_| mark.start..end);
                }
                self.place(Node::new(Kind::Scalar { text: text.into_owned(), plain }, mark), anchor)
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &mark)?;
                self.open(Holding::Seq(Vec::new()), mark, style, anchor)
            }
            Event::MappingStart(style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), &mark)?;
                self.open(
                    Holding::Map {
                        entries: Vec::new(),
                        merged: Vec::new(),
                        seen: HashMap::new(),
                        key: None,
                        broken: false,
                    },
                    mark,
                    style,
                    anchor,
                )
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(id) => self.alias(id, mark),
            _ => Ok(()),
        }
    }

    fn document(&mut self, mark: Range<usize>) -> Result<(), Stop> {
        self.documents += 1;
        if self.documents > 1 {
            let help = format!("keep one {} in a file; remove this `---` and what follows", self.kind.noun);
            return Err(Diagnostic::at("", mark, "the file contains more than one document", help).into());
        }
        Ok(())
    }

    /// Tags other than YAML's own for text are refused; true for that one.
    fn refuse_tag(&self, tag: Option<&Tag>, mark: &Range<usize>) -> Result<bool, Stop> {
        match tag {
            None => Ok(false),
            Some(t) if t.is_yaml_core_schema_tag("str") => Ok(true),
            Some(t) => {
                let help = "write the value without a tag; quotes make it text";
                Err(Diagnostic::at("", mark.clone(), format!("the tag `{}` is not supported", t.original()), help)
                    .into())
            }
        }
    }

    fn open(&mut self, holding: Holding, mark: Range<usize>, style: StructureStyle, anchor: usize) -> Result<(), Stop> {
        self.stack.push(Frame { holding, mark: mark.clone(), flow: style == StructureStyle::Flow, anchor });
        if self.stack.len() > MAX_DEPTH { Err(too_deep(mark, self.kind)) } else { Ok(()) }
    }

    fn close(&mut self) -> Result<(), Stop> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let (kind, first) = match frame.holding {
            Holding::Seq(items) => {
                let first = items.first().map(|n| n.mark.clone());
                (Kind::Seq(items), first)
            }
            Holding::Map { entries, broken: true, .. } if entries.is_empty() => (Kind::Broken, None),
            Holding::Map { entries, merged, .. } => {
                let first = entries.first().map(|e| e.key_span.clone());
                (Kind::Map(merge::merge(entries, merged, &mut self.diagnostics)), first)
            }
        };
        let own = frame.mark.start..(frame.mark.start + 1).min(self.text.len());
        let mark = if frame.flow { own } else { first.unwrap_or(own) };
        self.place(Node::new(kind, mark), frame.anchor)
    }

    fn alias(&mut self, id: usize, mark: Range<usize>) -> Result<(), Stop> {
        let Some(node) = self.anchors.get(&id) else {
            return Err(Diagnostic::at(
                "",
                mark,
                "this alias is inside the value that it refers to",
                "write the value out",
            )
            .into());
        };
        if self.stack.len() + node.height > MAX_DEPTH {
            return Err(too_deep(mark, self.kind));
        }
        if self.weight + node.weight > MAX_WEIGHT {
            return Err(too_much(mark, self.kind));
        }
        let copy = Node { alias: Some(mark), ..node.clone() };
        self.weight += copy.weight;
        self.attach(copy)
    }

    /// Puts a complete node where it belongs, and remembers it when it has an anchor.
    fn place(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        let own = if let Kind::Scalar { .. } = node.kind { node.weight } else { 1 };
        self.weight += own + if anchor != 0 { node.weight } else { 0 };
        if self.weight > MAX_WEIGHT {
            return Err(too_much(node.mark, self.kind));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.attach(node)
    }

    fn attach(&mut self, node: Node) -> Result<(), Stop> {
        let is_bad_key = match self.stack.last().map(|f| &f.holding) {
            Some(Holding::Map { key: None, seen, .. }) => node.text().is_none_or(|text| seen.contains_key(text)),
            _ => false,
        };
        let at = if is_bad_key { self.at() } else { FieldPath::root() };
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut frame.holding {
            Holding::Seq(items) => items.push(node),
            Holding::Map { entries, merged, seen, key, broken } => match key.take() {
                Some(Key { merges: true, .. }) => merged.push(node),
                Some(Key { text, mark, kept: true, .. }) => {
                    entries.push(Entry { key: text, key_span: mark, value: node })
                }
                Some(_) => {}
                None => {
                    *broken |= !matches!(node.kind, Kind::Scalar { .. });
                    *key = Some(as_key(node, &at, seen, &mut self.diagnostics));
                }
            },
        }
        Ok(())
    }

    /// Where the innermost open collection stands.
    fn at(&self) -> FieldPath {
        let outer = self.stack.len().saturating_sub(1);
        self.stack.iter().take(outer).fold(FieldPath::root(), |at, frame| match &frame.holding {
            Holding::Seq(items) => at.index(items.len()),
            Holding::Map { key, .. } => at.key(key.as_ref().map_or("", |k| &k.text)),
        })
    }

    /// The first line of a span.
    fn mark(&self, span: &Span) -> Range<usize> {
        let start = self.offset(&span.start);
        let end = self.offset(&span.end).clamp(start, self.lines.line(start).end.max(start));
        let shown = self.text.get(start..end).map_or(end - start, |t| t.trim_end().len());
        start..start + shown
    }

    fn offset(&self, marker: &granit_parser::Marker) -> usize {
        let offset = marker.byte_offset().unwrap_or_else(|| self.lines.offset(marker.line(), marker.col()));
        offset.min(self.text.len())
    }

    fn unreadable(&self, error: &ScanError) -> Stop {
        let mark = self.mark(&Span::empty(*error.marker()));
        if matches!(error.kind(), granit_parser::ErrorKind::RecursionLimitExceeded) {
            return too_deep(mark, self.kind);
        }
        let (quoted, offset) = (self.quoted.clone(), mark.start);
        let error = SyntaxError { kind: error.kind(), info: &error.info(), offset, quoted };
        syntax::explain(&error, self.text, &self.lines).into()
    }
}

fn as_key(
    node: Node,
    at: &FieldPath,
    seen: &mut HashMap<String, Range<usize>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Key {
    let Kind::Scalar { text, plain } = node.kind else {
        let help = "put a template in quotes: `\"{{name}}\"`; a key is a word";
        diagnostics.push(Diagnostic::at(at.as_str(), node.mark.clone(), "a key cannot be a list or a mapping", help));
        return Key { text: String::new(), mark: node.mark, kept: false, merges: false };
    };
    let merges = plain && text == MERGE;
    if let Some(first) = seen.get(&text) {
        let message = format!("the key `{text}` is repeated");
        let diagnostic = Diagnostic::at(at.key(&text).as_str(), node.mark.clone(), message, "keep one of the two");
        diagnostics.push(diagnostic.also(first.clone(), "first here"));
        return Key { text, mark: node.mark, kept: false, merges: false };
    }
    seen.insert(text.clone(), node.mark.clone());
    Key { text, mark: node.mark, kept: true, merges }
}

fn too_deep(mark: Range<usize>, kind: &DocumentKind) -> Stop {
    let message = format!("the {} is nested more than {MAX_DEPTH} levels deep", kind.noun);
    Diagnostic::at("", mark, message, "write it with fewer levels").into()
}

fn too_much(mark: Range<usize>, kind: &DocumentKind) -> Stop {
    let message = format!("the {} has more than {MAX_WEIGHT} values, including those of aliases", kind.noun);
    Diagnostic::at("", mark, message, "use fewer aliases, and keep large data in files of their own").into()
}
