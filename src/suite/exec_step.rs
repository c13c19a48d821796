//! The `exec` step: runs a command inside a unit through the engine, and compares its end and output.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::step_result::StepResult;
use crate::agent::matching;
use crate::engine::execution::MAX_OUTPUT;
use crate::engine::{CommandOutput, Execution, ExecutionEnd};
use crate::lifecycle::session::Session;
use crate::spec::model::{Exec, OutputExpect};
use crate::spec::quantity;

/// Pause between attempts of a step that is repeated until it passes.
const PAUSE: Duration = Duration::from_millis(250);

/// Runs the command once; with `within_ms`, again until the step passes. After a broken connection it is not run again, because
/// it may have had its effect.
pub(super) async fn perform(session: &Session, step: &Exec, within_ms: Option<u64>) -> StepResult {
    let limit = match quantity::duration_ms(&step.timeout, quantity::LONGEST_LIMIT_MS) {
        Ok(ms) => Duration::from_millis(ms),
        Err(why) => return StepResult::inconclusive("a valid duration for `timeout`", why),
    };
    let end = Instant::now() + Duration::from_millis(within_ms.unwrap_or_default());
    loop {
        let result = match session.engine.exec(&session.lease, &step.service, &step.command, limit).await {
            Ok(done) => judge(step, &done),
            Err(e) => {
                let why = format!("failed to {e}; the command may have had its effect, so it was not repeated");
                return StepResult::inconclusive("the command to run to its end", why);
            }
        };
        // A command that ran into its limit may still run beside the next one.
        let again = result.verdict == crate::model::Verdict::Failed && Instant::now() + PAUSE < end;
        if !again || result.failure.waited_ms > 0 {
            return result;
        }
        sleep(PAUSE).await;
    }
}

fn judge(step: &Exec, done: &Execution) -> StepResult {
    let wanted = i64::from(step.expect.exit_code);
    let expected = format!("exit code {wanted}");
    let code = match &done.end {
        ExecutionEnd::NotStarted(why) => {
            return StepResult::failed(expected, format!("the command cannot be started: {why}"));
        }
        ExecutionEnd::TimedOut => {
            let got = format!("the command did not end within {}; it runs until its service stops", step.timeout);
            let mut result = StepResult::failed(expected, got + &said(done));
            result.failure.waited_ms =
                quantity::duration_ms(&step.timeout, quantity::LONGEST_LIMIT_MS).unwrap_or(1).max(1);
            return result;
        }
        ExecutionEnd::Exited(code) => *code,
    };
    if code != wanted {
        return StepResult::failed(expected, format!("exit code {code}{}", said(done)));
    }
    let streams =
        [("standard output", &step.expect.stdout, &done.stdout), ("standard error", &step.expect.stderr, &done.stderr)];
    for (name, wanted, found) in streams {
        if let Some(missed) = compare(name, wanted, found) {
            return missed;
        }
    }
    match capture(step, code, done) {
        Ok(captured) => {
            let sizes =
                format!("{} and {} bytes of output and errors", done.stdout.bytes.len(), done.stderr.bytes.len());
            StepResult { captured, ..StepResult::passed(format!("exit code {code}, {sizes}")) }
        }
        Err(missed) => missed,
    }
}

/// What the command wrote, errors first.
fn said(done: &Execution) -> String {
    let streams = [&done.stderr, &done.stdout];
    streams
        .into_iter()
        .find(|s| !s.bytes.is_empty())
        .map(|s| format!(": {}", matching::shown(&s.bytes)))
        .unwrap_or_default()
}

/// The first difference. Of output that was cut, only what must occur in it can be judged.
fn compare(name: &str, expect: &OutputExpect, found: &CommandOutput) -> Option<StepResult> {
    let text = String::from_utf8_lossy(&found.bytes);
    let fail = |expected: String| Some(StepResult::failed(expected, matching::shown(&found.bytes)));
    if let Some(unwanted) = expect.lacks.as_ref().filter(|unwanted| text.contains(unwanted.as_str())) {
        return fail(format!("{name} without {unwanted:?}"));
    }
    if found.cut && *expect != OutputExpect::default() {
        let present = expect.contains.as_ref().is_some_and(|wanted| text.contains(wanted.as_str()));
        if !present || expect.json.is_some() || expect.text.is_some() || expect.lacks.is_some() {
            let got = format!("it is longer than {MAX_OUTPUT} bytes");
            return Some(StepResult::inconclusive(format!("{name} that can be judged"), got));
        }
    }
    if let Some(wanted) =
        expect.text.as_ref().filter(|wanted| wanted.trim_end_matches('\n') != text.trim_end_matches('\n'))
    {
        return fail(format!("{name} {}", matching::excerpt(wanted)));
    }
    if let Some(wanted) = expect.contains.as_ref().filter(|wanted| !text.contains(wanted.as_str())) {
        return fail(format!("{name} that contains {wanted:?}"));
    }
    let wanted = expect.json.as_ref()?;
    let Ok(value) = serde_json::from_slice::<Value>(&found.bytes) else { return fail(format!("JSON on {name}")) };
    let difference = matching::difference(wanted, &value)?;
    Some(StepResult::failed(format!("JSON with {} on {name}", matching::excerpt(&wanted.to_string())), difference))
}

