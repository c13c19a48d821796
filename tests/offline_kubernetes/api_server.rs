//! An API server in memory, as far as one is needed: objects by their paths, versions, watches that can be broken, and
//! answers that a test puts in between. It notes what it is asked and knows nothing of dayfly.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper_util::rt::TokioExecutor;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;
use tower::{BoxError, Service};

use super::watches::{Watch, Watches};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: Method,
    pub path: String,
    /// Decoded parameters.
    pub query: BTreeMap<String, String>,
    pub body: Value,
    pub at: Instant,
}

impl Asked {
    pub fn watches(&self) -> bool {
        self.query.get("watch").is_some_and(|w| w == "true")
    }

    /// It would change something.
    pub fn writes(&self) -> bool {
        self.method != Method::GET
    }
}

/// An answer to a request in place of the usual one.
pub enum Answer {
    /// A refusal: code, reason, message.
    Status(u16, &'static str, &'static str),
    /// Too busy, with the seconds after which to come again, if it says so.
    Busy(u16, Option<u32>),
    /// No connection could be made.
    Unreached,
    /// The connection broke, and nothing was done.
    Broken,
    /// It was done, but the connection broke before the answer.
    Lost,
    /// This text.
    Text(&'static str),
    /// The connection stays open, and nothing comes.
    Silent,
    /// An answer begins, and its body never comes.
    Stalled,
}

type Between = Box<dyn FnOnce(&mut World) -> Option<Answer> + Send>;
type Kubelet = Arc<dyn Fn(&mut World, &str) + Send + Sync>;

/// Everything that it holds.
#[derive(Default)]
pub struct World {
    version: u64,
    objects: BTreeMap<String, Value>,
    pub watches: Watches,
    pub asked: Vec<Asked>,
    between: VecDeque<(Method, String, Between)>,
    kubelet: Option<Kubelet>,
    /// Nobody can connect.
    pub away: bool,
    /// Status of a namespace that does not go.
    pub stuck: Option<Value>,
}

type Served = Result<Response<UnsyncBoxBody<Bytes, BoxError>>, BoxError>;

#[derive(Clone, Default)]
pub struct ApiServer(Arc<(Mutex<World>, Notify)>);

impl ApiServer {
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.0.0.lock().unwrap()
    }

    /// Does something before the next request of this kind is served, and may answer in its place.
    pub fn once(&self, method: Method, path: &str, act: impl FnOnce(&mut World) -> Option<Answer> + Send + 'static) {
        self.world().between.push_back((method, path.to_owned(), Box::new(act)));
    }

    /// Sets an action for each pod that is created; `act` gets its path.
    pub fn kubelet(&self, act: impl Fn(&mut World, &str) + Send + Sync + 'static) {
        self.world().kubelet = Some(Arc::new(act));
    }

    /// Waits until a request has made this true.
    pub async fn until(&self, holds: impl Fn(&World) -> bool) {
        loop {
            let asked = self.0.1.notified();
            if holds(&self.world()) {
                return;
            }
            asked.await;
        }
    }

    /// Requests that would have changed something.
    pub fn writes(&self) -> Vec<Asked> {
        self.world().asked.iter().filter(|a| a.writes()).cloned().collect()
    }

    pub fn asked(&self, method: Method, path: &str) -> Vec<Asked> {
        self.world().asked.iter().filter(|a| a.method == method && a.path == path).cloned().collect()
    }

    fn serve(&self, asked: &Asked) -> (Option<Answer>, Served) {
        let mut world = self.world();
        world.asked.push(asked.clone());
        if world.away {
            self.0.1.notify_waiters();
            return (Some(Answer::Unreached), status(500, "", ""));
        }
        let is_next = |(method, path, _): &(Method, String, Between)| *method == asked.method && *path == asked.path;
        let next = world.between.iter().position(is_next).and_then(|n| world.between.remove(n));
        let answer = next.and_then(|(_, _, act)| act(&mut world));
        let served = if matches!(answer, None | Some(Answer::Lost)) { world.serve(asked) } else { status(500, "", "") };
        self.0.1.notify_waiters();
        (answer, served)
    }
}

