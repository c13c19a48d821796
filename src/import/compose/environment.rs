//! Variables of a service: `environment` as a list or a mapping, and the files under `env_file`.

use std::collections::BTreeMap;

use crate::import::context::{Context, MAX_VARIABLES};
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
                all.extend(assignments(&text).into_iter().map(|(key, value)| (key, value, line)));
            }
            Found::Folder => cx.notes.drop(line, format!("{name}.env_file {path}"), "it is a folder"),
            Found::Nothing(why) => cx.notes.drop(line, format!("{name}.env_file {path}"), why),
        }
        if all.len() > MAX_VARIABLES {
            break;
        }
    }
    // One more, so that a note tells of it.
    all.truncate(MAX_VARIABLES + 1);
    all
}

/// The `.env` file beside the input, from which Compose takes variables.
pub(super) fn defaults(cx: &mut Context) -> BTreeMap<String, String> {
    match cx.folder.read(".env") {
        Found::Text(text) => {
            assignments(&text).into_iter().filter(|(name, value)| Values::is_default(name, value)).collect()
        }
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

/// `KEY=value` of the lines of a variable file, without quotes and comments. A value in quotes may have several lines.
fn assignments(text: &str) -> Vec<(String, String)> {
    let mut found = vec![];
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let body = line.trim_start();
        let body = body.strip_prefix("export ").unwrap_or(body);
        let Some((key, value)) = body.split_once('=').filter(|_| !body.starts_with('#')) else {
            rest = after;
            continue;
        };
        let quote = value.trim_start().chars().next().filter(|c| matches!(c, '"' | '\''));
        let value = match quote.and_then(|quote| Some((quote, rest.split_once('=')?.1.split_once(quote)?.1))) {
            Some((quote, inner)) => {
                // Without its end, nothing tells what is a name and what a value.
                let Some((value, tail)) = inner.split_once(quote) else { break };
                rest = tail.split_once('\n').map_or("", |(_, after)| after);
                value
            }
            None => {
                rest = after;
                value.split(" #").next().unwrap_or(value).trim()
            }
        };
        found.push((key.trim().to_owned(), value.to_owned()));
    }
    found
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
        let read = |text: &str| {
            let all: Vec<String> = assignments(text).into_iter().map(|(key, value)| format!("{key}|{value}")).collect();
            all.join("\n")
        };
        assert_eq!(read("export A = 'b # c' # d"), "A|b # c");
        assert_eq!(read("A=b # c\r\nB=\n# C=d\nD\nE=f"), "A|b\nB|\nE|f");
        assert_eq!(read("KEY=\"-----BEGIN\nMIIE=\n-----END\" # x\nA=b\n"), "KEY|-----BEGIN\nMIIE=\n-----END\nA|b");
        assert_eq!(read("A=b\nKEY='-----BEGIN\nMIIE=\n"), "A|b", "a value without an end");
    }
}
