//! Spans of every node of a tree.

use std::ops::Range;

use super::node::{Kind, Node};
use crate::spec::span::{FieldPath, NodeSpan, Spans};

/// Paths may take this many bytes in all; deep nesting under long keys would otherwise take gigabytes.
const MAX_PATH_BYTES: usize = 16 << 20;

/// Marks of every node of the tree; none when the paths together grow beyond all measure.
pub fn spans(root: &Node) -> Option<Spans> {
    let (mut spans, mut bytes) = (Spans::new(), 0);
    collect(root, FieldPath::root(), None, &mut spans, &mut bytes)?;
    Some(spans)
}

fn collect(node: &Node, at: FieldPath, key: Option<Range<usize>>, spans: &mut Spans, bytes: &mut usize) -> Option<()> {
    *bytes += at.as_str().len();
    if *bytes > MAX_PATH_BYTES {
        return None;
    }
    match &node.kind {
        Kind::Scalar { .. } | Kind::Broken => {}
        Kind::Seq(items) => {
            for (i, item) in items.iter().enumerate() {
                collect(item, at.index(i), None, spans, bytes)?;
            }
        }
        Kind::Map(entries) => {
            for e in entries {
                collect(&e.value, at.key(&e.key), Some(e.key_span.clone()), spans, bytes)?;
            }
        }
    }
    let scalar = matches!(&node.kind, Kind::Scalar { text, .. } if !text.is_empty() || !node.mark.is_empty());
    let value = if scalar { node.mark.clone() } else { key.clone().unwrap_or_else(|| node.mark.clone()) };
    spans.insert(at.as_str().to_owned(), NodeSpan { value, key });
    Some(())
}
