//! Probes: readiness from outside, and the time that a start may take. Pure.

use crate::import::draft::Service;
use crate::import::notes::Notes;
use crate::import::scalar::quoted;
use crate::import::secret::is_request_path;
use crate::import::tree::Tree;

/// Takes over the readiness probe; a startup probe, or else a liveness probe, takes its place if there is none.
pub(super) fn take(unit: &str, container: &Tree, service: &mut Service, notes: &mut Notes) {
    let startup = container.get("startupProbe");
    let chosen =
        ["readinessProbe", "startupProbe", "livenessProbe"].into_iter().find_map(|k| Some((k, container.get(k)?)));
    let Some((key, probe)) = chosen else { return };
    let port = |of: &Tree| of.word("port").and_then(|written| resolve(container, written));
    if let Some(http) = probe.get("httpGet") {
        notes.map();
        let path = http.word("path").unwrap_or("/");
        let at = port(http);
        let fits = is_request_path(path);
        service.port = service.port.or(at);
        service.ready = match at {
            Some(at) if Some(at) != service.port => Some(format!("tcp: {at}")),
            _ if fits && service.port.is_some() => Some(format!("http: {}", quoted(path))),
            _ => None,
        };
        if http.word("scheme") == Some("HTTPS") {
            service.ask("ready", "the probe used HTTPS: does the service read a certificate? See `tls`");
        }
    } else if let Some(at) = probe.get("tcpSocket").or(probe.get("grpc")).and_then(port) {
        notes.map();
        service.port = service.port.or(Some(at));
        service.ready = (Some(at) != service.port).then(|| format!("tcp: {at}"));
    } else {
        let why = "its command may hold secrets, and was not copied; write it as `ready: { exec: [program, argument] }` if nothing can be asked from outside";
        notes.drop(probe.line, format!("{unit}.{key}"), why);
    }
    let patience = startup.unwrap_or(probe);
    let number = |key: &str, otherwise: u64| patience.number(key).unwrap_or(otherwise).min(3600);
    service.within_secs = Some(
        (number("initialDelaySeconds", 0) + number("periodSeconds", 10) * number("failureThreshold", 3)).min(3600),
    );
    if let Some(probe) = container.get("livenessProbe").filter(|_| key != "livenessProbe") {
        notes.drop(
            probe.line,
            format!("{unit}.livenessProbe"),
            "nothing restarts a unit that still runs; an end is a failure of the run",
        );
    }
}

/// A port by its number, or by its name in the container.
pub(super) fn resolve(container: &Tree, written: &str) -> Option<u16> {
    written.parse().ok().filter(|port| *port > 0).or_else(|| {
        let named = container.list("ports").iter().find(|p| p.word("name") == Some(written))?;
        u16::try_from(named.number("containerPort")?).ok().filter(|port| *port > 0)
    })
}
