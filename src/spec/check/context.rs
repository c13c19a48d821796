//! State and small checks that the other checks share.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::ImageRef;
use crate::spec::backing_services::{self, Backing};
use crate::spec::diagnostic::DiagnosticSink;
use crate::spec::model::Environment;
use crate::spec::span::FieldPath;
use crate::spec::{needs, ports, quantity};

/// The description under check, the names that it declares, and the diagnostics so far.
pub(super) struct Checker<'a> {
    pub(super) environment: &'a Environment,
    pub(super) diagnostics: &'a mut DiagnosticSink,
    /// Services, broker and databases.
    pub(super) units: BTreeSet<&'a str>,
    suites: BTreeSet<&'a str>,
    /// Who may call each unit.
    callers: BTreeMap<&'a str, BTreeMap<&'a str, Option<BTreeSet<u16>>>>,
    /// Secrets that can be delivered.
    pub(super) secrets: BTreeSet<String>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(environment: &'a Environment, diagnostics: &'a mut DiagnosticSink) -> Self {
        Self {
            environment,
            diagnostics,
            units: needs::of_units(environment).into_keys().collect(),
            suites: environment.suites.keys().map(String::as_str).collect(),
            callers: needs::callers(environment),
            secrets: secrets(environment),
        }
    }

    /// Returns true if a service or suite may call a unit.
    pub(super) fn may_call(&self, caller: &str, unit: &str) -> bool {
        caller == unit || self.callers.get(unit).is_some_and(|callers| callers.contains_key(caller))
    }

    /// Returns the ports of a unit that a caller may call, if it may not call all of them.
    pub(super) fn only_ports(&self, caller: &str, unit: &str) -> Option<&BTreeSet<u16>> {
        self.callers.get(unit)?.get(caller)?.as_ref()
    }

    /// Checks that a name is that of a unit which can be needed: also that of a job.
    pub(super) fn need(&mut self, at: &FieldPath, entry: &str) {
        match ports::parts(entry) {
            (name, None) if self.environment.jobs.contains_key(name) => {}
            _ => self.callee(at, entry),
        }
    }

    /// Checks an entry that names a unit which can be called, or one of its ports.
    pub(super) fn callee(&mut self, at: &FieldPath, entry: &str) {
        let (name, port) = ports::parts(entry);
        self.unit(at, name);
        if let Some(port) = port.filter(|_| is_literal(entry)) {
            self.port(at, name, port);
        }
    }

    /// Checks that a unit declares a port, by name or number.
    fn port(&mut self, at: &FieldPath, unit: &str, port: &str) {
        let Some(all) = ports::declared(self.environment, unit) else { return };
        if ports::find(self.environment, unit, port).is_some() {
            return;
        }
        let words = |d: &ports::Declared<'_>| d.name.map_or_else(|| d.number.to_string(), str::to_owned);
        let known: Vec<String> = all.iter().map(words).collect();
        let message = format!("`{unit}` declares no port `{port}`");
        match known.is_empty() {
            true => self.diagnostics.add(at, message, format!("declare it under `ports` of `{unit}`")),
            false => self.diagnostics.add_unknown(at, message, port, known.iter().map(String::as_str)),
        }
    }

    /// Checks that a name is that of a service, the broker or a database.
    pub(super) fn unit(&mut self, at: &FieldPath, name: &str) {
        if self.environment.jobs.contains_key(name) {
            let help = "name a service, the broker or a database; only services and jobs can need a job";
            return self.diagnostics.add(
                at,
                format!("`{name}` is a job, which ends by itself and cannot be called"),
                help,
            );
        }
        if self.units.contains(name) || !is_literal(name) {
            return;
        }
        if self.suites.contains(name) {
            let help = "name a service, the broker or a database";
            return self.diagnostics.add(at, format!("`{name}` is a suite, and nothing can call a suite"), help);
        }
        let message = format!("there is no service, broker or database `{name}`");
        self.diagnostics.add_unknown(at, message, name, self.units.iter().copied());
    }

    /// Checks callers of a unit: services, jobs and suites, except itself.
    pub(super) fn callers(&mut self, at: &FieldPath, of: &str, callers: &[String]) {
        for (i, entry) in callers.iter().enumerate() {
            let at = at.index(i);
            let e = self.environment;
            let (name, port) = ports::parts(entry);
            if let Some(port) = port {
                self.port(&at, of, port);
            }
            let calls = e.services.contains_key(name) || e.jobs.contains_key(name);
            if name == of {
                self.diagnostics.add(&at, format!("`{of}` is listed as its own caller"), "remove it");
            } else if self.units.contains(name) && !calls {
                self.diagnostics.add(
                    &at,
                    format!("`{name}` is not a service, job or suite"),
                    "remove it: databases, the broker and backing services make no calls",
                );
            } else if !calls && !self.suites.contains(name) {
                let candidates = e.services.keys().chain(e.jobs.keys()).map(String::as_str);
                let message = format!("there is no service, job or suite `{name}`");
                self.diagnostics.add_unknown(&at, message, name, candidates.chain(self.suites.iter().copied()));
            }
        }
    }

    /// Checks a time limit of at most a day.
    pub(super) fn duration(&mut self, at: &FieldPath, text: &str) {
        if let Err(help) = quantity::duration_ms(text, quantity::LONGEST_LIMIT_MS) {
            self.diagnostics.add(at, format!("`{text}` is not a valid duration"), help);
        }
    }

    pub(super) fn image(&mut self, at: &FieldPath, image: &str) {
        if image.parse::<ImageRef>().is_err() {
            self.diagnostics.add(
                at,
                format!("`{image}` is not an image reference"),
                "write one such as `registry.example/shop/api:1.4`",
            );
        }
    }

    /// Checks the secrets delivered to a service or a suite.
    pub(super) fn secrets(&mut self, at: &FieldPath, names: &[String]) {
        for (i, name) in names.iter().enumerate() {
            self.secret(&at.index(i), name);
        }
    }

    pub(super) fn secret(&mut self, at: &FieldPath, name: &str) {
        if self.secrets.contains(name) {
            return;
        }
        let message = format!("there is no secret `{name}`");
        if name.strip_suffix(".postgres").is_some_and(|d| self.environment.databases.contains_key(d)) {
            return self.diagnostics.add(at, message, "no unit gets the superuser's password; declare a role");
        }
        self.diagnostics.add_unknown(at, message, name, self.secrets.iter().map(String::as_str));
    }

    /// Checks names of environment variables, under `env` and `secretEnv` of a container.
    pub(super) fn env(
        &mut self,
        of: &FieldPath,
        env: &BTreeMap<String, String>,
        secret_env: &BTreeMap<String, String>,
    ) {
        let (at, secret_at) = (of.key("env"), of.key("secretEnv"));
        for name in secret_env.keys().filter(|name| env.contains_key(*name)) {
            let message = format!("the variable `{name}` is under `env` and under `secretEnv`");
            self.diagnostics.add_key(&secret_at.key(name), message, "remove one of the two");
        }
        let all = env.keys().map(|name| (&at, name)).chain(secret_env.keys().map(|name| (&secret_at, name)));
        for (at, name) in all {
            let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if name.is_empty() || !plain || name.starts_with(|c: char| c.is_ascii_digit()) {
                let message = format!("`{name}` cannot be the name of an environment variable");
                self.diagnostics.add_key(
                    &at.key(name),
                    message,
                    "use letters, digits and `_`, and do not begin with a digit",
                );
            }
        }
    }
}

