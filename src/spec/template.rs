//! Templates: `{{name}}` in the text of scalars becomes a value, after the YAML was parsed.
//!
//! Pure. A value is inserted into one scalar and nowhere else, so it can never change the structure. Only plain
//! names pass; `{{secret "name"}}` is left for the run where a unit or a suite may hold secrets.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use handlebars::{Context, Handlebars, Helper, HelperResult, Output, RenderContext, no_escape};
use regex::Regex;
use serde_json::json;

use super::diagnostic::DiagnosticSink;
use super::secret_use::{Holder, SecretUse, Section};
use super::span::FieldPath;
use super::yaml::{Kind, Node};

/// Reserved names: dayfly or the template language defines them.
pub const RESERVED: [&str; 30] = [
    "pr",
    "commit",
    "environment",
    "secret",
    "true",
    "false",
    "null",
    "this",
    "else",
    "as",
    "if",
    "unless",
    "each",
    "with",
    "lookup",
    "raw",
    "eq",
    "ne",
    "gt",
    "gte",
    "lt",
    "lte",
    "and",
    "or",
    "not",
    "len",
    "log",
    "inline",
    "root",
    "undefined",
];
/// All insertions together may add this many bytes, each counted as [`LEAST_INSERTED`] or more, for the time it takes.
const MAX_INSERTED: usize = 4 << 20;
const LEAST_INSERTED: usize = 512;

static NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^\{\{[ \t]*([A-Za-z_][A-Za-z0-9_-]*)[ \t]*\}\}").ok());
static SECRET: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^\{\{[ \t]*secret[ \t]+"([^"{}\\]*)"[ \t]*\}\}"#).ok());

/// Fills the values into every scalar below `root`, except its own header and `values`.
pub fn expand(root: &mut Node, values: &BTreeMap<String, String>, diagnostics: &mut DiagnosticSink) -> Vec<SecretUse> {
    let longest = values.values().map(String::len).max().unwrap_or(0).max(LEAST_INSERTED);
    let context = Context::from(json!(values));
    let mut expander =
        Expander { values, diagnostics, engine: engine(), context, secrets: Vec::new(), inserted: 0, longest };
    if let Kind::Map(entries) = &mut root.kind {
        for e in entries.iter_mut().filter(|e| !matches!(e.key.as_str(), "apiVersion" | "kind" | "name" | "values")) {
            let at = FieldPath::root().key(&e.key);
            match (&mut e.value.kind, Section::of(&e.key)) {
                (Kind::Map(entries), Some(section)) => entries.iter_mut().for_each(|entry| {
                    let holder = Holder { section, name: entry.key.clone() };
                    expander.entry(&holder, &mut entry.value, &at.key(&entry.key), &[]);
                }),
                _ => expander.node(&mut e.value, &at, None),
            }
        }
    }
    expander.secrets
}

fn engine() -> Handlebars<'static> {
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.register_escape_fn(no_escape);
    engine.register_helper("secret", Box::new(left_for_the_runner));
    engine
}

fn left_for_the_runner(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let name = helper.param(0).and_then(|p| p.value().as_str()).unwrap_or_default();
    Ok(out.write(&format!("{{{{secret \"{name}\"}}}}"))?)
}

struct Expander<'a> {
    values: &'a BTreeMap<String, String>,
    diagnostics: &'a mut DiagnosticSink,
    engine: Handlebars<'static>,
    context: Context,
    secrets: Vec<SecretUse>,
    inserted: usize,
    /// Bytes of the longest value.
    longest: usize,
}

