//! Ports on which a service listens. Pure.

use crate::import::context::Context;
use crate::import::draft::{Draft, MAIN_PORT};
use crate::import::notes::Notes;
use crate::import::tree::Tree;
use crate::import::variables::Values;

/// Ports of well-known products, by the last part of their image's name.
const KNOWN: [(&str, u16); 16] = [
    ("redis", 6379),
    ("valkey", 6379),
    ("memcached", 11211),
    ("nginx", 80),
    ("httpd", 80),
    ("elasticsearch", 9200),
    ("opensearch", 9200),
    ("minio", 9000),
    ("mailpit", 8025),
    ("mailhog", 8025),
    ("mongo", 27017),
    ("mysql", 3306),
    ("mariadb", 3306),
    ("kafka", 9092),
    ("nats", 4222),
    ("caddy", 80),
];

/// Ports inside the container, in the order of the input.
pub(super) fn of(name: &str, tree: &Tree, notes: &mut Notes) -> Vec<u16> {
    let mut ports = vec![];
    for key in ["ports", "expose"] {
        for item in tree.list(key) {
            let written = item.text().or_else(|| item.word("target")).map(|text| Values::fill(text).literal);
            let protocol = item.word("protocol").map(str::to_owned);
            let Some(text) = written else { continue };
            let (text, of_text) = text.split_once('/').map_or((text.as_str(), None), |(t, p)| (t, Some(p.to_owned())));
            if protocol.or(of_text).is_some_and(|p| p == "udp") {
                notes.drop(item.line, format!("{name}.{key} {text}"), "access is declared for TCP only");
                continue;
            }
            let inner = text.rsplit(':').next().unwrap_or_default();
            match inner.split('-').next().and_then(|port| port.parse().ok()).filter(|port| *port > 0) {
                Some(port) if !ports.contains(&port) => {
                    notes.map();
                    ports.push(port);
                }
                Some(_) => {}
                None => notes.drop(item.line, format!("{name}.{key} {text}"), "this is no port"),
            }
        }
    }
    ports
}

/// Ports that others probably call, where nothing else tells.
const USUAL: [u16; 6] = [80, 8080, 8000, 3000, 5000, 443];

/// Gives services without a port the one at which others call them, or that of their product, and chooses among several.
pub(super) fn fill(draft: &mut Draft, cx: &Context) {
    for service in draft.services.iter_mut().filter(|s| s.ports.len() > 1) {
        let called = cx.called.get(&service.name).filter(|port| service.ports.contains(port));
        let usual = USUAL.iter().find(|port| service.ports.contains(port));
        let is_clear = called.is_some();
        if service.ready.is_none() {
            service.port = called.or(usual).or(service.ports.first()).copied();
        }
        if !is_clear {
            service.ask("port", MAIN_PORT);
        }
    }
    for service in draft.services.iter_mut().filter(|s| s.port.is_none()) {
        let called = cx.called.get(&service.name).copied();
        let product = || {
            let last = service.image.split(['@', ':']).next().and_then(|path| path.rsplit('/').next())?;
            KNOWN.iter().find(|(name, _)| *name == last).map(|(_, port)| *port)
        };
        service.port = called.or_else(product);
        if let Some(port) = service.port {
            service.ask("port", format!("the input names no port; does it listen on {port}?"));
        }
    }
}
