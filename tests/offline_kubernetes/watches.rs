//! The watches of the API server in memory: events, their receivers, and ways to break.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::StreamExt;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::stream::Map;
use http_body::Frame;
use serde_json::{Value, json};
use tower::BoxError;

use super::api_server::{Asked, status_text};

type Line = Result<Frame<Bytes>, BoxError>;
type Lines = Map<UnboundedReceiver<Result<Bytes, BoxError>>, fn(Result<Bytes, BoxError>) -> Line>;

/// Ways in which watches end.
#[derive(Debug, Clone, Copy)]
pub enum Break {
    /// In order, as after some minutes.
    Ends,
    /// In the middle of a line, with an error of the connection.
    Disconnects,
    /// With the event that their version is too old.
    Gone,
}

/// Which objects are wanted.
pub struct Watch {
    collection: String,
    labels: Vec<String>,
    name: Option<String>,
}

impl Watch {
    pub fn of(asked: &Asked) -> Self {
        let labels = asked.query.get("labelSelector").map(String::as_str).unwrap_or_default();
        let name = asked.query.get("fieldSelector").and_then(|f| f.strip_prefix("metadata.name="));
        Self {
            collection: asked.path.clone(),
            labels: labels.split(',').filter(|l| !l.is_empty()).map(str::to_owned).collect(),
            name: name.map(str::to_owned),
        }
    }

    pub fn wants(&self, path: &str, object: &Value) -> bool {
        let Some((collection, name)) = path.rsplit_once('/') else { return false };
        let has = |label: &String| match label.split_once('=') {
            Some((key, value)) => object["metadata"]["labels"][key] == value,
            None => object["metadata"]["labels"].get(label).is_some(),
        };
        (collection == self.collection || everywhere(collection) == self.collection)
            && self.name.as_deref().is_none_or(|n| n == name)
            && self.labels.iter().all(has)
    }
}

/// The collection of all namespaces, for that of one.
fn everywhere(collection: &str) -> String {
    let Some((api, rest)) = collection.split_once("/namespaces/") else { return collection.to_owned() };
    rest.split_once('/').map_or(collection.to_owned(), |(_, kind)| format!("{api}/{kind}"))
}

#[derive(Default)]
pub struct Watches {
    /// By version: path, what, object.
    told: BTreeMap<u64, (String, &'static str, Value)>,
    /// The oldest version that a watch may begin at.
    oldest: u64,
    open: Vec<(Watch, UnboundedSender<Result<Bytes, BoxError>>)>,
    /// True while events are not sent to open watches.
    pub silent: bool,
}

fn line(what: &str, object: &Value) -> Bytes {
    format!("{}\n", json!({"type": what, "object": object})).into()
}

impl Watches {
    pub fn tell(&mut self, version: u64, path: &str, what: &'static str, object: &Value) {
        self.told.insert(version, (path.to_owned(), what, object.clone()));
        if !self.silent {
            // Closed watches get nothing and are dropped.
            self.open
                .retain(|(watch, to)| !watch.wants(path, object) || to.unbounded_send(Ok(line(what, object))).is_ok());
        }
    }

    /// None when that version is too old.
    pub fn begin(&mut self, watch: Watch, since: u64) -> Option<Lines> {
        if since < self.oldest {
            return None;
        }
        let (to, lines) = unbounded();
        if !self.silent {
            for (path, what, object) in self.told.range(since + 1..).map(|(_, told)| told) {
                if watch.wants(path, object) {
                    to.unbounded_send(Ok(line(what, object))).unwrap();
                }
            }
        }
        self.open.push((watch, to));
        let frames: fn(Result<Bytes, BoxError>) -> Line = |line| line.map(Frame::data);
        Some(lines.map(frames))
    }

    /// Ends all that are open.
    pub fn end(&mut self, how: Break) {
        for (_, to) in self.open.drain(..) {
            // Closed watches need no end.
            let _ = match how {
                Break::Ends => Ok(()),
                Break::Disconnects => to
                    .unbounded_send(Ok(r#"{"type":"MODIF"#.into()))
                    .and_then(|()| to.unbounded_send(Err("connection reset by peer".into()))),
                Break::Gone => {
                    to.unbounded_send(Ok(line("ERROR", &status_text(410, "Expired", "too old resource version"))))
                }
            };
        }
    }

    /// Forgets all events until now.
    pub fn forget(&mut self) {
        self.oldest = self.told.keys().next_back().copied().unwrap_or_default();
    }
}
