//! State of an import: names, values, secrets and notes of the whole input.

use std::collections::BTreeMap;

use super::draft::Service;
use super::hosts::{self, Mention};
use super::names::Names;
use super::notes::Notes;
use super::secret::{self, Secrets};
use super::source::Folder;
use super::variables::Values;

/// Longest value of a variable that is copied, in bytes.
pub(super) const MAX_VALUE: usize = 16 << 10;

#[derive(Debug)]
pub(super) struct Context {
    pub(super) names: Names,
    pub(super) values: Values,
    pub(super) secrets: Secrets,
    pub(super) notes: Notes,
    pub(super) folder: Folder,
    /// The port at which a unit is first called.
    pub(super) called: BTreeMap<String, u16>,
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
        }
    }

    /// Adds a variable to a service: as it is, or with secrets in place of what looks like one. Its hosts become needs.
    pub(super) fn variable(&mut self, service: &mut Service, (line, place): (usize, &str), name: &str, raw: &str) {
        let legal = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if name.is_empty() || !legal || name.starts_with(|c: char| c.is_ascii_digit()) {
            return self.notes.drop(line, place, "its name cannot be that of an environment variable");
        }
        if service.env.iter().chain(&service.secret_env).any(|(known, _)| known == name) {
            return;
        }
        let filled = Values::fill(raw);
        if filled.literal.len() > MAX_VALUE {
            return self.notes.drop(line, place, "its value is longer than 16 KiB: put it into a file");
        }
        self.notes.map();
        let masked = Values::mask(raw);
        if let Some(at) = secret::password_in(&masked.text) {
            let end = at.end..masked.text.len();
            let (before, password, after) = (masked.unmask(0..at.start), masked.unmask(at), masked.unmask(end));
            let secret = self.secrets.of(&format!("{name}_password"), &Values::identity(&password));
            let text = self.text(service, name, &before);
            let tail = self.text(service, name, &after);
            // The host follows the password: it is looked for in the whole.
            let whole = format!("{}x{}", Values::fill(&before).literal, Values::fill(&after).literal);
            self.calls(service, name, &whole);
            if let (Some(before), Some(after)) = (text, tail) {
                service.receives(&secret);
                service.secret_env.push((name.to_owned(), format!("{before}{{{{secret \"{secret}\"}}}}{after}")));
                return;
            }
        } else if is_secret(name, &filled.names, &filled.literal) {
            let secret = self.secrets.of(name, &Values::identity(raw));
            service.receives(&secret);
            service.secret_env.push((name.to_owned(), format!("{{{{secret \"{secret}\"}}}}")));
            return;
        } else if let Some(value) = self.text(service, name, raw) {
            service.env.push((name.to_owned(), value));
            return;
        }
        service.ask(
            "env",
            format!("{name} contains `{{{{`, which a description cannot: put it into a file given by `path`"),
        );
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
            let filled = Values::fill(value);
            let is_secret = secret::password_in(&Values::mask(word).text).is_some()
                || (word.len() < 500
                    && (name.starts_with('-') || word.contains('='))
                    && is_secret(name, &filled.names, &filled.literal))
                || (!option.is_empty() && is_secret(&option, &filled.names, &filled.literal));
            option = if word.starts_with('-') && !word.contains('=') { word.clone() } else { String::new() };
            if is_secret {
                let what = if name == "command" { "the command" } else { name };
                service.ask(
                    "command",
                    format!("{what} held a secret, which is not copied: can the image read it from a file?"),
                );
                out.push("change-me".to_owned());
                continue;
            }
            let written = match word.split_once('=') {
                Some((name, value)) => self.text(service, name, value).map(|value| format!("{name}={value}")),
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
                    service.ask(
                        "command",
                        "a word contains `{{`, which a description cannot: put the command into a file",
                    );
                    out.push("change-me".to_owned());
                }
            }
        }
        out
    }
}

/// Returns true if a value is probably a secret, by its own name or that of its variables.
fn is_secret(name: &str, variables: &[String], literal: &str) -> bool {
    let named = secret::is_name(name) || variables.iter().any(|v| secret::is_name(v));
    named && !secret::is_harmless(literal) && !literal.starts_with("/run/secrets/")
}
