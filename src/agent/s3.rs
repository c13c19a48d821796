//! Requests to an S3 server, its readiness, and the `s3` step.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::http::{self, Incoming, NoAnswer, Outgoing, Target};
use super::matching;
use super::probe::NotReady;
use super::state::AgentState;
use super::step_result::{StepFailed, StepPassed};
use super::timeouts::{ATTEMPT, CONNECT, STEP_CONNECT};
use crate::model::Digest;
use crate::spec::backing::Kind;
use crate::spec::backing::s3::{ACCESS_KEY, S3, S3Operation, S3Step, SECRET_KEY};

mod answer;
mod signature;

use answer::Listing;
use signature::{Keys, Signed};

/// Time limit of a step's request with its complete answer.
const LIMIT: Duration = Duration::from_secs(30);

/// A server.
struct Server<'a> {
    state: &'a AgentState,
    unit: &'a str,
    declared: &'a S3,
}

/// A request.
#[derive(Default)]
struct Request<'a> {
    method: &'a str,
    /// Path with the bucket and the key, not encoded.
    path: String,
    query: Vec<(&'a str, String)>,
    content_type: Option<&'a str>,
    body: Bytes,
}

impl Server<'_> {
    fn secret(&self, name: &str) -> Result<String, String> {
        let name = format!("{}.{name}", self.unit);
        let found = self.state.context.secrets.get(&name).cloned();
        found.ok_or_else(|| format!("the agent knows no {name}"))
    }

    /// Sends a request, signed with these keys if there are any.
    async fn send(
        &self,
        request: Request<'_>,
        keys: Option<&Keys>,
        limits: (Duration, Duration),
    ) -> Result<Incoming, NoAnswer> {
        let path = signature::encoded_path(&request.path);
        let query = signature::encoded_query(&request.query);
        let target = Target {
            tls: false,
            host: self.unit.to_owned(),
            port: self.declared.port,
            path: if query.is_empty() { path.clone() } else { format!("{path}?{query}") },
            at: Some(self.state.host_of(self.unit)),
        };
        let host = target.authority();
        let signed = keys.map(|keys| {
            let to_sign = Signed {
                method: request.method,
                host: &host,
                path: &path,
                query: &query,
                content_type: request.content_type,
                body: &request.body,
            };
            signature::headers(&to_sign, keys, &self.declared.region, Timestamp::now())
        });
        let headers = signed.iter().flatten().map(|(name, value)| (*name, value.as_str())).collect();
        let outgoing =
            Outgoing { method: request.method, headers, body: request.body, content_type: request.content_type };
        http::exchange(&self.state.tls, &target, outgoing, limits).await
    }
}

