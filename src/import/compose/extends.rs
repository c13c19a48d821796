//! Services with what they extend. Pure.

use crate::import::notes::Notes;
use crate::import::tree::{Tree, Value};

/// Most services that extend one another.
const MAX_DEPTH: usize = 8;

/// Every service, with the keys of the service that it extends.
pub(super) fn resolved(root: &Tree, notes: &mut Notes) -> Vec<(String, Tree)> {
    let all = root.get("services").map(Tree::entries).unwrap_or_default();
    let services = all.iter().filter(|(_, tree)| matches!(tree.value, Value::Map(_)));
    services.map(|(name, tree)| (name.clone(), extended(name, tree, all, notes, 0))).collect()
}

fn extended(name: &str, tree: &Tree, all: &[(String, Tree)], notes: &mut Notes, depth: usize) -> Tree {
    let Some(extends) = tree.get("extends") else { return tree.clone() };
    let base = extends.text().or_else(|| extends.word("service"));
    let base = base.filter(|_| extends.get("file").is_none()).and_then(|of| all.iter().find(|(known, _)| known == of));
    let Some((base_name, base)) = base.filter(|_| depth < MAX_DEPTH) else {
        notes.drop(
            extends.line,
            format!("{name}.extends"),
            "other files are not read: import the output of `docker compose config`",
        );
        return tree.clone();
    };
    let base = extended(base_name, base, all, notes, depth + 1);
    let mut entries: Vec<(String, Tree)> = tree.entries().iter().filter(|(key, _)| key != "extends").cloned().collect();
    // Compose leaves these to each service.
    for (key, value) in
        base.entries().iter().filter(|(key, _)| !matches!(key.as_str(), "depends_on" | "links" | "profiles"))
    {
        match entries.iter_mut().find(|(own, _)| own == key) {
            None => entries.push((key.clone(), value.clone())),
            Some((_, own)) => {
                if let (Value::Map(own), Value::Map(of_base)) = (&mut own.value, &value.value) {
                    let missing: Vec<_> =
                        of_base.iter().filter(|(k, _)| !own.iter().any(|(o, _)| o == k)).cloned().collect();
                    own.extend(missing);
                }
            }
        }
    }
    Tree { value: Value::Map(entries), line: tree.line }
}
