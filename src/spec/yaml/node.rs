//! The YAML tree.

use std::ops::Range;

use serde_json::{Map, Number, Value};

/// Deepest nesting.
pub(super) const MAX_DEPTH: usize = 64;
/// Most nodes, aliases written out (64 bytes of text count as one more).
pub const MAX_WEIGHT: usize = 30_000;

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Shape and content.
    pub kind: Kind,
    /// Bytes to point at, within one line.
    pub mark: Range<usize>,
    /// Bytes of the alias in whose place it stands, if any.
    pub alias: Option<Range<usize>>,
    /// Nodes in it and itself.
    pub weight: usize,
    /// Levels below it.
    pub height: usize,
}

/// The three shapes of YAML.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Text; plain when it was written without quotes and not as a block.
    Scalar { text: String, plain: bool },
    /// A list.
    Seq(Vec<Node>),
    /// A mapping, in the order written, without repeated keys.
    Map(Vec<Entry>),
    /// A mapping of which no key could be read; that was reported.
    Broken,
}

/// One entry of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Bytes of the key.
    pub key_span: Range<usize>,
    /// The value.
    pub value: Node,
}

impl Node {
    pub(super) fn new(kind: Kind, mark: Range<usize>) -> Self {
        let children: Vec<&Node> = match &kind {
            Kind::Scalar { .. } | Kind::Broken => Vec::new(),
            Kind::Seq(items) => items.iter().collect(),
            Kind::Map(entries) => entries.iter().map(|e| &e.value).collect(),
        };
        let own = if let Kind::Scalar { text, .. } = &kind { 1 + text.len() / 64 } else { 1 };
        let keys = if let Kind::Map(entries) = &kind { entries.iter().map(|e| e.key.len() / 64).sum() } else { 0 };
        let weight = own + keys + children.iter().map(|c| c.weight).sum::<usize>();
        let height = children.iter().map(|c| c.height + 1).max().unwrap_or(0);
        Self { kind, mark, alias: None, weight, height }
    }

    /// The value of a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|e| e.key == key).map(|e| &e.value),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        match &mut self.kind {
            Kind::Map(entries) => entries.iter_mut().find(|e| e.key == key).map(|e| &mut e.value),
            _ => None,
        }
    }

    /// Drops the entries of a mapping whose keys begin with `x-`: they only hold what is referred to elsewhere.
    pub fn drop_extensions(&mut self) {
        if let Kind::Map(entries) = &mut self.kind {
            entries.retain(|e| !e.key.starts_with("x-"));
        }
    }

    /// The written text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Returns true if the value is null: empty, or a plain `null` or `~`.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if plain_value(text).is_null())
    }

    /// Its value where no type is wanted: YAML's core rules with `true`, `false` and decimal numbers only.
    ///
    /// `yes`, `0123`, `0x1f` and numbers too large for 64 bits stay text.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Scalar { text, plain: true } => plain_value(text),
            Kind::Scalar { text, plain: false } => Value::String(text.clone()),
            Kind::Broken => Value::Null,
            Kind::Seq(items) => Value::Array(items.iter().map(Node::to_json).collect()),
            Kind::Map(entries) => {
                Value::Object(entries.iter().map(|e| (e.key.clone(), e.value.to_json())).collect::<Map<_, _>>())
            }
        }
    }
}

/// The value of a scalar without quotes.
pub fn plain_value(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    let number = if is_decimal(text) { number(text) } else { None };
    number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn number(text: &str) -> Option<Number> {
    if text.contains(['.', 'e', 'E']) {
        return text.parse().ok().and_then(Number::from_f64);
    }
    text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from)).ok()
}

/// `-12`, `0`, `1.5`, `2e10`; no sign `+`, no leading zero, a digit on both sides of the point.
fn is_decimal(text: &str) -> bool {
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    let no_leading_zero = whole == "0" || !whole.starts_with('0');
    digits(whole)
        && no_leading_zero
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['-', '+']).unwrap_or(e)))
}
