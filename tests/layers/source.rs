//! Rust sources as tokens: which modules there are, what each defines, imports and names by path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::graph::Arrow;

type ModulePath = Vec<String>;

/// All sources of a crate, by module.
pub struct Sources {
    modules: BTreeMap<ModulePath, Module>,
}

/// One file.
struct Module {
    file: String,
    /// Every `use`, flattened.
    imports: Vec<Import>,
    /// Paths in code that begin with `crate`, `self`, `super` or the name of a child module.
    paths: Vec<(Vec<String>, usize)>,
    /// Every identifier outside `use`.
    names: BTreeSet<String>,
    /// Items defined at the top of the file.
    defined: BTreeSet<String>,
    /// Child modules that are compiled for tests only.
    tests: BTreeSet<String>,
}

#[derive(Debug)]
struct Import {
    path: Vec<String>,
    /// The name that it has here; `*` for a glob.
    name: String,
    line: usize,
    exported: bool,
}

impl Sources {
    /// Reads every `.rs` file below `src`.
    pub fn read(src: &Path) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        let mut folders = vec![src.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).map_err(|e| e.to_string())? {
                let path = entry.map_err(|e| e.to_string())?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "rs") {
                    let name = path.strip_prefix(src).unwrap().display().to_string();
                    files.insert(name, std::fs::read_to_string(&path).map_err(|e| e.to_string())?);
                }
            }
        }
        Self::parse(files)
    }

    /// Files by path below `src`.
    pub fn parse(files: BTreeMap<String, String>) -> Result<Self, String> {
        let paths: BTreeSet<ModulePath> = files.keys().map(|f| module_of(f)).collect();
        let mut modules = BTreeMap::new();
        for (file, text) in files {
            let tokens: TokenStream = text.parse().map_err(|e| format!("src/{file}: {e}"))?;
            let path = module_of(&file);
            let children = paths
                .iter()
                .filter(|p| p.len() == path.len() + 1 && p.starts_with(&path))
                .map(|p| p[path.len()].clone());
            modules.insert(path.clone(), Module::parse(format!("src/{file}"), tokens, &children.collect()));
        }
        Ok(Self { modules })
    }

    /// Every module's path; the crate's own is empty.
    pub fn modules(&self) -> impl Iterator<Item = &ModulePath> {
        self.modules.keys()
    }

    /// Names of the top-level modules of a release build, the binary's `main` among them.
    pub fn top_level(&self) -> Vec<String> {
        self.modules.keys().filter(|p| p.len() == 1 && !self.is_test(p)).map(|p| p[0].clone()).collect()
    }

    /// Every arrow between two files, in order.
    pub fn arrows(&self) -> Vec<Arrow> {
        let mut arrows = BTreeSet::new();
        for (from, module) in self.modules.iter().filter(|(path, _)| !path.is_empty() && !self.is_test(path)) {
            let mut add = |path: &[String], line: usize| {
                let to = self.resolve(from, path, 0);
                if let Some(to) = to.filter(|to| !to.is_empty() && to != from) {
                    arrows.insert(Arrow { from: from.clone(), file: module.file.clone(), line, to });
                }
            };
            for import in &module.imports {
                let used = |name: &str| !import.exported || module.names.contains(name);
                if import.name != "*" {
                    if used(&import.name) {
                        add(&import.path, import.line);
                    }
                } else if let Some(target) = self.resolve(from, &import.path, 0)
                    && self.modules[&target].defined.iter().any(|n| used(n))
                {
                    add(&import.path, import.line);
                }
            }
            for (path, line) in &module.paths {
                add(path, *line);
            }
        }
        arrows.into_iter().collect()
    }

    /// Returns true if the module, or one around it, is compiled for tests only.
    fn is_test(&self, path: &[String]) -> bool {
        (0..path.len()).any(|n| self.modules.get(&path[..n]).is_some_and(|m| m.tests.contains(&path[n])))
    }

    /// The module whose file defines what `path` names in `from`; none for names outside this crate.
    fn resolve(&self, from: &ModulePath, path: &[String], depth: usize) -> Option<ModulePath> {
        if depth > 20 {
            return None;
        }
        let mut at = from.clone();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" | "dayfly" => {
                at.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|s| s == "super") {
                    at.pop()?;
                    rest = &rest[1..];
                }
            }
            first => {
                // A name of this file: a child module, or something imported here.
                let child = [at.clone(), vec![first.to_owned()]].concat();
                let known = self.modules.contains_key(&child)
                    || self.modules[&at]
                        .imports
                        .iter()
                        .any(|i| i.name == first && i.path.first().is_some_and(|f| f != first));
                if !known {
                    return None;
                }
            }
        }
        self.item(at, rest, depth)
    }

    fn item(&self, mut at: ModulePath, mut rest: &[String], depth: usize) -> Option<ModulePath> {
        while let Some(next) = rest.first() {
            let child = [at.clone(), vec![next.clone()]].concat();
            if !self.modules.contains_key(&child) {
                break;
            }
            at = child;
            rest = &rest[1..];
        }
        let Some(name) = rest.first() else { return Some(at) };
        let module = self.modules.get(&at)?;
        if module.defined.contains(name) {
            return Some(at);
        }
        if let Some(import) = module.imports.iter().find(|i| &i.name == name) {
            let further = [import.path.clone(), rest[1..].to_vec()].concat();
            return self.resolve(&at, &further, depth + 1).or(Some(at));
        }
        for glob in module.imports.iter().filter(|i| i.name == "*") {
            let target = self.resolve(&at, &glob.path, depth + 1);
            if let Some(found) = target.filter(|t| t != &at).and_then(|t| self.defines(t, name, depth + 1)) {
                return Some(found);
            }
        }
        Some(at)
    }

    /// Where `module` has `name` from, if it has it.
    fn defines(&self, module: ModulePath, name: &str, depth: usize) -> Option<ModulePath> {
        let here = &self.modules[&module];
        let has = here.defined.contains(name)
            || here.imports.iter().any(|i| i.name == name)
            || here.imports.iter().any(|i| i.name == "*");
        if !has {
            return None;
        }
        let found = self.item(module, &[name.to_owned()], depth)?;
        self.modules[&found].defined.contains(name).then_some(found)
    }
}