impl Service<Request<Body>> for ApiServer {
    type Response = Response<UnsyncBoxBody<Bytes, BoxError>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Served>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            let (method, uri) = (request.method().clone(), request.uri().clone());
            let body = request.into_body().collect_bytes().await?;
            let asked = Asked {
                method,
                path: uri.path().to_owned(),
                query: parameters(uri.query().unwrap_or_default()),
                body: serde_json::from_slice(&body).unwrap_or_default(),
                at: Instant::now(),
            };
            let (answer, served) = server.serve(&asked);
            match answer {
                None => served,
                Some(Answer::Status(code, reason, message)) => status(code, reason, message),
                Some(Answer::Busy(code, after)) => {
                    let mut response = status(code, "", "busy")?;
                    if let Some(secs) = after {
                        response.headers_mut().insert("Retry-After", secs.into());
                    }
                    Ok(response)
                }
                Some(Answer::Unreached) => Err(unreached().await),
                Some(Answer::Broken | Answer::Lost) => Err("connection reset by peer".into()),
                Some(Answer::Text(text)) => Ok(Response::new(plain(text))),
                Some(Answer::Silent) => std::future::pending().await,
                Some(Answer::Stalled) => Ok(Response::new(StreamBody::new(futures::stream::pending()).boxed_unsync())),
            }
        })
    }
}

/// The error of a client that finds nobody to connect to: it speaks plain HTTP only.
async fn unreached() -> BoxError {
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    client.get("https://api.invalid/".parse().unwrap()).await.unwrap_err().into()
}

fn parameters(query: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| {
        let mut parts = text.split('%');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |all, part| {
            let (code, rest) = part.split_at(2);
            format!("{all}{}{rest}", char::from(u8::from_str_radix(code, 16).unwrap()))
        })
    };
    query.split('&').filter_map(|p| p.split_once('=')).map(|(k, v)| (k.to_owned(), decoded(v))).collect()
}

fn plain(text: impl Into<Bytes>) -> UnsyncBoxBody<Bytes, BoxError> {
    Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

fn json(value: &Value) -> Served {
    Ok(Response::new(plain(value.to_string())))
}

pub fn status_text(code: u16, reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message})
}

fn status(code: u16, reason: &str, message: &str) -> Served {
    Ok(Response::builder().status(code).body(plain(status_text(code, reason, message).to_string()))?)
}

/// `/api/v1` and `/apis/<group>/<version>` stand before pairs of collection and name.
fn depth(path: &str) -> usize {
    let parts = path.split('/').filter(|p| !p.is_empty()).count();
    parts - if path.starts_with("/apis/") { 3 } else { 2 }
}

impl World {
    pub fn get(&self, path: &str) -> Option<&Value> {
        self.objects.get(path)
    }

    /// All whose paths begin like this.
    pub fn below(&self, prefix: &str) -> Vec<&Value> {
        self.objects.iter().filter(|(path, _)| path.starts_with(prefix)).map(|(_, object)| object).collect()
    }

    /// Makes an object, or puts it in the place of another.
    pub fn put(&mut self, path: &str, mut object: Value) {
        self.version += 1;
        let known = self.objects.get(path);
        let kept = |field: &str, new: Value| known.map_or(new, |k| k["metadata"][field].clone());
        let uid = kept("uid", json!(format!("uid-{}", self.version)));
        let created = kept("creationTimestamp", json!(jiff::Timestamp::now().to_string()));
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.entry("uid").or_insert(uid);
        metadata.entry("creationTimestamp").or_insert(created);
        metadata.insert("resourceVersion".into(), json!(self.version.to_string()));
        if path.contains("/services/") {
            object["spec"]["clusterIP"] = json!("10.96.0.7");
        }
        let what = if known.is_some() { "MODIFIED" } else { "ADDED" };
        self.watches.tell(self.version, path, what, &object);
        self.objects.insert(path.to_owned(), object);
    }

    /// Merges something into an object.
    pub fn merge(&mut self, path: &str, change: &Value) {
        let mut object = self.objects.get(path).unwrap_or_else(|| panic!("no {path}")).clone();
        merge(&mut object, change);
        self.put(path, object);
    }

    pub fn remove(&mut self, path: &str) {
        let Some(mut object) = self.objects.remove(path) else { return };
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.watches.tell(self.version, path, "DELETED", &object);
    }

    fn serve(&mut self, asked: &Asked) -> Served {
        let path = asked.path.as_str();
        if let (&Method::PATCH, Some(of)) = (&asked.method, path.strip_suffix("/status")) {
            return if self.objects.contains_key(of) {
                self.patch(of, &asked.body)
            } else {
                status(404, "NotFound", "")
            };
        }
        match (&asked.method, depth(path)) {
            (&Method::GET, 1 | 3) if asked.watches() => self.watch(asked),
            (&Method::GET, 1 | 3) => self.list(asked),
            (&Method::POST, 1 | 3) => self.create(asked),
            (&Method::DELETE, 1 | 3) => {
                for path in self.matching(asked) {
                    self.remove(&path);
                }
                json(&json!({"kind": "Status", "status": "Success"}))
            }
            // Server-side apply: a whole object.
            (&Method::PATCH, 2 | 4) if asked.body.get("kind").is_some() => {
                self.put(path, asked.body.clone());
                json(&self.objects[path])
            }
            (_, 2 | 4) if !self.objects.contains_key(path) => status(404, "NotFound", "not found"),
            (&Method::GET, 2 | 4) => json(&self.objects[path]),
            (&Method::PATCH, 2 | 4) => self.patch(path, &asked.body),
            (&Method::PUT, 2 | 4) => self.replace(asked),
            (&Method::DELETE, 2 | 4) => self.delete(asked),
            _ => status(404, "NotFound", "the server could not find the requested resource"),
        }
    }

