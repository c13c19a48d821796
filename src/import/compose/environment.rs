//! Variables of a service: `environment` as a list or a mapping, and the files under `env_file`.

use std::collections::BTreeMap;

use crate::import::context::Context;
use crate::import::names::Names;
use crate::import::source::Found;
use crate::import::tree::{Tree, Value};
use crate::import::variables::Values;

/// A variable: its name, its value as written, and its line in the input.
pub(super) type Variable = (String, String, usize);

/// The variables of a service; those of `environment` come first, and so count.
pub(super) fn variables(name: &str, tree: &Tree, cx: &mut Context) -> Vec<Variable> {
    let mut all = vec![];
    if let Some(environment) = tree.get("environment") {
        match &environment.value {
            Value::Map(entries) => {
                for (key, value) in entries {
                    match &value.value {
                        Value::Text(text) => all.push((key.clone(), text.clone(), value.line)),
                        // Taken from the shell that starts Compose.
                        Value::Null => all.push((key.clone(), format!("${{{key}}}"), value.line)),
                        _ => cx.notes.drop(value.line, format!("{name}.environment.{key}"), "its value is no text"),
                    }
                }
            }
            Value::List(items) => {
                for item in items {
                    let Some(text) = item.text() else { continue };
                    let (key, value) = text.split_once('=').map_or_else(
                        || (text.to_owned(), format!("${{{text}}}")),
                        |(key, value)| (key.to_owned(), value.to_owned()),
                    );
                    all.push((key, value, item.line));
                }
            }
            _ => {}
        }
    }
    for file in tree.get("env_file").map(files).unwrap_or_default() {
        let (path, line) = file;
        let path = Values::fill(&path).literal;
        match cx.folder.read(&path) {
            Found::Text(text) => {
                cx.notes.map();
                all.extend(text.lines().filter_map(assignment).map(|(key, value)| (key, value, line)));
            }
            Found::Folder => cx.notes.drop(line, format!("{name}.env_file {path}"), "it is a folder"),
            Found::Nothing(why) => cx.notes.drop(line, format!("{name}.env_file {path}"), why),
        }
    }
    all
}

/// The `.env` file beside the input, from which Compose takes variables.
pub(super) fn defaults(cx: &mut Context) -> BTreeMap<String, String> {
    match cx.folder.read(".env") {
        Found::Text(text) => text.lines().filter_map(assignment).collect(),
        Found::Folder | Found::Nothing(_) => BTreeMap::new(),
    }
}

/// Paths of variable files, with their lines.
fn files(tree: &Tree) -> Vec<(String, usize)> {
    let one = |tree: &Tree| Some((tree.text().or_else(|| tree.word("path"))?.to_owned(), tree.line));
    match &tree.value {
        Value::List(items) => items.iter().filter_map(one).collect(),
        _ => one(tree).into_iter().collect(),
    }
}

/// `KEY=value` of a line, without quotes and comments.
fn assignment(line: &str) -> Option<(String, String)> {
    let line = line.trim().strip_prefix("export ").unwrap_or(line.trim());
    let (key, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
    let value = value.trim();
    let quoted = ['"', '\''].into_iter().find_map(|q| value.strip_prefix(q)?.split(q).next());
    let value = quoted.unwrap_or_else(|| value.split(" #").next().unwrap_or(value).trim_end());
    Some((key.trim().to_owned(), value.to_owned()))
}

/// Host names under which others know a service.
pub(super) fn aliases(tree: &Tree, unit: &str, names: &mut Names) {
    let own = ["container_name", "hostname"].into_iter().filter_map(|key| tree.word(key));
    let networks = tree.get("networks").map(Tree::entries).unwrap_or_default();
    let of_networks = networks.iter().flat_map(|(_, network)| network.list("aliases")).filter_map(Tree::text);
    for alias in own.chain(of_networks) {
        names.alias(&Values::fill(alias).literal, unit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_of_variable_files() {
        let read = |line: &str| assignment(line).map(|(key, value)| format!("{key}|{value}"));
        assert_eq!(read("export A = 'b # c' # d").as_deref(), Some("A|b # c"));
        assert_eq!(read("A=b # c").as_deref(), Some("A|b"));
        assert_eq!(read("A=").as_deref(), Some("A|"));
        assert_eq!(read("# A=b"), None);
        assert_eq!(read("A"), None);
    }
}
