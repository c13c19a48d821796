//! Checks names: their form, and that units and suites have different ones.

use std::collections::BTreeMap;

use super::context::Checker;
use crate::spec::backing_services;
use crate::spec::model::Environment;
use crate::spec::span::FieldPath;

/// Longest name of a description, and of a unit or suite.
const DESCRIPTION: usize = 30;
const NAME: usize = 40;
/// Most units of one environment: each that is called has a network of its own.
const UNITS: usize = 200;

pub(super) fn check(check: &mut Checker<'_>) {
    let e = check.environment;
    let root = FieldPath::root();
    label(check, &root.key("name"), &e.name, DESCRIPTION, false);
    if check.units.len() > UNITS {
        let message = format!("the description has {} services, jobs, databases and brokers", check.units.len());
        check.diagnostics.add(
            &root.key("services"),
            message,
            format!("an environment holds at most {UNITS}; split the description"),
        );
    }
    let mut places: BTreeMap<&str, Vec<(FieldPath, bool)>> = BTreeMap::new();
    for (section, names) in [
        ("services", keys(&e.services)),
        ("jobs", keys(&e.jobs)),
        ("databases", keys(&e.databases)),
        ("suites", keys(&e.suites)),
    ] {
        for name in names {
            places.entry(name).or_default().push((root.key(section).key(name), true));
        }
    }
    for backing in backing_services::all(e) {
        places.entry(backing.name).or_default().push((backing.at(), true));
    }
    if let Some(broker) = &e.broker {
        places.entry(&broker.name).or_default().push((root.key("broker").key("name"), false));
    }
    for (name, at) in places {
        for (i, (at, is_key)) in at.iter().enumerate() {
            label(check, at, name, NAME, *is_key);
            if i > 0 {
                let help = "services, jobs, broker, databases, backing services and suites share one set of names; rename one of them";
                point(
                    check,
                    at,
                    *is_key,
                    format!("the name `{name}` is taken by `{}`", first_of(name, e)),
                    help.into(),
                );
            }
        }
    }
    for (name, secret) in &e.secrets {
        let at = root.key("secrets").key(name);
        secret_name(check, &at, name);
        let of_broker = e.broker.as_ref().is_some_and(|b| b.name == *name && b.users.contains_key("pub"));
        let of_database = e.databases.get(name).is_some_and(|d| d.roles.iter().any(|role| role == "pub"));
        let of_backing =
            backing_services::find(e, name).is_some_and(|b| b.secrets().any(|s| s == format!("{name}.pub")));
        if secret.key.is_some() && (of_broker || of_database || of_backing) {
            let message = format!("the public key of `{name}` would have the same name as the password `{name}.pub`");
            check.diagnostics.add_key(&at, message, "choose another name");
        }
        if secret.key.is_some() && check.diagnostics.is_written(&at.key("bytes")) {
            let message = "`bytes` has no effect on a secret with a `key`";
            check.diagnostics.add_key(&at.key("bytes"), message, "remove one of the two");
        }
    }
}

fn keys<T>(map: &BTreeMap<String, T>) -> Vec<&str> {
    map.keys().map(String::as_str).collect()
}

fn first_of(name: &str, e: &Environment) -> String {
    let section = match name {
        _ if e.services.contains_key(name) => "services",
        _ if e.jobs.contains_key(name) => "jobs",
        _ if e.databases.contains_key(name) => "databases",
        _ if let Some(backing) = backing_services::find(e, name) => backing.kind.name().noun(),
        _ => "suites",
    };
    format!("{section}.{name}")
}

fn point(check: &mut Checker<'_>, at: &FieldPath, is_key: bool, message: String, help: String) {
    if is_key { check.diagnostics.add_key(at, message, help) } else { check.diagnostics.add(at, message, help) }
}

/// Host names are made of these, and a name that is all digits would be read as an address.
fn label(check: &mut Checker<'_>, at: &FieldPath, name: &str, longest: usize, is_key: bool) {
    let legal = name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if !legal {
        let help = "begin with a letter; use lower-case letters, digits and `-`, and do not end with `-`";
        point(check, at, is_key, format!("`{name}` cannot be a host name"), help.into());
    } else if name.len() > longest {
        let message = format!("the name `{name}` has {} characters", name.len());
        point(check, at, is_key, message, format!("use at most {longest}"));
    } else if name == "localhost" {
        point(check, at, is_key, "the name `localhost` means every unit itself".into(), "choose another name".into());
    }
}

fn secret_name(check: &mut Checker<'_>, at: &FieldPath, name: &str) {
    let legal = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= 63
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !legal {
        let help = "use at most 63 letters, digits, `-` and `_`, and begin with a letter or digit";
        check.diagnostics.add_key(at, format!("`{name}` cannot be the name of a secret"), help);
    }
}
