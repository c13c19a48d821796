//! Health checks: those that can be made from outside become `ready`. Pure.

use crate::import::draft::Service;
use crate::import::limits::seconds;
use crate::import::notes::Notes;
use crate::import::secret::is_request_path;
use crate::import::tree::{Tree, Value};
use crate::import::variables::Values;

/// Takes over the health check of a service, whose port is known.
pub(super) fn take(name: &str, tree: &Tree, service: &mut Service, notes: &mut Notes) {
    let Some(check) = tree.get("healthcheck") else { return };
    let at = format!("{name}.healthcheck");
    let test = check.get("test").map(words).unwrap_or_default();
    if check.is_true("disable") || test == "NONE" {
        return notes.map();
    }
    let time = |key: &str| check.word(key).map(|text| Values::fill(text).literal).and_then(|text| seconds(&text));
    let retries = check.word("retries").and_then(|text| Values::fill(text).literal.parse::<u64>().ok()).unwrap_or(3);
    let patience = time("interval").unwrap_or(30).saturating_mul(retries.min(1000));
    service.within_secs = Some((time("start_period").unwrap_or(0) + patience).min(3600));
    match from_outside(&test) {
        Some(Outside::Http(port, path)) => {
            notes.map();
            let port = port.or(service.port);
            if service.port.is_none() || port.is_some_and(|port| service.ports.contains(&port)) {
                service.port = port;
            }
            service.ready = match port {
                Some(port) if Some(port) != service.port => Some(format!("tcp: {port}")),
                Some(_) => Some(format!("http: {}", crate::import::scalar::quoted(&path))),
                None => None,
            };
        }
        Some(Outside::Tcp(port)) => {
            notes.map();
            service.port = service.port.or(Some(port));
            service.ready = Some(format!("tcp: {port}"));
        }
        None => {
            // Its words may be secrets.
            let why = "its command may hold secrets, and was not copied; write it as `ready: { exec: [program, argument] }` if nothing can be asked from outside";
            notes.drop(check.line, at, why);
        }
    }
}

fn words(tree: &Tree) -> String {
    match &tree.value {
        Value::List(items) => {
            let words: Vec<&str> =
                items.iter().filter_map(Tree::text).filter(|w| !matches!(*w, "CMD" | "CMD-SHELL")).collect();
            Values::fill(&words.join(" ")).literal
        }
        _ => Values::fill(tree.text().unwrap_or_default()).literal,
    }
}

#[derive(Debug, PartialEq)]
enum Outside {
    Http(Option<u16>, String),
    Tcp(u16),
}

/// The request or connection that a command makes to its own container.
fn from_outside(test: &str) -> Option<Outside> {
    for scheme in ["http://", "https://"] {
        let Some((_, rest)) = test.split_once(scheme) else { continue };
        let address: String = rest
            .chars()
            .take_while(|c| !c.is_whitespace() && !matches!(c, '"' | '\'' | '`' | ';' | '|' | '&' | ')' | '>'))
            .collect();
        let (authority, path) =
            address.split_once('/').map_or((address.as_str(), String::new()), |(a, p)| (a, p.to_owned()));
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        let is_own = matches!(host, "localhost" | "127.0.0.1" | "0.0.0.0" | "$HOSTNAME");
        let path = format!("/{path}");
        let port = if port.is_empty() { Some(if scheme == "https://" { 443 } else { 80 }) } else { port.parse().ok() };
        let is_clean = is_request_path(&path) && port.is_none_or(|port| port > 0);
        return (is_own && is_clean).then_some(Outside::Http(port, path));
    }
    let words: Vec<&str> = test.split_whitespace().collect();
    let is_connect = words.first().is_some_and(|first| matches!(*first, "nc" | "ncat" | "netcat"));
    let port = words.last().and_then(|last| last.trim_matches(['"', '\'']).parse::<u16>().ok());
    port.filter(|port| is_connect && *port > 0).map(Outside::Tcp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_requests_to_the_own_container_only() {
        let http = |port, path: &str| Some(Outside::Http(Some(port), path.to_owned()));
        assert_eq!(from_outside("curl -f http://localhost:8000/health/ || exit 1"), http(8000, "/health/"));
        assert_eq!(from_outside("wget -q --spider 'http://127.0.0.1'"), http(80, "/"));
        assert_eq!(from_outside("curl http://db:8000/"), None);
        assert_eq!(from_outside("nc -z localhost 5555"), Some(Outside::Tcp(5555)));
        assert_eq!(from_outside("redis-cli ping"), None);
        for text in [
            "nc -z localhost 0",
            "curl localhost:0",
            "curl http://localhost:0/",
            "curl http://localhost/?token=hunter2",
        ] {
            assert_eq!(from_outside(text), None, "{text}");
        }
    }
}