fn capture(step: &Exec, code: i64, done: &Execution) -> Result<BTreeMap<String, String>, StepResult> {
    let json: Option<Value> = serde_json::from_slice(&done.stdout.bytes).ok();
    let stream = |output: &CommandOutput| {
        (!output.cut).then(|| String::from_utf8_lossy(&output.bytes).trim_end_matches('\n').to_owned())
    };
    let one = |source: &str| match source {
        "exitCode" => Some(code.to_string()),
        "stdout" => stream(&done.stdout),
        "stderr" => stream(&done.stderr),
        path => matching::at(path, json.as_ref()?).map(matching::text),
    };
    let pair = |(name, source): (&String, &String)| match one(source) {
        Some(value) => Ok((name.clone(), value)),
        None => Err(StepResult::failed(
            format!("{source} in the result, for the variable {name}"),
            matching::shown(&done.stdout.bytes),
        )),
    };
    step.capture.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::Verdict;
    use serde_json::json;

    fn output(text: &str) -> CommandOutput {
        CommandOutput { bytes: text.as_bytes().to_vec(), cut: false }
    }

    fn judged(step: Value, end: ExecutionEnd, stdout: CommandOutput, stderr: &str) -> StepResult {
        let mut whole = json!({ "service": "web", "command": ["x"] });
        whole.as_object_mut().unwrap().extend(step.as_object().unwrap().clone());
        judge(&serde_json::from_value(whole).unwrap(), &Execution { end, stdout, stderr: output(stderr) })
    }

    #[test]
    fn compares_exit_code_and_both_streams() {
        let exited = |step, code, out| judged(step, ExecutionEnd::Exited(code), output(out), "careful\n");
        for right in [
            json!({}),
            json!({ "expect": { "stdout": { "text": "{\"a\": 1}" } } }),
            json!({ "expect": { "stdout": { "json": { "a": 1 }, "contains": "a", "lacks": "b" } } }),
            json!({ "expect": { "stderr": { "contains": "careful" } } }),
        ] {
            assert_eq!(exited(right.clone(), 0, "{\"a\": 1}\n").verdict, Verdict::Passed, "{right}");
        }
        for wrong in [
            json!({ "expect": { "exitCode": 2 } }),
            json!({ "expect": { "stdout": { "text": "" } } }),
            json!({ "expect": { "stdout": { "json": { "a": 2 } } } }),
            json!({ "expect": { "stdout": { "contains": "careful" } } }),
            json!({ "expect": { "stderr": { "lacks": "careful" } } }),
            json!({ "expect": { "stderr": { "json": {} } } }),
            json!({ "expect": { "stdout": { "json": null } } }),
            json!({ "capture": { "b": "$.b" } }),
        ] {
            assert_eq!(exited(wrong.clone(), 0, "{\"a\": 1}\n").verdict, Verdict::Failed, "{wrong}");
        }
        assert_eq!(exited(json!({}), 3, "").failure.got, "exit code 3: careful");
        let captured =
            exited(json!({ "capture": { "a": "$.a", "e": "stderr", "c": "exitCode" } }), 0, "{\"a\": 1}").captured;
        assert_eq!((&*captured["a"], &*captured["e"], &*captured["c"]), ("1", "careful", "0"));
    }

    #[test]
    fn does_not_judge_what_it_has_not_read() {
        let cut =
            |step| judged(step, ExecutionEnd::Exited(0), CommandOutput { cut: true, ..output("begin") }, "").verdict;
        assert_eq!(cut(json!({})), Verdict::Passed);
        assert_eq!(cut(json!({ "expect": { "stdout": { "contains": "begin" } } })), Verdict::Passed);
        assert_eq!(cut(json!({ "expect": { "stdout": { "contains": "end" } } })), Verdict::Inconclusive);
        assert_eq!(cut(json!({ "expect": { "stdout": { "lacks": "end" } } })), Verdict::Inconclusive);
        assert_eq!(cut(json!({ "expect": { "stdout": { "lacks": "begin" } } })), Verdict::Failed);
    }

    #[test]
    fn a_command_that_was_not_started_or_does_not_end_has_no_exit_code() {
        let any = json!({ "expect": { "exitCode": 127 } });
        let not = judged(any, ExecutionEnd::NotStarted("no such file".into()), output(""), "");
        assert!(not.verdict == Verdict::Failed && not.failure.got.contains("cannot be started: no such file"));
        let late = judged(json!({ "timeout": "2s" }), ExecutionEnd::TimedOut, output("so far"), "");
        assert!(late.failure.got.contains("within 2s") && late.failure.got.contains("so far"), "{}", late.failure.got);
    }
}
