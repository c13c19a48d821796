//! Checks single steps: addresses, services, times and captures. Broker and SQL steps are in `messaging`.

use super::address::host_and_port;
use super::capture::captures;
use super::context::{Checker, is_literal};
use super::files::inner_path;
use super::messaging;
use super::preceding::PrecedingSteps;
use crate::spec::model::{Action, Http, Step};
use crate::spec::span::FieldPath;
use crate::spec::step_files;

pub(super) fn check(check: &mut Checker<'_>, at: &FieldPath, step: &Step, preceding: &PrecedingSteps<'_>) {
    match &step.action {
        Action::Http(http) => self::http(check, &at.key("http"), http, step.from.is_some()),
        Action::Tcp(tcp) => {
            let at = at.key("tcp");
            captures(check, &at.key("capture"), &tcp.capture, &["address"], false);
            let at = at.key("to");
            match host_and_port(&tcp.to) {
                _ if !is_literal(&tcp.to) => {}
                Some((host, _)) if !tcp.refused => reachable(check, &at, host, step.from.is_some()),
                Some(_) => {}
                None => check.diagnostics.add(&at, format!("`{}` is not an address", tcp.to), "write `host:port`"),
            }
        }
        Action::Resolve(resolve) => {
            let at = at.key("resolve").key("host");
            if resolve.host.is_empty() {
                check.diagnostics.add(&at, "the host is empty", "write a name");
            } else if !resolve.refused && is_literal(&resolve.host) {
                reachable(check, &at, &resolve.host, step.from.is_some());
            }
        }
        Action::Stop(of) => check.unit(&at.key("stop").key("service"), &of.service),
        Action::Start(of) => check.unit(&at.key("start").key("service"), &of.service),
        Action::Restart(of) => check.unit(&at.key("restart").key("service"), &of.service),
        Action::Exec(exec) => super::exec::check(check, at, step, exec),
        Action::Redis(redis) => {
            let at = at.key("redis");
            super::backing::redis(check, &at, redis);
            captures(check, &at.key("capture"), &redis.capture, &[], false);
        }
        Action::S3(s3) => {
            let at = at.key("s3");
            super::backing::s3(check, &at, s3);
            captures(check, &at.key("capture"), &s3.capture, &["text", "sha256"], true);
        }
        Action::Jwt(jwt) => super::jwt::check(check, at, preceding.secrets, jwt),
        Action::Wait(wait) => check.duration(&at.key("wait").key("for"), &wait.duration),
        Action::Confined(of) => units(check, &at.key("confined"), &of.services),
        Action::NoWayOut(of) => units(check, &at.key("noWayOut"), &of.services),
        Action::NoNeighbour(of) => units(check, &at.key("noNeighbour"), &of.services),
        Action::NoSecretsLeaked(_) | Action::Repeat(_) => {}
        other => messaging::check(check, at, other, preceding),
    }
}

fn units(check: &mut Checker<'_>, at: &FieldPath, names: &[String]) {
    for (i, name) in names.iter().enumerate() {
        check.unit(&at.key("services").index(i), name);
    }
}

fn http(check: &mut Checker<'_>, at: &FieldPath, http: &Http, from_unit: bool) {
    url(check, &at.key("url"), &http.url, from_unit);
    if let Some(timeout) = &http.timeout {
        check.duration(&at.key("timeout"), timeout);
    }
    if http.method.is_empty() || !http.method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-') {
        check.diagnostics.add(
            &at.key("method"),
            format!("`{}` is not an HTTP method", http.method),
            "write one such as `GET` or `POST`",
        );
    }
    bodies(check, at, http);
    for (i, status) in http.expect.status.iter().enumerate().filter(|(_, s)| !(100..=599).contains(*s)) {
        let at = at.key("expect").key("status").index(i);
        check.diagnostics.add(&at, format!("{status} is not an HTTP status"), "write a number from 100 to 599");
    }
    let is_sum = |s: &str| s.len() == 64 && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if let Some(sum) = http.expect.sha256.as_ref().filter(|s| is_literal(s) && !is_sum(s)) {
        let help = "write 64 lower-case hexadecimal digits, or a captured variable";
        check.diagnostics.add(&at.key("expect").key("sha256"), format!("`{sum}` is not a SHA-256 digest"), help);
    }
    captures(check, &at.key("capture"), &http.capture, &["body", "sha256"], true);
}

/// Checks that there is at most one body, and the paths of files.
fn bodies(check: &mut Checker<'_>, at: &FieldPath, http: &Http) {
    let given = [
        (http.body.is_some(), "body"),
        (http.json.is_some(), "json"),
        (http.file.is_some(), "file"),
        (!http.multipart.is_empty(), "multipart"),
    ];
    let given: Vec<&str> = given.into_iter().filter(|(given, _)| *given).map(|(_, name)| name).collect();
    if let [one, other, ..] = given.as_slice() {
        check.diagnostics.add(at, format!("the request has both `{one}` and `{other}`"), "keep one of the two");
    }
    for (i, part) in http.multipart.iter().enumerate().filter(|(_, p)| p.text.is_some() == p.file.is_some()) {
        let message = format!("the part `{}` needs `text` or `file`, and not both", part.name);
        check.diagnostics.add(&at.key("multipart").index(i), message, "keep one of the two");
    }
    if http.expect.file.is_some() && http.expect.sha256.is_some() {
        let at = at.key("expect");
        check.diagnostics.add(&at, "the answer is compared with `file` and `sha256`", "keep one of the two");
    }
    for (at, path) in step_files::of_http(at, http) {
        inner_path(check, &at, path);
    }
}

/// Checks the scheme of every address, and the host if it contains no variables.
fn url(check: &mut Checker<'_>, at: &FieldPath, url: &str, from_unit: bool) {
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else {
        if !url.starts_with("${") && !url.starts_with("{{") {
            check.diagnostics.add(
                at,
                format!("`{url}` is not an HTTP address"),
                "begin with `http://` or `https://` and the name of a service",
            );
        }
        return;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if !is_literal(authority) {
        return;
    }
    let port_is_wrong = authority.rsplit_once(':').is_some_and(|(_, port)| !port.parse::<u16>().is_ok_and(|p| p > 0));
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    if port_is_wrong && !authority.ends_with(']') {
        check.diagnostics.add(at, format!("`{url}` has an invalid port"), "write a port from 1 to 65535, or none");
    } else {
        reachable(check, at, host, from_unit);
    }
}

/// Checks that the environment has the host that a step expects to reach; inside a unit, `localhost` is that unit.
fn reachable(check: &mut Checker<'_>, at: &FieldPath, host: &str, from_unit: bool) {
    if from_unit && matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
        return;
    }
    check.unit(at, host);
}