/// Makes one attempt: creates the declared buckets that are missing, and lists them with a signed request.
pub(super) async fn ready(state: &AgentState, unit: &str, declared: &S3) -> Result<(), NotReady> {
    let server = Server { state, unit, declared };
    let keys = own_keys(&server).map_err(NotReady::permanent)?;
    let missing = missing(&server, &keys).await?;
    for bucket in &missing {
        let request = Request { method: "PUT", path: format!("/{bucket}"), ..Request::default() };
        let answer = asked(&server, request, &keys, &format!("create bucket {bucket}")).await?;
        // Another attempt may have created it.
        if !answer.status.is_success() && answer::error(&answer).as_deref() != Some("BucketAlreadyOwnedByYou") {
            return Err(NotReady::temporary(format!("create bucket {bucket}: {}", said(&answer))));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    match self::missing(&server, &keys).await?.first() {
        None => Ok(()),
        Some(bucket) => Err(NotReady::temporary(format!("bucket {bucket} was created and is not listed"))),
    }
}

/// The declared buckets that a signed request does not list.
async fn missing(server: &Server<'_>, keys: &Keys) -> Result<BTreeSet<String>, NotReady> {
    let request = Request { method: "GET", path: "/".to_owned(), ..Request::default() };
    let answer = asked(server, request, keys, "list buckets").await?;
    if !answer.status.is_success() {
        return Err(NotReady::temporary(format!("list buckets: {}", said(&answer))));
    }
    let listed = answer::buckets(&answer.body).map_err(|why| NotReady::temporary(format!("list buckets: {why}")))?;
    Ok(server.declared.buckets.iter().filter(|bucket| !listed.contains(*bucket)).cloned().collect())
}

async fn asked(server: &Server<'_>, request: Request<'_>, keys: &Keys, what: &str) -> Result<Incoming, NotReady> {
    server.send(request, Some(keys), (CONNECT, ATTEMPT)).await.map_err(|no| match no {
        NoAnswer::Broken(why) | NoAnswer::Busy(why) => NotReady::temporary(format!("{what}: {why}")),
        NoAnswer::Unsendable(why) => NotReady::permanent(format!("{what}: {why}")),
    })
}

fn own_keys(server: &Server<'_>) -> Result<Keys, String> {
    Ok(Keys { access: server.secret(ACCESS_KEY)?, secret: server.secret(SECRET_KEY)? })
}

/// Status and error of an answer.
fn said(answer: &Incoming) -> String {
    match answer::error(answer) {
        Some(code) => format!("{}: {}", answer.status, matching::excerpt(&code)),
        None => answer.status.to_string(),
    }
}

/// Performs the `s3` step.
pub(super) async fn perform(state: &AgentState, step: &S3Step) -> Result<StepPassed, StepFailed> {
    let what = format!("{} {}/{} on {}", step.operation.noun(), step.bucket, step.key, step.service);
    let expected = match (&step.expect.error, step.refused) {
        (Some(code), _) => format!("{what} gives the error {code}"),
        (None, true) => format!("{what} is refused"),
        (None, false) => what.clone(),
    };
    let Some(Kind::S3(declared)) = state.context.backing.get(&step.service) else {
        return Err(StepFailed::agent_fault(expected, format!("the agent knows no s3 {}", step.service)));
    };
    // Their variables have values only now: without a key, the request would be one for the bucket.
    if step.bucket.is_empty() || step.key.is_empty() != (step.operation == S3Operation::List) {
        return Err(StepFailed::new(expected, "the name of the bucket or the key is empty"));
    }
    let server = Server { state, unit: &step.service, declared };
    let keys = keys(&server, step).map_err(|why| StepFailed::agent_fault(&expected, why))?;
    let sent = server.send(request(step), keys.as_ref(), (STEP_CONNECT, LIMIT)).await;
    let answer = sent.map_err(|no| match no {
        NoAnswer::Broken(why) => StepFailed::new(&expected, format!("{what}: {why}")),
        NoAnswer::Busy(why) => StepFailed::busy(&expected, format!("{what}: {why}")),
        NoAnswer::Unsendable(why) => StepFailed::agent_fault(&expected, format!("{what}: {why}")),
    })?;
    judge(step, &answer, &expected)?;
    let captured = capture(step, &answer)?;
    Ok(StepPassed { saw: format!("{}, {} bytes", said(&answer), answer.body.len()), captured })
}

/// The keys of a step: its own, else the server's; none without a signature.
fn keys(server: &Server<'_>, step: &S3Step) -> Result<Option<Keys>, String> {
    if step.anonymous {
        return Ok(None);
    }
    let access = step.access_key.clone().map_or_else(|| server.secret(ACCESS_KEY), Ok)?;
    let secret = step.secret_key.clone().map_or_else(|| server.secret(SECRET_KEY), Ok)?;
    Ok(Some(Keys { access, secret }))
}

fn request(step: &S3Step) -> Request<'_> {
    let mut query = vec![];
    if step.operation == S3Operation::List {
        query.extend([("list-type", "2".to_owned()), ("max-keys", answer::MAX_KEYS.to_string())]);
        query.extend(step.prefix.iter().map(|prefix| ("prefix", prefix.clone())));
    }
    let path = if step.key.is_empty() { format!("/{}", step.bucket) } else { format!("/{}/{}", step.bucket, step.key) };
    let body = Bytes::from(step.text.clone().unwrap_or_default());
    Request { method: step.operation.method(), path, query, content_type: step.content_type.as_deref(), body }
}

/// Compares an answer with the expectation; fails with the first difference.
fn judge(step: &S3Step, answer: &Incoming, expected: &str) -> Result<(), StepFailed> {
    let (status, expect) = (answer.status.as_u16(), &step.expect);
    let fits = match (&expect.error, expect.status.as_slice()) {
        _ if step.refused => matches!(status, 401 | 403),
        (_, [_, ..]) => expect.status.contains(&status),
        (Some(_), []) => !answer.status.is_success(),
        (None, []) => answer.status.is_success(),
    };
    if !fits {
        let got = if step.refused && answer.status.is_success() { "it was allowed".to_owned() } else { said(answer) };
        return Err(StepFailed::new(expected, got));
    }
    if let Some(code) = &expect.error
        && answer::error(answer).as_ref() != Some(code)
    {
        return Err(StepFailed::new(expected, said(answer)));
    }
    for (name, wanted) in &expect.headers {
        let found =
            answer.headers.get(name.as_str()).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        if found.as_ref() != Some(wanted) {
            let got = found.map_or_else(|| format!("no header {name}"), |found| format!("header {name}: {found}"));
            return Err(StepFailed::new(format!("header {name}: {wanted}"), got));
        }
    }
    if let Some(keys) = &expect.keys {
        compare_keys(keys, &answer.body)?;
    }
    compare_content(step, &answer.body)
}

fn compare_keys(wanted: &[String], body: &[u8]) -> Result<(), StepFailed> {
    let shown = |keys: &BTreeSet<String>| matching::excerpt(&format!("{keys:?}"));
    let wanted: BTreeSet<String> = wanted.iter().cloned().collect();
    let expected = format!("the keys {}", shown(&wanted));
    match answer::keys(body) {
        Ok(Listing { keys, is_whole: true }) if keys == wanted => Ok(()),
        Ok(Listing { keys, is_whole: true }) => Err(StepFailed::new(expected, shown(&keys))),
        Ok(_) => Err(StepFailed::new(expected, format!("more than {} keys: narrow `prefix`", answer::MAX_KEYS))),
        Err(why) => Err(StepFailed::new(expected, why)),
    }
}

fn compare_content(step: &S3Step, body: &[u8]) -> Result<(), StepFailed> {
    let (expect, text) = (&step.expect, String::from_utf8_lossy(body));
    let fail = |expected: String| Err(StepFailed::new(expected, matching::shown(body)));
    if let Some(wanted) = expect.text.as_ref().filter(|wanted| wanted.as_bytes() != body) {
        return fail(format!("the content {}", matching::excerpt(wanted)));
    }
    if let Some(wanted) = expect.contains.as_ref().filter(|wanted| !text.contains(wanted.as_str())) {
        return fail(format!("a content that contains {wanted:?}"));
    }
    if let Some(wanted) = expect.sha256.as_ref().filter(|wanted| **wanted != Digest::compute(body).hex()) {
        let got = format!("SHA-256 {} ({} bytes)", Digest::compute(body).hex(), body.len());
        return Err(StepFailed::new(format!("a content with SHA-256 {wanted}"), got));
    }
    Ok(())
}

fn capture(step: &S3Step, answer: &Incoming) -> Result<BTreeMap<String, String>, StepFailed> {
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let one = |from: &str| match from {
        "text" => Some(String::from_utf8_lossy(&answer.body).into_owned()),
        "sha256" => Some(Digest::compute(&answer.body).hex()),
        _ => match from.strip_prefix("header:") {
            Some(name) => Some(String::from_utf8_lossy(answer.headers.get(name)?.as_bytes()).into_owned()),
            None => matching::at(from, json.as_ref()?).map(matching::text),
        },
    };
    let pair = |(name, from): (&String, &String)| match one(from) {
        Some(value) => Ok((name.clone(), value)),
        None => Err(StepFailed::new(format!("{from} in the answer, for the variable {name}"), said(answer))),
    };
    step.capture.iter().map(pair).collect()
}
