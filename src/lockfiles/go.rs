//! `go.mod` and `go.sum`. Pure.
//!
//! `go.mod` lists every module of a build since Go 1.17. `go.sum` lists every module that was looked at, so that it names versions that
//! no build has; it is read where `go.mod` is older, or by itself.

use std::collections::BTreeMap;

use super::error::Fault;
use super::kind::LockFile;

/// A module that replaces another: name and version; none for a folder.
type Replacement = Option<(String, String)>;

/// Reads `go.mod`.
pub(super) fn read_mod(text: &str, out: &mut LockFile) -> Result<(), Fault> {
    let mut block: Option<String> = None;
    let (mut required, mut replaced) = (vec![], BTreeMap::<(String, Option<String>), Replacement>::new());
    let mut has_module = false;
    for (number, raw) in text.lines().enumerate() {
        let line = number + 1;
        let fault = |why: &str| Fault { line: Some(line), why: why.to_owned() };
        let (code, comment) = raw.split_once("//").unwrap_or((raw, ""));
        let mut words = words(code).map_err(fault)?;
        match (words.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), &block) {
            ([], _) | ([_, "(", ")"], None) => continue,
            ([")"], Some(_)) => {
                block = None;
                continue;
            }
            ([verb, "("], None) => {
                block = Some((*verb).to_owned());
                continue;
            }
            ([..], Some(verb)) => words.insert(0, verb.clone()),
            _ => {}
        }
        if words.iter().any(|w| w == "(" || w == ")") {
            return Err(fault("a parenthesis is where Go has none"));
        }
        match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["module", _] => has_module = true,
            ["require", name, version] => {
                required.push((name.to_owned(), version.to_owned(), comment.trim().starts_with("indirect"), line));
            }
            ["replace", name, "=>", ref to @ ..] => {
                replaced.insert(
                    (name.to_owned(), None),
                    replacement(to).ok_or_else(|| fault("this replacement has no target"))?,
                );
            }
            ["replace", name, version, "=>", ref to @ ..] => {
                let to = replacement(to).ok_or_else(|| fault("this replacement has no target"))?;
                replaced.insert((name.to_owned(), Some(version.to_owned())), to);
            }
            ["require", ..] => return Err(fault("expected a module and its version")),
            // They name nothing that is built in.
            ["go" | "toolchain" | "exclude" | "retract" | "tool" | "godebug" | "ignore", ..] => {}
            _ => return Err(fault("dayfly does not know this line")),
        }
    }
    if !has_module {
        return Err("it has no line `module`".into());
    }
    if !required.is_empty() && !is_complete(text) {
        out.gap("before Go 1.17 it does not list every module of a build; go.sum does", None);
    }
    for (name, version, indirect, line) in required {
        let exact = (name.clone(), Some(version.clone()));
        let to = replaced.get(&exact).or_else(|| replaced.get(&(name.clone(), None)));
        let (real, version) = match to {
            // A folder of this machine is the project's own code.
            Some(None) => continue,
            Some(Some((real, version))) => (real.clone(), version.clone()),
            None => (name.clone(), version),
        };
        if let Some(package) = out.add(&real, &version, Some(line)).filter(|_| !indirect) {
            package.brought_by = vec![name];
        }
    }
    Ok(())
}

/// The words of a line; parentheses are words of their own.
fn words(code: &str) -> Result<Vec<String>, &'static str> {
    let spaced = code.replace('(', " ( ").replace(')', " ) ");
    let plain = |word: &str| match word.chars().next().filter(|c| ['"', '`'].contains(c)) {
        Some(quote) => word[1..].strip_suffix(quote).filter(|w| !w.contains('\\')).map(str::to_owned),
        None => Some(word.to_owned()),
    };
    let words: Option<Vec<String>> = spaced.split_whitespace().map(plain).collect();
    words.filter(|all| all.iter().all(|w| !w.contains(['"', '`']))).ok_or("it has a string that dayfly does not read")
}

fn replacement(to: &[&str]) -> Option<Replacement> {
    match to {
        [name, version] => Some(Some(((*name).to_owned(), (*version).to_owned()))),
        [_folder] => Some(None),
        _ => None,
    }
}

/// Reads `go.sum`: modules whose content has a hash, and not only their `go.mod`.
pub(super) fn read_sum(text: &str, out: &mut LockFile) -> Result<(), Fault> {
    for (number, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, version, hash] = words[..] else {
            return Err(Fault { line: Some(number + 1), why: "expected a module, its version and a hash".into() });
        };
        if version.ends_with("/go.mod") {
            continue;
        }
        if let Some(package) = out.add(name, version, Some(number + 1)) {
            package.locked_mut().hash(hash);
        }
    }
    Ok(())
}

/// Returns true if `go.mod` lists every module of a build: since Go 1.17.
pub fn is_complete(text: &str) -> bool {
    let version = text.lines().find_map(|l| l.trim().strip_prefix("go ").map(str::trim));
    let mut parts = version.unwrap_or("1.0").split(['.', ' ', '/']).map(|p| p.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (1, 17)
}
