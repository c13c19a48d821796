//! Requirements files of pip, with exact versions. Pure: other files are read by the caller.

use std::collections::{BTreeMap, BTreeSet};

use self::option::Line;
use super::archive::is_archive;
use super::error::Fault;
use super::kind::LockFile;
use crate::packages::Ecosystem;

mod option;

/// Deepest chain of files that include each other.
const MAX_DEPTH: usize = 10;
/// Most files.
const MAX_FILES: usize = 200;
/// Most lines of a file.
const MAX_LINES: usize = 1_000_000;
/// What ends a line for Python, besides `\n`.
const ENDS: [char; 9] = ['\r', '\x0b', '\x0c', '\x1c', '\x1d', '\x1e', '\u{85}', '\u{2028}', '\u{2029}'];

/// Reads a file that another one names, by the path of that one and the path that stands there: the path as it is shown, and the text.
pub type Include<'a> = dyn FnMut(&str, &str) -> Result<(String, String), String> + 'a;

/// What `# via` comments of pip-compile and uv say.
#[derive(Default)]
struct Via {
    by: BTreeMap<String, BTreeSet<String>>,
    /// The comment goes on in the next line.
    is_open: bool,
}

/// Reads a file and those that it includes (`-r`). Constraints (`-c`) install nothing.
pub(super) fn read(text: &str, out: &mut LockFile, include: &mut Include<'_>) -> Result<(), Fault> {
    let mut seen = BTreeSet::from([out.path.clone()]);
    let mut via = Via::default();
    file(text, 0, &mut seen, &mut via, out, include)?;
    via.fill(out);
    Ok(())
}

fn file(
    text: &str,
    depth: usize,
    seen: &mut BTreeSet<String>,
    via: &mut Via,
    out: &mut LockFile,
    include: &mut Include<'_>,
) -> Result<(), Fault> {
    if let Some(coding) = coding(text) {
        out.gap(format!("pip takes the file for {}, and dayfly reads UTF-8 alone", shown(coding)), Some(1));
    }
    let mut current: Option<String> = None;
    let lines = logical_lines(text).ok_or_else(|| Fault::from(format!("it has more than {MAX_LINES} lines")))?;
    for (line, logical) in lines {
        let (code, comment) = split_comment(&logical);
        let code = code.trim();
        if code.is_empty() {
            via.note(current.as_deref(), comment);
            continue;
        }
        via.end();
        if !code.starts_with('-') {
            current = requirement(code, line, out);
            via.note(current.as_deref(), comment);
            continue;
        }
        match option::line(code) {
            Some(Line::Include(target)) => {
                if depth >= MAX_DEPTH || seen.len() >= MAX_FILES {
                    return Err(Fault { line: Some(line), why: "too many files include each other".into() });
                }
                match include(&out.path, target) {
                    Ok((path, text)) if seen.insert(path.clone()) => {
                        let outer = std::mem::replace(&mut out.path, path);
                        let result = file(&text, depth + 1, seen, via, out, include);
                        let inner = std::mem::replace(&mut out.path, outer);
                        result.map_err(|f| Fault { line: Some(line), why: format!("{inner}: {}", f.why) })?;
                    }
                    Ok(_) => {}
                    Err(why) => out.gap(format!("{} is not read: {why}", shown(target)), Some(line)),
                }
            }
            // A folder is the project's own code; an address is somebody's.
            Some(Line::Editable(target)) if target.contains(':') => {
                out.gap(format!("{} has no version that could be looked up", shown(target)), Some(line));
            }
            Some(Line::Editable(_) | Line::Setting) => {}
            None => out.gap(format!("{} is an option that dayfly does not read", shown(code)), Some(line)),
        }
    }
    Ok(())
}

/// Adds a requirement; returns its normalised name.
fn requirement(code: &str, line: usize, out: &mut LockFile) -> Option<String> {
    // What follows are hashes and options of the requirement.
    let mut parts = code.split(" --");
    let code = parts.next().unwrap_or(code);
    let hashes: Vec<&str> = parts.filter_map(|p| p.trim().strip_prefix("hash=")).collect();
    let (code, _marker) = code.split_once(';').unwrap_or((code, ""));
    let code = code.trim();
    let end = code.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).unwrap_or(code.len());
    let (name, rest) = code.split_at(end);
    let rest = rest.trim_start();
    let rest = if rest.starts_with('[') { rest.split_once(']').map_or("", |(_, rest)| rest) } else { rest };
    let rest = rest.trim_start();
    let is_path = !rest.starts_with('@')
        && (code.contains("://") || code.starts_with(['.', '/']) || rest.starts_with(['/', '\\']));
    if is_path || name.is_empty() {
        // A folder is the project's own code; an archive, or what pip's environment names, is not.
        if !code.starts_with('.') || is_archive(code) || code.contains("${") {
            out.gap(format!("{} has no version that could be looked up", shown(code)), Some(line));
        }
        return None;
    }
    let rest = rest.trim().trim_start_matches('(').trim_end_matches(')').trim();
    match pinned(rest) {
        Some(version) => {
            if let Some(package) = out.add(name, version, Some(line)) {
                hashes.into_iter().for_each(|hash| package.locked_mut().hash(hash));
            }
        }
        None if rest.starts_with('@') => {
            out.gap(format!("{name:?} has no version, because it has an address"), Some(line))
        }
        None => out.gap(format!("{name:?} is not pinned to one version with `==`"), Some(line)),
    }
    Some(Ecosystem::pypi().normalise(name))
}

