//! A stream of YAML documents, and the objects in it. Pure.

use std::path::Path;

use crate::import::notes::Notes;
use crate::import::tree::{Tree, Value};
use crate::spec::Diagnostics;
use crate::spec::kind::DocumentKind;

/// Most documents, and most objects.
const MAX_DOCUMENTS: usize = 2000;
/// Most Lists inside one another.
const MAX_LISTS: usize = 8;

/// Manifests.
const MANIFEST: DocumentKind = DocumentKind {
    kind: "manifest",
    noun: "manifest",
    purpose: "manifest of Kubernetes",
    start: "name rendered manifests: YAML documents with `apiVersion` and `kind`",
    schema_command: "dayfly import kubernetes --help",
};

/// Every object of the stream; those of Lists one by one.
pub(super) fn objects(file: &Path, bytes: &[u8], notes: &mut Notes) -> Result<Vec<Tree>, Diagnostics> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(Diagnostics::whole_file(file, "the manifests are not UTF-8 text", "save them as UTF-8"));
    };
    let documents = documents(text);
    if documents.len() > MAX_DOCUMENTS {
        let message = format!("there are more than {MAX_DOCUMENTS} documents");
        return Err(Diagnostics::whole_file(file, message, "import the manifests of one application"));
    }
    let mut objects = vec![];
    for (first, document) in documents {
        if document.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            continue;
        }
        // Definitions of resources are long, and nothing of them becomes part of a draft.
        if document.lines().any(|line| line == "kind: CustomResourceDefinition") {
            notes.drop(first, "CustomResourceDefinition", "nothing in an environment reads the Kubernetes API");
            continue;
        }
        let (root, repeated) = Tree::read(file, document, &MANIFEST, first)?;
        for (line, path) in repeated {
            notes.drop(line, path, "the key is repeated, and the first counts");
        }
        add(root, MAX_LISTS, &mut objects);
        if objects.len() > MAX_DOCUMENTS {
            let message = format!("there are more than {MAX_DOCUMENTS} objects");
            return Err(Diagnostics::whole_file(file, message, "import the manifests of one application"));
        }
    }
    Ok(objects)
}

/// Adds an object, or those of a List.
fn add(object: Tree, depth: usize, objects: &mut Vec<Tree>) {
    let is_list = object.word("kind").is_some_and(|kind| kind.ends_with("List"));
    let has_items = object.get("items").is_some();
    match (object, is_list && has_items) {
        _ if objects.len() > MAX_DOCUMENTS => {}
        (Tree { value: Value::Map(entries), .. }, true) if depth > 0 => {
            let items = entries.into_iter().find(|(key, _)| key == "items").map(|(_, items)| items.value);
            if let Some(Value::List(items)) = items {
                items.into_iter().for_each(|item| add(item, depth - 1, objects));
            }
        }
        (object, _) => objects.push(object),
    }
}

/// Documents with their first lines, from 1. A line that begins with `---` separates them, in scalars, too.
fn documents(text: &str) -> Vec<(usize, &str)> {
    let (mut found, mut start, mut first, mut at) = (vec![], 0, 1, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let end = at + line.len();
        let word = line.trim_end();
        if word == "---" || word.starts_with("--- ") || word.starts_with("---\t") {
            found.push((first, &text[start..at]));
            // What follows on the same line belongs to the document, except comments.
            (start, first) = (end, number + 2);
        } else if word == "..." {
            found.push((first, &text[start..at]));
            (start, first) = (end, number + 2);
        }
        at = end;
    }
    found.push((first, &text[start..]));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separates_documents_and_counts_their_lines() {
        let text = "# a\n---\nx: 1\n--- # Source: b\ny: |\n  ---\n  z\n";
        assert_eq!(documents(text), [(1, "# a\n"), (3, "x: 1\n"), (5, "y: |\n  ---\n  z\n")]);
    }
}
