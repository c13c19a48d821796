//! Checks of meaning: names that must exist, orders that must be possible, patterns, durations, quantities.
//!
//! Pure. Each check reports what it finds and goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::fault::{Diagnostic, DiagnosticSink, known};
use super::model::{Environment, Suite};
use super::place::At;
use super::template::SecretUse;
use super::{Overrides, needs, quantity};

mod broker;
mod cases;
mod messaging;
mod names;
mod order;
mod services;
mod steps;
mod suites;

/// What is checked; images and life time of the command line are filled in on the way.
pub struct Checked<'a> {
    /// The description.
    pub environment: &'a mut Environment,
    /// Secrets that steps name.
    pub secrets: &'a [SecretUse],
    /// The command line.
    pub overrides: &'a Overrides,
    /// Where faults go.
    pub found: &'a mut DiagnosticSink,
}

/// Runs every check.
pub fn run(checked: &mut Checked<'_>) {
    images(checked);
    life_time(checked);
    let environment = &*checked.environment;
    let mut check = Check {
        environment,
        found: checked.found,
        units: needs::of_units(environment).into_keys().collect(),
        suites: environment.suites.keys().map(String::as_str).collect(),
        secrets: names::secrets(environment),
    };
    names::check(&mut check);
    services::check(&mut check);
    broker::check(&mut check);
    order::check(&mut check);
    suites::check(&mut check, checked.secrets);
}

fn images(checked: &mut Checked<'_>) {
    for (name, image) in &checked.overrides.images {
        let option = format!("--image {name}");
        if !is_image(image) {
            let help = "write a reference such as `registry.example/shop/api:1.4`";
            checked.found.push(Diagnostic::unplaced(&option, format!("`{image}` is no image reference"), help));
            continue;
        }
        match image_of(checked.environment, name) {
            Some(place) => *place = image.clone(),
            None => {
                let message = format!("the description has no image for `{name}`");
                let help = known(name, with_image(checked.environment));
                checked.found.push(Diagnostic::unplaced(&option, message, help));
            }
        }
    }
}

fn image_of<'a>(e: &'a mut Environment, name: &str) -> Option<&'a mut String> {
    if let Some(broker) = e.broker.as_mut().filter(|b| b.name == name) {
        return Some(&mut broker.image);
    }
    let service = e.services.get_mut(name).map(|s| &mut s.image);
    let other = service.or_else(|| e.databases.get_mut(name).map(|d| &mut d.image));
    other.or_else(|| e.suites.get_mut(name).and_then(|s| s.image.as_mut()))
}

fn with_image(e: &Environment) -> impl Iterator<Item = &str> {
    let judges = |s: &&Suite| s.image.is_some();
    let units = needs::of_units(e).into_keys();
    units.chain(e.suites.iter().filter(move |(_, s)| judges(s)).map(|(n, _)| n.as_str()))
}

fn life_time(checked: &mut Checked<'_>) {
    let given = checked.overrides.ttl.as_ref();
    let text = given.unwrap_or(&checked.environment.ttl).clone();
    if let Err(help) = quantity::duration_ms(&text, quantity::LONGEST_LIFE_MS) {
        let message = format!("`{text}` is no life time");
        match given {
            Some(_) => checked.found.push(Diagnostic::unplaced("--ttl", message, help)),
            None => checked.found.add(&At::root().key("ttl"), message, help),
        }
    }
    checked.environment.ttl = text;
}

/// What the checks share.
struct Check<'a> {
    environment: &'a Environment,
    found: &'a mut DiagnosticSink,
    units: BTreeSet<&'a str>,
    suites: BTreeSet<&'a str>,
    secrets: BTreeSet<String>,
}

impl Check<'_> {
    /// A name that must be a service, the broker or a database.
    fn unit(&mut self, at: &At, name: &str) {
        if self.units.contains(name) || !is_literal(name) {
            return;
        }
        if self.suites.contains(name) {
            let help = "name a service, the broker or a database";
            return self.found.add(at, format!("`{name}` is a suite, which nothing can call"), help);
        }
        let message = format!("`{name}` is no service, broker or database");
        self.found.add_unknown(at, message, name, self.units.iter().copied());
    }

    /// Callers of a unit: services and suites, not itself.
    fn callers(&mut self, at: &At, of: &str, callers: &[String]) {
        for (i, name) in callers.iter().enumerate() {
            let at = at.index(i);
            if name == of {
                self.found.add(&at, format!("`{of}` need not be its own caller"), "remove it");
            } else if self.units.contains(name.as_str()) && !self.environment.services.contains_key(name) {
                self.found.add(
                    &at,
                    format!("`{name}` is no service or suite"),
                    "databases and the broker call nobody; remove it",
                );
            } else if !self.environment.services.contains_key(name) && !self.suites.contains(name.as_str()) {
                let candidates =
                    self.environment.services.keys().map(String::as_str).chain(self.suites.iter().copied());
                self.found.add_unknown(&at, format!("`{name}` is no service or suite"), name, candidates);
            }
        }
    }

    /// A time limit of at most a day.
    fn duration(&mut self, at: &At, text: &str) {
        if let Err(help) = quantity::duration_ms(text, quantity::LONGEST_LIMIT_MS) {
            self.found.add(at, format!("`{text}` is no duration"), help);
        }
    }

    fn image(&mut self, at: &At, image: &str) {
        if !is_image(image) {
            self.found.add(
                at,
                format!("`{image}` is no image reference"),
                "write one such as `registry.example/shop/api:1.4`",
            );
        }
    }

    /// Secrets delivered to a service or a suite.
    fn secrets(&mut self, at: &At, names: &[String]) {
        for (i, name) in names.iter().enumerate() {
            self.secret(&at.index(i), name);
        }
    }

    fn secret(&mut self, at: &At, name: &str) {
        if self.secrets.contains(name) {
            return;
        }
        let message = format!("there is no secret `{name}`");
        if name.strip_suffix(".postgres").is_some_and(|d| self.environment.databases.contains_key(d)) {
            return self.found.add(at, message, "the superuser's password is given to nobody; declare a role");
        }
        self.found.add_unknown(at, message, name, self.secrets.iter().map(String::as_str));
    }

    /// Names of environment variables.
    fn env(&mut self, at: &At, env: &BTreeMap<String, String>) {
        for name in env.keys() {
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if name.is_empty() || !plain || name.starts_with(|c: char| c.is_ascii_digit()) {
                let message = format!("`{name}` cannot be the name of an environment variable");
                self.found.add_key(&at.key(name), message, "use letters, digits and `_`, and no digit first");
            }
        }
    }
}

static IMAGE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,500}$").ok());

fn is_image(text: &str) -> bool {
    IMAGE.as_ref().is_some_and(|r| r.is_match(text))
}

/// False for text whose final form is known only while the suite runs.
fn is_literal(text: &str) -> bool {
    !text.contains("${") && !text.contains("{{")
}

/// An absolute path in its shortest form: no `.`, `..`, `//` or slash at the end.
fn is_plain_absolute(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")))
        && !path.contains('\0')
}

/// A relative path that names something in its folder and below, without looking at any file.
pub fn is_inner_path(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && !path.split('/').any(|part| matches!(part, "" | ".."))
        && !path.contains('\0')
}