    /// Paths of what a collection's selectors leave.
    fn matching(&self, asked: &Asked) -> Vec<String> {
        let watch = Watch::of(asked);
        self.objects.iter().filter(|(path, object)| watch.wants(path, object)).map(|(path, _)| path.clone()).collect()
    }

    fn list(&self, asked: &Asked) -> Served {
        let items: Vec<&Value> = self.matching(asked).iter().map(|path| &self.objects[path]).collect();
        json(
            &json!({"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": self.version.to_string()}, "items": items}),
        )
    }

    fn watch(&mut self, asked: &Asked) -> Served {
        let since = asked.query["resourceVersion"].parse().unwrap();
        match self.watches.begin(Watch::of(asked), since) {
            Some(lines) => Ok(Response::new(StreamBody::new(lines).boxed_unsync())),
            None => status(410, "Expired", "too old resource version"),
        }
    }

    fn create(&mut self, asked: &Asked) -> Served {
        let Some(name) = asked.body["metadata"]["name"].as_str() else {
            // A review is answered and not kept; there is nothing to say of who asks.
            return json(&asked.body);
        };
        let path = format!("{}/{name}", asked.path);
        if self.objects.contains_key(&path) {
            return status(409, "AlreadyExists", "it already exists");
        }
        self.put(&path, asked.body.clone());
        if let Some(kubelet) = self.kubelet.clone().filter(|_| path.contains("/pods/")) {
            kubelet(self, &path);
        }
        json(&self.objects[&path])
    }

    /// A merge patch, or a JSON patch.
    fn patch(&mut self, path: &str, change: &Value) -> Served {
        let conflict = || status(409, "Conflict", "the object has been modified");
        let known = &self.objects[path];
        let mut changed = known.clone();
        if change.is_array() {
            let operations: json_patch::Patch = serde_json::from_value(change.clone()).unwrap();
            if json_patch::patch(&mut changed, &operations).is_err() {
                return status(422, "Invalid", "a test failed");
            }
        } else {
            merge(&mut changed, change);
        }
        if changed["metadata"]["resourceVersion"] != known["metadata"]["resourceVersion"] {
            return conflict();
        }
        self.write(path, changed)
    }

    fn replace(&mut self, asked: &Asked) -> Served {
        let known = &self.objects[&asked.path]["metadata"]["resourceVersion"];
        if asked.body["metadata"]["resourceVersion"] != *known {
            return status(409, "Conflict", "the object has been modified");
        }
        self.write(&asked.path, asked.body.clone())
    }

    /// An object that is being deleted goes with its last finalizer.
    fn write(&mut self, path: &str, object: Value) -> Served {
        let leaving = !object["metadata"]["deletionTimestamp"].is_null();
        let held = object["metadata"]["finalizers"].as_array().is_some_and(|f| !f.is_empty());
        self.put(path, object);
        let written = self.objects[path].clone();
        if leaving && !held && path.contains("/testenvironments/") {
            self.remove(path);
        }
        json(&written)
    }

    fn delete(&mut self, asked: &Asked) -> Served {
        let path = asked.path.as_str();
        let metadata = &self.objects[path]["metadata"];
        let seen = asked.body["preconditions"].as_object();
        if seen.into_iter().flatten().any(|(field, value)| metadata[field] != *value) {
            return status(409, "Conflict", "the precondition does not hold");
        }
        if let Some(status) = self.stuck.clone().filter(|_| depth(path) == 2) {
            self.merge(path, &json!({"metadata": {"deletionTimestamp": "2024-01-01T00:00:00Z"}, "status": status}));
            return json(&self.objects[path]);
        }
        let inside: Vec<String> =
            self.objects.keys().filter(|p| p.contains(&format!("{}/", below(path)))).cloned().collect();
        for path in inside.iter().map(String::as_str).chain([path]) {
            self.remove(path);
        }
        json(&json!({"kind": "Status", "status": "Success"}))
    }
}

/// The common part of the paths of objects in a namespace, whatever their group.
fn below(path: &str) -> &str {
    path.trim_start_matches("/api/v1")
}

fn merge(into: &mut Value, change: &Value) {
    match (into.as_object_mut(), change.as_object()) {
        (Some(into), Some(change)) => {
            for (key, value) in change {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        _ => into.clone_from(change),
    }
}
