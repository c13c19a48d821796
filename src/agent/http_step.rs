//! The `http` step: send, compare, capture.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::body;
use super::http::{self, Incoming, NoAnswer, Outgoing, Target};
use super::matching;
use super::state::AgentState;
use super::step_result::{StepFailed, StepPassed};
use super::timeouts::STEP_CONNECT;
use crate::model::Digest;
use crate::spec::model::{Http, HttpExpect};
use crate::spec::quantity;

/// Time limit of a request with its complete answer, unless the step has one of its own.
const LIMIT: Duration = Duration::from_secs(30);

/// Sends the request once and compares the answer.
pub(super) async fn perform(state: &AgentState, step: &Http) -> Result<StepPassed, StepFailed> {
    let expected = statuses(&step.expect);
    let limit = match &step.timeout {
        Some(text) => quantity::duration_ms(text, quantity::LONGEST_LIMIT_MS).map(Duration::from_millis),
        None => Ok(LIMIT),
    };
    let limit = limit.map_err(|why| StepFailed::agent_fault(&expected, why))?;
    let target = Target::parse(&step.url).map_err(|why| StepFailed::agent_fault(&expected, why))?;
    let body = body::of(step).map_err(|why| StepFailed::agent_fault(&expected, why))?;
    let headers = step.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let content_type = body.content_type.as_deref();
    let outgoing = Outgoing { method: &step.method, headers, body: body.bytes, content_type };
    let question = format!("{} {}", step.method, step.url);
    let answer = http::exchange(&state.tls, &target, outgoing, (STEP_CONNECT.min(limit), limit)).await.map_err(
        |no| match no {
            NoAnswer::Broken(why) => StepFailed::new(&expected, format!("{question}: {why}")),
            NoAnswer::Busy(why) => StepFailed::busy(&expected, format!("{question}: {why}")),
            NoAnswer::Unsendable(why) => StepFailed::agent_fault(&expected, format!("{question}: {why}")),
        },
    )?;
    compare(&step.expect, &answer)
        .map_err(|missed| StepFailed { got: format!("{question}: {}", missed.got), ..missed })?;
    let captured = capture(&step.capture, &answer)?;
    Ok(StepPassed { saw: format!("{question}: {}, {} bytes", answer.status, answer.body.len()), captured })
}

