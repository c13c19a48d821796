//! Credentials and addresses of units that the holder may not call, and secrets that a service names but does not receive.

use std::collections::BTreeMap;

use super::super::access::{closed_port, steps, unit_reached};
use super::super::address::{host_and_port, of_url};
use super::super::context::Checker;
use crate::spec::backing_services;
use crate::spec::model::FileSource;
use crate::spec::secret_text;
use crate::spec::span::FieldPath;

/// Where secrets are.
const SECRETS: &str = "/run/secrets/";

/// A container that receives secrets and settings.
struct Holder<'a> {
    at: FieldPath,
    name: &'a str,
    secrets: &'a [String],
    tls: bool,
    env: &'a BTreeMap<String, String>,
    secret_env: &'a BTreeMap<String, String>,
    command: Vec<(FieldPath, &'a str)>,
    files: Vec<(FieldPath, &'a str)>,
}

pub(super) fn check(check: &mut Checker<'_>) {
    let e = check.environment;
    for (name, s) in &e.services {
        let at = FieldPath::root().key("services").key(name);
        let (files, tls) = (texts(&at, &s.files), s.tls);
        let (env, secret_env) = (&s.env, &s.secret_env);
        let command = words(&at, [("command", &s.command), ("entrypoint", &s.entrypoint), ("args", &s.args)]);
        holder(check, &Holder { at, name, secrets: &s.secrets, tls, env, secret_env, command, files });
    }
    for (name, j) in &e.jobs {
        let at = FieldPath::root().key("jobs").key(name);
        let (files, env, secret_env) = (texts(&at, &j.files), &j.env, &j.secret_env);
        let command = words(&at, [("command", &j.command), ("entrypoint", &j.entrypoint), ("args", &j.args)]);
        holder(check, &Holder { at, name, secrets: &j.secrets, tls: false, env, secret_env, command, files });
    }
    for (name, s) in &e.suites {
        let at = FieldPath::root().key("suites").key(name);
        if s.image.is_some() {
            let (files, env, secret_env) = (vec![], &s.env, &s.secret_env);
            let command = words(&at, [("command", &s.command), ("entrypoint", &s.entrypoint), ("args", &s.args)]);
            holder(check, &Holder { at, name, secrets: &s.secrets, tls: false, env, secret_env, command, files });
        } else {
            positions(check, &at, name);
        }
    }
}

fn holder(check: &mut Checker<'_>, of: &Holder<'_>) {
    for (i, secret) in of.secrets.iter().enumerate() {
        let Some(unit) = owner(check, secret).filter(|unit| !check.may_call(of.name, unit)) else { continue };
        let message = format!("`{}` receives `{secret}`, but may not call `{unit}`", of.name);
        let help = access(of.name, &unit);
        check.diagnostics.warn(&of.at.key("secrets").index(i), message, help);
    }
    let env = of.env.iter().map(|(key, value)| (of.at.key("env").key(key), value.as_str()));
    let secret_env = of.secret_env.iter().map(|(key, value)| (of.at.key("secretEnv").key(key), value.as_str()));
    let texts: Vec<(FieldPath, &str)> =
        env.chain(secret_env).chain(of.command.iter().cloned()).chain(of.files.iter().cloned()).collect();
    for (at, text) in texts {
        // Without its secrets, an address that contains them is one word.
        let text = &secret_text::fill(text, |_| Some("secret")).unwrap_or_default();
        for secret in secrets_named(text) {
            missing_secret(check, &at, of, secret);
        }
        for unit in units_named(check, text).filter(|unit| !check.may_call(of.name, unit)).collect::<Vec<_>>() {
            let message = format!("`{}` is told to call `{unit}`, but may not", of.name);
            check.diagnostics.warn(&at, message, access(of.name, unit));
        }
    }
}

/// The texts of files, with their paths.
fn texts<'a>(at: &FieldPath, files: &'a BTreeMap<String, FileSource>) -> Vec<(FieldPath, &'a str)> {
    let text = |(target, source): (&String, &'a FileSource)| {
        Some((at.key("files").key(target).key("text"), source.text.as_deref()?))
    };
    files.iter().filter_map(text).collect()
}

