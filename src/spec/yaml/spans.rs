//! Spans of every node of a tree.

use std::ops::Range;

use super::node::{Kind, Node};
use crate::spec::span::{FieldPath, NodeSpan, Spans};

/// Paths may take this many bytes in all; deep nesting under long keys would otherwise take gigabytes.
const MAX_PATH_BYTES: usize = 16 << 20;

/// Marks of every node of the tree; none when the paths together grow beyond all measure.
pub fn spans(root: &Node) -> Option<Spans> {
    let (mut spans, mut bytes) = (Spans::new(), 0);
    collect(root, FieldPath::root(), (None, None), &mut spans, &mut bytes)?;
    Some(spans)
}

type Mark = Option<Range<usize>>;

/// `key` and `alias` are the marks of the node's key, and of the outermost alias that it is part of.
fn collect(node: &Node, at: FieldPath, (key, alias): (Mark, Mark), spans: &mut Spans, bytes: &mut usize) -> Option<()> {
    let alias = alias.or_else(|| node.alias.clone());
    *bytes += at.as_str().len();
    if *bytes > MAX_PATH_BYTES {
        return None;
    }
    match &node.kind {
        Kind::Scalar { .. } | Kind::Broken => {}
        Kind::Seq(items) => {
            for (i, item) in items.iter().enumerate() {
                collect(item, at.index(i), (None, alias.clone()), spans, bytes)?;
            }
        }
        Kind::Map(entries) => {
            for e in entries {
                collect(&e.value, at.key(&e.key), (Some(e.key_span.clone()), alias.clone()), spans, bytes)?;
            }
        }
    }
    let scalar = matches!(&node.kind, Kind::Scalar { text, .. } if !text.is_empty() || !node.mark.is_empty());
    let value = if scalar { node.mark.clone() } else { key.clone().unwrap_or_else(|| node.mark.clone()) };
    // Its key stands where it is used, and so says nothing new.
    let alias = alias.filter(|alias| *alias != value && (node.alias.is_none() || Some(&value) != key.as_ref()));
    spans.insert(at.as_str().to_owned(), NodeSpan { value, key, alias });
    Some(())
}
