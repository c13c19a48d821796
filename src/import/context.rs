//! State of an import: names, values, secrets and notes of the whole input.

use std::collections::BTreeMap;

use super::draft::Service;
use super::generated::Secrets;
use super::hosts::{self, Mention};
use super::names::Names;
use super::notes::Notes;
use super::secret;
use super::source::Folder;
use super::variables::{Masked, Values};
use crate::spec::backing::KindName;

/// Longest value of a variable that is copied, in bytes.
pub(super) const MAX_VALUE: usize = 16 << 10;
/// Most variables of a service.
pub(super) const MAX_VARIABLES: usize = 1000;
/// Most units, and objects of manifests.
pub(super) const MAX_UNITS: usize = 200;
/// Most bytes of values, commands and files that are copied: a description of more could not be read.
const MAX_COPIED: usize = 768 << 10;
/// Why something is not copied.
pub(super) const TOO_MUCH: &str =
    "the draft would be larger than a description may be: put it into a file given by `path`";
const ILLEGAL: &str = "its name cannot be that of an environment variable";
const TEMPLATE: &str = "`{{`, which a description cannot";

#[derive(Debug)]
pub(super) struct Context {
    pub(super) names: Names,
    pub(super) values: Values,
    pub(super) secrets: Secrets,
    pub(super) notes: Notes,
    pub(super) folder: Folder,
    /// The port at which a unit is first called.
    pub(super) called: BTreeMap<String, u16>,
    /// Backing services by unit.
    pub(super) backing: BTreeMap<String, KindName>,
    /// Bytes that may still be copied.
    left: usize,
}

impl Context {
    pub(super) fn new(folder: Folder) -> Self {
        Self {
            names: Names::default(),
            values: Values::default(),
            secrets: Secrets::default(),
            notes: Notes::default(),
            folder,
            called: BTreeMap::new(),
            backing: BTreeMap::new(),
            left: MAX_COPIED,
        }
    }