/// The words of a command, with their paths.
fn words<'a>(at: &FieldPath, lists: [(&str, &'a Vec<String>); 3]) -> Vec<(FieldPath, &'a str)> {
    let list = |(key, words): (&str, &'a Vec<String>)| {
        let at = at.key(key);
        words.iter().enumerate().map(move |(i, word)| (at.index(i), word.as_str())).collect::<Vec<_>>()
    };
    lists.into_iter().flat_map(list).collect()
}

fn access(caller: &str, unit: &str) -> String {
    format!("add `{unit}` to the `needs` of `{caller}`, or `{caller}` to the `callers` of `{unit}`")
}

fn missing_secret(check: &mut Checker<'_>, at: &FieldPath, of: &Holder<'_>, secret: &str) {
    let is_own_certificate = matches!(secret, "tls.crt" | "tls.key");
    if secret == "ca.crt" || of.secrets.iter().any(|s| s == secret) || (of.tls && is_own_certificate) {
        return;
    }
    let message = format!("`{}` names the file {SECRETS}{secret}, but does not receive it", of.name);
    let help = match (is_own_certificate, check.secrets.contains(secret)) {
        (true, _) if of.at.as_str().starts_with("services.") => "add `tls: true`".to_owned(),
        (_, true) => format!("add `{secret}` to its `secrets`"),
        _ => "there is no such secret; declare it under `secrets`, and list it in the service's".to_owned(),
    };
    check.diagnostics.warn(at, message, help);
}

/// The broker, database or backing service that a secret is a password of.
fn owner(check: &Checker<'_>, secret: &str) -> Option<String> {
    let (unit, _) = secret.split_once('.')?;
    let e = check.environment;
    let is_server = e.databases.contains_key(unit) || e.broker.as_ref().is_some_and(|b| b.name == unit);
    let is_owner = is_server || backing_services::find(e, unit).is_some();
    (is_owner && !e.secrets.contains_key(secret)).then(|| unit.to_owned())
}

/// Names of secrets whose files a text names.
fn secrets_named(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(SECRETS).filter_map(move |(at, _)| {
        let rest = text.get(at + SECRETS.len()..)?;
        let end =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-')).unwrap_or(rest.len());
        let name = rest.get(..end)?.trim_end_matches('.');
        // A folder below it is not dayfly's.
        (!name.is_empty() && !rest.get(end..)?.starts_with('/')).then_some(name)
    })
}

/// Units whose address a text names, as a URL or as `host:port`.
fn units_named<'t>(check: &Checker<'t>, text: &'t str) -> impl Iterator<Item = &'t str> + use<'t> {
    let units = check.units.clone();
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '\'' | '='));
    let hosts = words.filter_map(|word| of_url(word).map(|to| to.host).or_else(|| host_and_port(word).map(|(h, _)| h)));
    hosts.filter(move |host| units.contains(host))
}

/// Steps that are run from a service which may not call what they must reach.
fn positions(check: &mut Checker<'_>, at: &FieldPath, name: &str) {
    let e = check.environment;
    let Some(suite) = e.suites.get(name) else { return };
    for (at, step) in steps(at, suite) {
        let Some((from, (at, unit))) = step.from.as_deref().zip(unit_reached(&at, &step.action, e)) else { continue };
        if let Some(port) = closed_port(check, from, &step.action) {
            let message = format!("`{from}` may not call port {port} of `{unit}`, so that this step cannot work");
            check.diagnostics.warn(&at, message, format!("add `{unit}:{port}` to the `needs` of `{from}`"));
            continue;
        }
        if check.units.contains(unit) && !check.may_call(from, unit) {
            let message = format!("`{from}` may not call `{unit}`, so that this step cannot work");
            check.diagnostics.warn(&at, message, access(from, unit));
        }
    }
}