fn statuses(expect: &HttpExpect) -> String {
    match expect.status.as_slice() {
        [] => "a status from 200 to 299".into(),
        [one] => format!("status {one}"),
        several => format!("a status of {}", several.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// Compares the answer with the expectation; fails with the first difference.
fn compare(expect: &HttpExpect, answer: &Incoming) -> Result<(), StepFailed> {
    let status = answer.status.as_u16();
    let allowed = if expect.status.is_empty() { answer.status.is_success() } else { expect.status.contains(&status) };
    if !allowed {
        let body = if answer.body.is_empty() { String::new() } else { format!(": {}", matching::shown(&answer.body)) };
        return Err(StepFailed::new(statuses(expect), format!("{}{body}", answer.status)));
    }
    for (name, wanted) in &expect.headers {
        let found: Vec<String> = answer
            .headers
            .get_all(name.as_str())
            .iter()
            .map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
            .collect();
        if !found.contains(wanted) {
            let got = if found.is_empty() {
                format!("no header {name}")
            } else {
                format!("header {name}: {}", found.join(", "))
            };
            return Err(StepFailed::new(format!("header {name}: {wanted}"), got));
        }
    }
    compare_body(expect, &answer.body)
}

fn compare_body(expect: &HttpExpect, body: &[u8]) -> Result<(), StepFailed> {
    let text = String::from_utf8_lossy(body);
    let fail = |expected: String| Err(StepFailed::new(expected, matching::shown(body)));
    if let Some(wanted) = expect.body.as_ref().filter(|wanted| wanted.as_bytes() != body) {
        return fail(format!("the body {}", matching::excerpt(wanted)));
    }
    if let Some(wanted) = expect.contains.as_ref().filter(|wanted| !text.contains(wanted.as_str())) {
        return fail(format!("a body that contains {wanted:?}"));
    }
    if let Some(unwanted) = expect.lacks.as_ref().filter(|unwanted| text.contains(unwanted.as_str())) {
        return fail(format!("a body without {unwanted:?}"));
    }
    if let Some(wanted) = expect.sha256.as_ref().filter(|wanted| **wanted != Digest::compute(body).hex()) {
        return Err(StepFailed::new(
            format!("a body with SHA-256 {wanted}"),
            format!("SHA-256 {} ({} bytes)", Digest::compute(body).hex(), body.len()),
        ));
    }
    let Some(wanted) = &expect.json else { return Ok(()) };
    let Ok(found) = serde_json::from_slice::<Value>(body) else { return fail("a JSON body".into()) };
    match matching::difference(wanted, &found) {
        None => Ok(()),
        Some(difference) => {
            Err(StepFailed::new(format!("JSON with {}", matching::excerpt(&wanted.to_string())), difference))
        }
    }
}

fn capture(wanted: &BTreeMap<String, String>, answer: &Incoming) -> Result<BTreeMap<String, String>, StepFailed> {
    let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let one = |source: &str| match source {
        "body" => Some(String::from_utf8_lossy(&answer.body).into_owned()),
        "sha256" => Some(Digest::compute(&answer.body).hex()),
        _ => match source.strip_prefix("header:") {
            Some(name) => answer.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            None => matching::at(source, json.as_ref()?).map(matching::text),
        },
    };
    let pair = |(name, source): (&String, &String)| match one(source) {
        Some(value) => Ok((name.clone(), value)),
        None => Err(StepFailed::new(
            format!("{source} in the answer, for the variable {name}"),
            matching::shown(&answer.body),
        )),
    };
    wanted.iter().map(pair).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use hyper::header::{HeaderMap, HeaderValue};

    fn answer(status: u16, body: &str) -> Incoming {
        let mut headers = HeaderMap::new();
        headers.insert("etag", HeaderValue::from_static("v1"));
        Incoming { status: status.try_into().unwrap(), headers, body: Bytes::from(body.to_owned()) }
    }

    fn expect(json: Value) -> HttpExpect {
        serde_json::from_value(json).unwrap()
    }

    fn got(json: Value, status: u16, body: &str) -> Option<(String, String)> {
        compare(&expect(json), &answer(status, body)).err().map(|m| (m.expected, m.got))
    }

    #[test]
    fn accepts_any_2xx_status_by_default() {
        assert_eq!(got(serde_json::json!({}), 204, ""), None);
        assert_eq!(
            got(serde_json::json!({}), 304, "x").unwrap(),
            ("a status from 200 to 299".into(), "304 Not Modified: x".into())
        );
        assert_eq!(got(serde_json::json!({ "status": [401, 403] }), 200, "").unwrap().0, "a status of 401, 403");
    }

    #[test]
    fn compares_every_expectation_with_the_answer() {
        let body = r#"{"a":1,"b":"hello"}"#;
        for right in [
            serde_json::json!({ "json": { "a": 1 } }),
            serde_json::json!({ "contains": "hello", "lacks": "bye" }),
            serde_json::json!({ "body": body, "sha256": Digest::compute(body).hex() }),
            serde_json::json!({ "headers": { "ETag": "v1" } }),
        ] {
            assert_eq!(got(right.clone(), 200, body), None, "{right}");
        }
        for wrong in [
            serde_json::json!({ "json": { "a": 2 } }),
            serde_json::json!({ "contains": "bye" }),
            serde_json::json!({ "lacks": "hello" }),
            serde_json::json!({ "body": "hello" }),
            serde_json::json!({ "sha256": "00" }),
            serde_json::json!({ "headers": { "etag": "v2" } }),
            serde_json::json!({ "headers": { "absent": "" } }),
        ] {
            assert!(got(wrong.clone(), 200, body).is_some(), "{wrong}");
        }
        assert_eq!(
            got(serde_json::json!({ "json": {} }), 200, "<html>").unwrap(),
            ("a JSON body".into(), "<html>".into())
        );
    }

    #[test]
    fn captures_variables_from_json_headers_and_body() {
        let sources = [("id", "$.data[0].id"), ("tag", "header:ETag"), ("all", "body"), ("sum", "sha256")];
        let wanted = sources.iter().map(|(n, s)| (n.to_string(), s.to_string())).collect();
        let body = r#"{"data":[{"id":7}]}"#;
        let captured = capture(&wanted, &answer(200, body)).unwrap();
        assert_eq!((captured["id"].as_str(), captured["tag"].as_str(), captured["all"].as_str()), ("7", "v1", body));
        assert_eq!(captured["sum"], Digest::compute(body).hex());
        let missing = BTreeMap::from([("x".to_owned(), "$.nope".to_owned())]);
        assert_eq!(
            capture(&missing, &answer(200, body)).expect_err("nothing is there").expected,
            "$.nope in the answer, for the variable x"
        );
    }
}