    /// Takes bytes from what may still be copied; false if there are not as many.
    pub(super) fn affords(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    /// Adds a variable to a service: as it is, or with secrets in place of what looks like one. Its hosts become needs.
    pub(super) fn variable(&mut self, service: &mut Service, (line, place): (usize, &str), name: &str, raw: &str) {
        if !is_variable(name) {
            // What is unlike a name may be a part of a value.
            let is_like = name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
            let place = if is_like { place } else { &format!("{}.environment", service.name) };
            return self.notes.drop(line, place, ILLEGAL);
        }
        if service.env.iter().chain(&service.secret_env).any(|(known, _)| known == name) {
            return;
        }
        if service.env.len() + service.secret_env.len() >= MAX_VARIABLES {
            return self.notes.drop(line, place, format!("there are more than {MAX_VARIABLES} variables"));
        }
        if raw.len() > 2 * MAX_VALUE || Values::fill(raw).literal.len() > MAX_VALUE {
            return self.notes.drop(line, place, "its value is longer than 16 KiB: put it into a file");
        }
        if !self.affords(raw.len() + name.len()) {
            return self.notes.drop(line, place, TOO_MUCH);
        }
        self.notes.map();
        let filled = Values::fill(raw);
        let masked = Masked::new(raw);
        let places = masked.secrets();
        let is_whole = is_secret(name, &[], &filled.literal) && !masked.text.contains("://")
            || places.first().is_some_and(|at| *at == (0..masked.text.len()))
            || (places.is_empty() && is_secret(name, &filled.names, &filled.literal));
        if !is_whole && places.is_empty() {
            if let Some(value) = self.with_login(service, name, raw) {
                service.secret_env.push((name.to_owned(), value));
                return;
            }
            match self.text(service, name, raw) {
                Some(value) => service.env.push((name.to_owned(), value)),
                None => service.ask("env", format!("{name} contains {TEMPLATE}: put it into a file given by `path`")),
            }
            return;
        }
        if !is_whole {
            if let Some(value) = self.pieces(service, name, &masked, &places) {
                service.secret_env.push((name.to_owned(), value));
                return;
            }
            service.ask("env", format!("{name} holds a secret beside {TEMPLATE}: may the whole be any text?"));
        }
        let secret = self.secrets.of(name, &Values::identity(raw));
        service.receives(&secret);
        service.secret_env.push((name.to_owned(), format!("{{{{secret \"{secret}\"}}}}")));
    }

    /// The address of a backing service with the password that it asks for here; none if the value is something else.
    fn with_login(&mut self, service: &mut Service, name: &str, raw: &str) -> Option<String> {
        let (before, secret, after) = login(raw, self)?;
        // The `@` makes the host of the rest an address.
        let (before, after) = (self.text(service, name, before)?, self.text(service, name, &format!("@{after}"))?);
        service.receives(&secret);
        Some(format!("{before}:{{{{secret \"{secret}\"}}}}{after}"))
    }

    /// A value with generated secrets in these places; none if it cannot be written.
    fn pieces(
        &mut self,
        service: &mut Service,
        name: &str,
        masked: &Masked,
        places: &[std::ops::Range<usize>],
    ) -> Option<String> {
        let ends = places.iter().map(|at| at.end);
        let starts = places.iter().map(|at| at.start).chain([masked.text.len()]);
        let texts: Vec<String> = std::iter::once(0).chain(ends).zip(starts).map(|(a, b)| masked.unmask(a..b)).collect();
        // A host follows its password: it is looked for in the whole.
        let whole: Vec<String> = texts.iter().map(|text| Values::fill(text).literal).collect();
        self.calls(service, name, &whole.join("x"));
        let mut written = vec![];
        for text in &texts {
            written.push(self.text(service, name, text)?);
        }
        // Three braces are no template.
        if written.iter().take(places.len()).any(|text| text.ends_with('{')) {
            return None;
        }
        let mut value = String::new();
        for (number, text) in written.iter().enumerate() {
            value.push_str(text);
            if let Some(at) = places.get(number) {
                let secret =
                    self.secrets.of(&format!("{name}_password"), &Values::identity(&masked.unmask(at.clone())));
                service.receives(&secret);
                value.push_str(&format!("{{{{secret \"{secret}\"}}}}"));
            }
        }
        Some(value)
    }

    /// A text that is not secret, with hosts as the draft names them, which become needs, and templates for its variables. None
    /// if it cannot be written.
    pub(super) fn text(&mut self, service: &mut Service, key: &str, raw: &str) -> Option<String> {
        self.calls(service, key, &Values::fill(raw).literal);
        let mentions = hosts::mentions(raw, Some(key), &self.names);
        self.values.declare(&hosts::renamed(raw, &mentions))
    }

    /// Notes the units that a value names.
    fn calls(&mut self, service: &mut Service, key: &str, literal: &str) {
        for Mention { unit, port, .. } in hosts::mentions(literal, Some(key), &self.names) {
            service.needs(&unit, false, Some(key));
            if let Some(port) = port {
                self.called.entry(unit).or_insert(port);
            }
        }
    }

    /// Words of a command, each like [`Context::text`]; a word that holds a secret becomes a question.
    pub(super) fn words(&mut self, service: &mut Service, words: &[String]) -> Vec<String> {
        let mut out = vec![];
        let mut option = String::new();
        for word in words {
            let key = if option.is_empty() { "command".to_owned() } else { option.clone() };
            let (name, value) =
                word.split_once('=').map_or((key.as_str(), word.as_str()), |(name, value)| (name, value));
            if !self.affords(word.len()) {
                service.ask("command", TOO_MUCH);
                break;
            }
            let filled = Values::fill(value);
            let is_secret = Masked::new(word).holds_secret()
                || (word.len() < 500
                    && (name.starts_with('-') || word.contains('='))
                    && is_secret(name, &filled.names, &filled.literal))
                || (!option.is_empty() && is_secret(&option, &filled.names, &filled.literal));
            option = if word.starts_with('-') && !word.contains('=') { word.clone() } else { String::new() };
            if is_secret {
                let is_option =
                    name.starts_with('-') && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
                let what = if is_option { name } else { "the command" };
                service.ask(
                    "command",
                    format!("{what} held a secret, which is not copied: can the image read it from a file?"),
                );
                out.push("change-me".to_owned());
                continue;
            }
            let written = match word.split_once('=') {
                Some((name, value)) => {
                    let written = self.text(service, name, value);
                    written.map(|value| format!("{}={value}", Values::fill(name).literal))
                }
                None => self.text(service, &key, word),
            };
            // A script names hosts in lines of their own.
            if word.contains(['\n', ' ']) {
                for unit in hosts::mentions_in_lines(&Values::fill(word).literal, &self.names) {
                    service.needs(&unit, false, Some("command"));
                }
            }
            match written {
                Some(word) => out.push(word),
                None => {
                    service.ask("command", format!("a word contains {TEMPLATE}: put the command into a file"));
                    out.push("change-me".to_owned());
                }
            }
        }
        out
    }
}

fn is_variable(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(legal) && !name.is_empty() && name.len() <= 200 && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// Returns true if a value is probably a secret, by its own name or that of its variables.
fn is_secret(name: &str, variables: &[String], literal: &str) -> bool {
    let named = secret::is_name(name) || variables.iter().any(|v| secret::is_name(v));
    named && !secret::is_harmless(literal) && !literal.starts_with("/run/secrets/")
}

/// The secret that is the password of a Redis.
pub(super) fn password_of(unit: &str) -> String {
    format!("{unit}.password")
}

/// Finds the address of a backing service without a password: the text before it, the secret, and the text after it.
fn login<'t>(text: &'t str, cx: &Context) -> Option<(&'t str, String, &'t str)> {
    let start = text.find("redis://")? + "redis://".len();
    let (before, rest) = text.split_at(start);
    let rest = rest.strip_prefix(":@").unwrap_or(rest);
    let host = rest.split([':', '/', '?', ' ', ',']).next()?;
    let unit = cx.names.unit(host).filter(|unit| cx.backing.contains_key(*unit))?;
    Some((before, password_of(unit), rest))
}
