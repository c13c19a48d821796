//! Merge keys: `<<: *defaults` puts the entries of another mapping, or of several, into the one that it stands in.

use std::collections::HashSet;

use super::node::{Entry, Kind, Node};
use crate::spec::diagnostic::Diagnostic;

/// The merge key. In quotes, it is a key like any other.
pub(super) const MERGE: &str = "<<";

/// Puts what is merged behind the entries of a mapping. A key of the mapping itself wins, then that of the first mapping that
/// is merged.
pub(super) fn merge(mut entries: Vec<Entry>, merged: Vec<Node>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Entry> {
    let mut known: HashSet<String> = entries.iter().map(|e| e.key.clone()).collect();
    for mapping in merged.into_iter().flat_map(mappings) {
        let Kind::Map(others) = mapping.kind else {
            let help = "write `<<: *name`, or a list of such aliases; each must be that of a mapping";
            let mark = mapping.alias.unwrap_or(mapping.mark);
            diagnostics.push(Diagnostic::at("", mark, "only mappings can be merged", help));
            continue;
        };
        for mut entry in others {
            if known.insert(entry.key.clone()) {
                entry.value.alias = entry.value.alias.or_else(|| mapping.alias.clone());
                entries.push(entry);
            }
        }
    }
    entries
}

/// The mappings of one merge key: a list, or one.
fn mappings(node: Node) -> Vec<Node> {
    match node.kind {
        Kind::Seq(items) => {
            let of = |item: Node| Node { alias: item.alias.clone().or_else(|| node.alias.clone()), ..item };
            items.into_iter().map(of).collect()
        }
        _ => vec![node],
    }
}