impl Expander<'_> {
    /// Fills a part of a service or suite, which is at `path` in it; the places of secrets are at most three keys deep.
    fn entry(&mut self, holder: &Holder, node: &mut Node, at: &FieldPath, path: &[&str]) {
        if holder.section.holds_secrets(path) {
            return self.node(node, at, Some(holder));
        }
        match &mut node.kind {
            Kind::Map(entries) if path.len() < 3 => entries.iter_mut().for_each(|e| {
                self.entry(holder, &mut e.value, &at.key(&e.key), &[path, &[e.key.as_str()]].concat());
            }),
            _ => self.node(node, at, None),
        }
    }

    fn node(&mut self, node: &mut Node, at: &FieldPath, holder: Option<&Holder>) {
        match &mut node.kind {
            Kind::Broken => {}
            Kind::Seq(items) => items.iter_mut().enumerate().for_each(|(i, n)| self.node(n, &at.index(i), holder)),
            Kind::Map(entries) => entries.iter_mut().for_each(|e| self.node(&mut e.value, &at.key(&e.key), holder)),
            Kind::Scalar { text, plain } => {
                if !text.contains("{{") {
                    return;
                }
                if self.is_sound(text, at, holder) {
                    self.fill(text, at);
                } else {
                    self.diagnostics.set_unsound(at);
                }
                *plain = false;
            }
        }
    }

    /// Accepts only plain names and secrets for the template engine.
    fn is_sound(&mut self, text: &str, at: &FieldPath, holder: Option<&Holder>) -> bool {
        let before = self.diagnostics.list.len() + self.diagnostics.omitted;
        let (mut rest, mut behind) = (text, "");
        while let Some(open) = rest.find("{{") {
            if rest[..open].ends_with('\\') || (open == 0 && behind.ends_with('\\')) {
                self.diagnostics.add(
                    at,
                    "a backslash stands before `{{`",
                    "put the text into a file given by `path`: templates in files are not expanded",
                );
            }
            rest = &rest[open..];
            let length = self.expression(rest, at, holder);
            (behind, rest) = rest.split_at(length);
        }
        before == self.diagnostics.list.len() + self.diagnostics.omitted
    }

    /// Checks the expression at the beginning of `text` and returns its length.
    fn expression(&mut self, text: &str, at: &FieldPath, holder: Option<&Holder>) -> usize {
        let matched = |of: &LazyLock<Option<Regex>>| of.as_ref().and_then(|r| r.captures(text));
        if let Some((all, name)) = matched(&NAME).and_then(|c| Some((c.get(0)?, c.get(1)?.as_str()))) {
            self.variable(name, at);
            return all.end();
        }
        if let Some((all, name)) = matched(&SECRET).and_then(|c| Some((c.get(0)?, c.get(1)?.as_str()))) {
            match holder {
                Some(holder) => {
                    self.secrets.push(SecretUse { at: at.clone(), holder: holder.clone(), name: name.to_owned() })
                }
                None => self.diagnostics.add(
                    at,
                    "a secret cannot be inserted here; only `secretEnv`, the `text` of a file and the steps of a suite may name one",
                    format!("list `{name}` under `secrets`, and read it from `/run/secrets/{name}` or insert it in `secretEnv`"),
                ),
            }
            return all.end();
        }
        let end = text.find("}}").map_or(text.len(), |i| i + 2);
        let shown: String = text[..end].chars().take(40).collect();
        let help = "only `{{name}}` and, in `secretEnv`, files and steps, `{{secret \"name\"}}` are templates; text that needs `{{` itself goes into a file given by `path`";
        self.diagnostics.add(at, format!("`{shown}` is not a template that dayfly accepts"), help);
        end
    }

    fn variable(&mut self, name: &str, at: &FieldPath) {
        if !self.values.contains_key(name) {
            let message = format!("the template uses `{name}`, but there is no such value");
            self.diagnostics.add_unknown(at, message, name, self.values.keys().map(String::as_str));
        }
    }

    fn fill(&mut self, text: &mut String, at: &FieldPath) {
        let before = self.inserted;
        self.inserted += text.matches("{{").count() * self.longest;
        if self.inserted > MAX_INSERTED {
            if before <= MAX_INSERTED {
                self.diagnostics.add(
                    at,
                    "there are too many templates up to here, or they insert too much",
                    "use shorter values, or fewer templates",
                );
            }
            return self.diagnostics.set_unsound(at);
        }
        match self.filled(text) {
            Ok(filled) => *text = filled,
            Err(e) => self.diagnostics.add(
                at,
                format!("the template cannot be filled in: {e}"),
                "write plain `{{name}}` templates",
            ),
        }
    }

    /// One expression at a time: the engine takes quadratic time over many in one text.
    fn filled(&self, text: &str) -> Result<String, handlebars::RenderError> {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(open) = rest.find("{{") {
            let end = rest[open..].find("}}").map_or(rest.len(), |i| open + i + 2);
            out.push_str(&rest[..open]);
            out.push_str(&self.engine.render_template_with_context(&rest[open..end], &self.context)?);
            rest = &rest[end..];
        }
        out.push_str(rest);
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserves_every_special_name_of_the_template_engine() {
        let text = |name: &str| format!("{{{{{name}}}}}");
        for name in [
            "if", "unless", "each", "with", "lookup", "raw", "log", "eq", "and", "len", "else", "true", "this",
            "secret",
        ] {
            assert!(RESERVED.contains(&name), "{name}");
        }
        let values = BTreeMap::from([("tag".to_owned(), "v1 & \"2\" <3>".to_owned())]);
        assert_eq!(engine().render_template(&text("tag"), &values).ok().as_deref(), Some("v1 & \"2\" <3>"));
        assert!(engine().render_template(&text("missing"), &values).is_err());
    }
}