fn module_of(file: &str) -> ModulePath {
    if file == "lib.rs" {
        return vec![];
    }
    file.trim_end_matches(".rs").split('/').map(str::to_owned).collect()
}

impl Module {
    fn parse(file: String, tokens: TokenStream, children: &BTreeSet<String>) -> Self {
        let mut module = Self {
            file,
            imports: vec![],
            paths: vec![],
            names: BTreeSet::new(),
            defined: BTreeSet::new(),
            tests: BTreeSet::new(),
        };
        module.read(&tokens.into_iter().collect::<Vec<_>>(), children, true);
        module
    }

    fn read(&mut self, tokens: &[TokenTree], children: &BTreeSet<String>, top: bool) {
        let mut i = 0;
        while i < tokens.len() {
            if let Some(end) = test_item(&tokens[i..]) {
                self.tests.extend(module_name(&tokens[i..i + end]));
                i += end;
            } else if word(&tokens[i], "use") && starts_item(tokens, i) {
                let end = (i..tokens.len()).find(|n| punct(&tokens[*n], ';')).unwrap_or(tokens.len());
                let exported = top && exported(&tokens[..i]);
                flatten(&tokens[i + 1..end], &[], exported, &mut self.imports);
                i = end + 1;
            } else {
                i += self.token(tokens, i, children, top);
            }
        }
    }

