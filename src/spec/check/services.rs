//! Checks services and databases: images, needs, files, readiness, limits, and departures from the secure defaults.

use std::collections::BTreeSet;

use super::container::{resources, security};
use super::context::Checker;
use super::{broker, exec, files, process, stores};
use crate::spec::model::{Database, PortRef, Ready, Service};
use crate::spec::span::FieldPath;
use crate::spec::{ports, quantity};

pub(super) fn check(check: &mut Checker<'_>) {
    for (name, service) in &check.environment.services {
        one_service(check, &FieldPath::root().key("services").key(name), name, service);
    }
    for (name, database) in &check.environment.databases {
        one_database(check, &FieldPath::root().key("databases").key(name), name, database);
    }
}

fn one_service(check: &mut Checker<'_>, at: &FieldPath, name: &str, s: &Service) {
    check.image(&at.key("image"), &s.image);
    check.env(at, &s.env, &s.secret_env);
    process::start(check, at, &s.command, &s.entrypoint, s.working_dir.as_ref());
    process::stop(check, at, s.stop_signal.as_ref(), &s.stop_grace);
    check.secrets(&at.key("secrets"), &s.secrets);
    for (i, need) in s.needs.iter().enumerate() {
        check.need(&at.key("needs").index(i), need);
    }
    check.callers(&at.key("callers"), name, &s.callers);
    self::ports(check, at, s);
    if let Some(ready) = &s.ready {
        readiness(check, &at.key("ready"), s, ready);
    }
    files::files(check, &at.key("files"), &s.files);
    files::writable(check, &at.key("writable"), &s.writable);
    resources(check, &at.key("resources"), &s.resources);
    security(check, &at.key("security"), &s.security);
}

fn one_database(check: &mut Checker<'_>, at: &FieldPath, name: &str, d: &Database) {
    check.image(&at.key("image"), &d.image);
    sql_name(check, &at.key("database"), &d.database, "a database");
    let mut seen = BTreeSet::new();
    for (i, role) in d.roles.iter().enumerate() {
        let at = at.key("roles").index(i);
        if role == "postgres" || role.starts_with("pg_") {
            check.diagnostics.add(
                &at,
                format!("the role `{role}` belongs to PostgreSQL itself"),
                "choose another name",
            );
        } else if !seen.insert(role) {
            check.diagnostics.add(&at, format!("the role `{role}` is listed twice"), "remove one of the two");
        } else {
            sql_name(check, &at, role, "a role");
        }
    }
    for (i, path) in d.sql.iter().enumerate() {
        files::inner_path(check, &at.key("sql").index(i), path);
    }
    stores::database(check, at, d);
    check.callers(&at.key("callers"), name, &d.callers);
    check.duration(&at.key("within"), &d.within);
    resources(check, &at.key("resources"), &d.resources);
    security(check, &at.key("security"), &d.security);
}

fn sql_name(check: &mut Checker<'_>, at: &FieldPath, name: &str, of: &str) {
    let first = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let rest = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-');
    if !first || !rest || name.len() > 63 {
        let help = "use at most 63 lower-case letters, digits, `_` and `-`, and begin with a letter or `_`";
        check.diagnostics.add(at, format!("`{name}` cannot be the name of {of}"), help);
    }
}

/// Names of ports; which one is the main one must be clear.
fn ports(check: &mut Checker<'_>, at: &FieldPath, s: &Service) {
    for (name, number) in &s.ports {
        let at = at.key("ports").key(name);
        if !ports::is_port_name(name) {
            let help = "use at most 15 lower-case letters, digits and single `-` in between, with at least one letter";
            check.diagnostics.add_key(&at, format!("`{name}` cannot be the name of a port"), help);
        }
        if *number == 0 {
            check.diagnostics.add(
                &at,
                "a port is a number from 1 to 65535, not 0",
                "write the port that it listens on",
            );
        } else if let Some((other, _)) = s.ports.iter().find(|(other, n)| *n == number && *other < name) {
            check.diagnostics.add(&at, format!("`{other}` is port {number} too"), "give a port one name");
        }
    }
    if s.ports.len() > 1 && s.port.is_none() {
        let names = s.ports.iter().map(|(name, n)| format!("{n} ({name})")).collect::<Vec<_>>().join(", ");
        let message = "the service has several `ports`, and no `port` says which is the main one";
        check.diagnostics.add_key(&at.key("ports"), message, format!("add `port`, such as one of {names}"));
    }
}

fn readiness(check: &mut Checker<'_>, at: &FieldPath, s: &Service, ready: &Ready) {
    check.duration(&at.key("within"), &ready.within);
    let asked = [ready.http.is_some(), ready.tcp.is_some(), ready.consumers.is_some()];
    let ways = asked.into_iter().chain([ready.exec.is_some(), ready.stay_up.is_some()]);
    if let Some(command) = &ready.exec {
        exec::command(check, &at.key("exec"), command);
    }
    if ways.filter(|w| *w).count() != 1 {
        let help = "choose exactly one of `http`, `tcp`, `consumers`, `exec` and `stayUp`; without `ready`, a connection to `port` counts";
        check.diagnostics.add(at, format!("{at} must have exactly one readiness check"), help);
    }
    if let Some(path) = &ready.http {
        if !path.starts_with('/') || path.chars().any(|c| c.is_whitespace() || c.is_control()) {
            check.diagnostics.add(
                &at.key("http"),
                format!("`{path}` is not a URL path"),
                "write one such as `/healthz`",
            );
        } else if ports::main(s).is_none() && ready.port.is_none() && s.ports.is_empty() {
            check.diagnostics.add(
                &at.key("http"),
                "`http` needs a port, but the service has none",
                "add `port` to the service",
            );
        }
    }
    if ready.port.is_some() && ready.http.is_none() {
        check.diagnostics.add_key(&at.key("port"), "`port` has no effect without `http`", "write `tcp`, or remove it");
    }
    for (key, port) in [("tcp", &ready.tcp), ("port", &ready.port)] {
        if let Some(PortRef::Name(name)) = port.as_ref().filter(|port| ports::number(s, port).is_none()) {
            let message = format!("the service has no port `{name}`");
            check.diagnostics.add_unknown(&at.key(key), message, name, s.ports.keys().map(String::as_str));
        }
    }
    if let Some(time) = &ready.stay_up {
        check.duration(&at.key("stayUp"), time);
        let ms = |text: &str| quantity::duration_ms(text, quantity::LONGEST_LIMIT_MS).ok();
        if let (Some(time_ms), Some(within_ms)) = (ms(time), ms(&ready.within))
            && time_ms > within_ms
        {
            let message = format!("`stayUp` of {time} is longer than `within` of {}", ready.within);
            check.diagnostics.add(&at.key("stayUp"), message, "raise `within`, or lower `stayUp`");
        }
    }
    if let Some(of) = &ready.consumers {
        broker::queue(check, &at.key("consumers"), &of.vhost, &of.queue);
    }
}
