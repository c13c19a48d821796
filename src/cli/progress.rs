//! Progress of a run: a live tree or plain lines on standard error, or JSON lines on standard output.

use std::io::IsTerminal;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Output;
use crate::lifecycle::RunEvent;
use crate::model::Outcome;
use crate::plan::Plan;

mod lines;
mod tree;

/// The progress reporter for this terminal and these flags. JSON lines say when each event was reported, and of which run.
pub fn reporter(output: Output, plan: &Plan, run: &str) -> Box<dyn FnMut(&RunEvent) + Send> {
    match output {
        Output::Json => {
            let run = run.to_owned();
            Box::new(move |event| {
                if let Ok(Value::Object(mut line)) = serde_json::to_value(event) {
                    line.insert("time".into(), Timestamp::now().to_string().into());
                    line.insert("run".into(), run.clone().into());
                    outln!("{}", Value::Object(line));
                }
            })
        }
        Output::Text if std::io::stderr().is_terminal() && std::env::var_os("CI").is_none() => {
            let mut tree = tree::Tree::new(plan);
            Box::new(move |event| tree.show(event))
        }
        Output::Text => {
            let lines = lines::Lines::new();
            Box::new(move |event| {
                if let Some(line) = lines.line(event) {
                    errln!("{line}");
                }
            })
        }
    }
}

/// Prints the last of the JSON lines: the outcome of a run's suites, if there were any to judge, and the exit code.
pub fn ended(output: Output, run: &str, outcome: Option<Outcome>, code: u8) {
    if output == Output::Json {
        let mut line = json!({"event": "ended", "time": Timestamp::now(), "run": run, "exitCode": code});
        if let Some(outcome) = outcome {
            line["outcome"] = json!(outcome);
        }
        outln!("{line}");
    }
}