    /// Takes one token, or a whole path; returns how many tokens.
    fn token(&mut self, tokens: &[TokenTree], i: usize, children: &BTreeSet<String>, top: bool) -> usize {
        match &tokens[i] {
            TokenTree::Group(group) => {
                self.read(&group.stream().into_iter().collect::<Vec<_>>(), children, false);
                1
            }
            TokenTree::Ident(ident) => {
                let first = ident.to_string();
                if top
                    && ["struct", "enum", "fn", "trait", "type", "const", "static", "union", "macro_rules"]
                        .contains(&first.as_str())
                {
                    let name = tokens[i + 1..].iter().find_map(|t| match t {
                        TokenTree::Ident(name) if *name != "fn" && *name != "async" && *name != "mut" => {
                            Some(name.to_string())
                        }
                        _ => None,
                    });
                    self.defined.extend(name);
                }
                let mut path = vec![first.clone()];
                let mut n = i + 1;
                while let Some(TokenTree::Ident(next)) = tokens.get(n + 2)
                    && punct(&tokens[n], ':')
                    && punct(&tokens[n + 1], ':')
                {
                    path.push(next.to_string());
                    n += 3;
                }
                let continued = i >= 2 && punct(&tokens[i - 1], ':') && punct(&tokens[i - 2], ':');
                let leads = ["crate", "self", "super"].contains(&first.as_str()) || children.contains(&first);
                if path.len() > 1 && leads && !continued {
                    self.paths.push((path.clone(), ident.span().start().line));
                }
                // `mod x;` names a child and uses nothing of it.
                self.names.extend(path);
                n - i
            }
            _ => 1,
        }
    }
}

/// Number of tokens of an item that is compiled for tests only, with its attributes.
fn test_item(tokens: &[TokenTree]) -> Option<usize> {
    let attribute = |n: usize| match (tokens.get(n), tokens.get(n + 1)) {
        (Some(hash), Some(TokenTree::Group(g))) if punct(hash, '#') => Some(g.stream().to_string().replace(' ', "")),
        _ => None,
    };
    if !["cfg(test)", "cfg(any(test,feature=\"testing\"))"].contains(&attribute(0)?.as_str()) {
        return None;
    }
    let ends = |t: &TokenTree| punct(t, ';') || matches!(t, TokenTree::Group(g) if g.delimiter() == Delimiter::Brace);
    Some((2..tokens.len()).find(|n| ends(&tokens[*n])).map_or(tokens.len(), |n| n + 1))
}

/// The `x` of an item `mod x;`.
fn module_name(item: &[TokenTree]) -> Option<String> {
    match item {
        [.., keyword, TokenTree::Ident(name), end] if word(keyword, "mod") && punct(end, ';') => Some(name.to_string()),
        _ => None,
    }
}

fn word(token: &TokenTree, text: &str) -> bool {
    matches!(token, TokenTree::Ident(i) if *i == text)
}

fn punct(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(p) if p.as_char() == c)
}

/// Returns true if an item can begin here: `use` is also the word of `impl Trait + use<'a>`.
fn starts_item(tokens: &[TokenTree], i: usize) -> bool {
    tokens.get(i + 1).is_some_and(|next| !punct(next, '<'))
}

fn exported(before: &[TokenTree]) -> bool {
    let mut back = before.iter().rev();
    match back.next() {
        Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Parenthesis => {
            back.next().is_some_and(|t| word(t, "pub"))
        }
        Some(token) => word(token, "pub"),
        None => false,
    }
}

/// One import for each name of a `use` tree.
fn flatten(tokens: &[TokenTree], before: &[String], exported: bool, imports: &mut Vec<Import>) {
    for part in tokens.split(|t| punct(t, ',')) {
        let mut path = before.to_vec();
        let mut alias = None;
        let mut line = 0;
        let mut closed = false;
        let mut n = 0;
        while n < part.len() {
            match &part[n] {
                TokenTree::Ident(i) if *i == "as" => {
                    if let Some(TokenTree::Ident(name)) = part.get(n + 1) {
                        alias = Some(name.to_string());
                    }
                    n += 1;
                }
                TokenTree::Ident(i) => {
                    line = i.span().start().line;
                    path.push(i.to_string());
                }
                TokenTree::Punct(p) if p.as_char() == '*' => {
                    imports.push(Import {
                        path: path.clone(),
                        name: "*".into(),
                        line: p.span().start().line,
                        exported,
                    });
                    closed = true;
                }
                TokenTree::Group(g) => {
                    flatten(&g.stream().into_iter().collect::<Vec<_>>(), &path, exported, imports);
                    closed = true;
                }
                _ => {}
            }
            n += 1;
        }
        if closed || path.len() == before.len() {
            continue;
        }
        if path.len() > 1 && path.last().is_some_and(|l| l == "self") {
            path.pop();
        }
        let name = alias.unwrap_or_else(|| path.last().cloned().unwrap_or_default());
        imports.push(Import { path, name, line, exported });
    }
}