/// The version of `==1.2.3` or `===1.2.3`, also among others.
fn pinned(specifiers: &str) -> Option<&str> {
    let mut exact = specifiers.split(',').filter_map(|s| {
        let version = s.trim().strip_prefix("==")?;
        Some(version.strip_prefix('=').unwrap_or(version).trim())
    });
    exact.next().filter(|v| !v.is_empty() && !v.contains('*'))
}

/// Lines, joined where they end with a backslash, with the number of the first; none if there are too many.
fn logical_lines(text: &str) -> Option<Vec<(usize, String)>> {
    let mut all: Vec<(usize, String)> = vec![];
    let mut continues = false;
    for (count, (number, line)) in physical_lines(text).enumerate() {
        if count >= MAX_LINES {
            return None;
        }
        // A comment ends a continued line.
        let is_comment = line.trim_start().starts_with('#');
        let (part, more) = match line.strip_suffix('\\').filter(|_| !is_comment) {
            Some(part) => (part, true),
            None => (line, false),
        };
        match all.last_mut().filter(|_| continues && !is_comment) {
            Some((_, joined)) => joined.push_str(part),
            None => all.push((number, part.to_owned())),
        }
        continues = more;
    }
    Some(all)
}

/// Lines as Python's `splitlines` cuts them, with the number that an editor shows: a comment must not hide what follows it for pip.
fn physical_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().flat_map(|(number, line)| line.split(ENDS).map(move |part| (number + 1, part)))
}

/// The encoding that a comment in the first two lines names for pip, unless it is UTF-8.
fn coding(text: &str) -> Option<&str> {
    let names = text.split('\n').take(2).filter(|line| line.trim_start().starts_with('#')).flat_map(|line| {
        line.match_indices("coding").filter_map(|(at, word)| {
            let name = line[at + word.len()..].strip_prefix([':', '='])?.trim_start();
            let end = name.find(|c: char| !c.is_alphanumeric() && !"-_.".contains(c)).unwrap_or(name.len());
            Some(&name[..end])
        })
    });
    let is_utf8 = |name: &&str| ["utf-8", "utf8", "utf_8"].contains(&name.to_ascii_lowercase().as_str());
    names.filter(|name| !name.is_empty()).find(|name| !is_utf8(name))
}

/// A comment begins at the start, or after white space.
fn split_comment(line: &str) -> (&str, &str) {
    let begin = line
        .char_indices()
        .find(|(at, c)| *c == '#' && line[..*at].chars().next_back().is_none_or(char::is_whitespace));
    begin.map_or((line, ""), |(at, _)| (&line[..at], &line[at + 1..]))
}

fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(80).collect::<String>())
}

impl Via {
    /// Notes `via NAME`, or a name in a later line of such a comment.
    fn note(&mut self, current: Option<&str>, comment: &str) {
        let (Some(current), comment) = (current, comment.trim()) else { return };
        let words = match comment.strip_prefix("via") {
            Some(words) if words.is_empty() || words.starts_with(' ') => words.trim(),
            _ if self.is_open => comment,
            _ => return,
        };
        self.is_open = true;
        let is_name = |n: &&str| !n.is_empty() && n.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        let names: Vec<&str> = if words.starts_with("-r ") || words.starts_with("-c ") || words.contains(".in") {
            // A requirements file asks for it: it is explicit.
            vec![current]
        } else {
            words.split(',').map(str::trim).collect()
        };
        if names.iter().all(is_name) {
            let all = self.by.entry(current.to_owned()).or_default();
            all.extend(names.into_iter().map(|n| Ecosystem::pypi().normalise(n)));
        }
    }

    /// Ends a comment.
    fn end(&mut self) {
        self.is_open = false;
    }

    /// A package without such a comment is explicit.
    fn fill(self, out: &mut LockFile) {
        let mut graph = super::graph::Graph::default();
        for package in &out.packages {
            let Some(by) = self.by.get(&package.name) else {
                graph.require(&package.name);
                continue;
            };
            for name in by {
                if *name == package.name { graph.require(name) } else { graph.need(name, &package.name) }
            }
        }
        graph.fill(&mut out.packages);
        let mut needs = BTreeMap::<&str, BTreeSet<&str>>::new();
        for (name, by) in &self.by {
            by.iter().filter(|by| *by != name).for_each(|by| {
                needs.entry(by).or_default().insert(name);
            });
        }
        for package in &mut out.packages {
            // Of a package that stands there twice, the first.
            let of = needs.remove(package.name.as_str()).into_iter().flatten();
            of.for_each(|need| package.need(need, None));
        }
    }
}

#[cfg(test)]
mod tests;