/// Names of all secrets that can be delivered; superusers' passwords cannot.
fn secrets(e: &Environment) -> BTreeSet<String> {
    let users = e.broker.iter().flat_map(|b| b.users.keys().map(|u| format!("{}.{u}", b.name)));
    let roles = e.databases.iter().flat_map(|(name, d)| d.roles.iter().map(move |r| format!("{name}.{r}")));
    let public = e.secrets.iter().filter(|(_, s)| s.key.is_some()).map(|(name, _)| format!("{name}.pub"));
    let all = backing_services::all(e);
    let backing = all.iter().flat_map(Backing::secrets);
    e.secrets.keys().cloned().chain(public).chain(users).chain(roles).chain(backing).collect()
}

/// Returns true if text is complete, without variables that are known only while the suite runs.
pub(super) fn is_literal(text: &str) -> bool {
    !text.contains("${") && !text.contains("{{")
}

/// Returns true if a path is absolute and in its shortest form: no `.`, `..`, `//` or slash at the end.
pub(super) fn is_plain_absolute(path: &str) -> bool {
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")))
        && !path.contains('\0')
}

/// Returns true if a relative path stays in its folder; looks at no file.
pub fn is_inner_path(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && !path.split('/').any(|part| matches!(part, "" | ".."))
        && !path.contains('\0')
}
