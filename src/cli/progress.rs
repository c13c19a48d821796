//! Progress of a run: a live tree or plain lines on standard error, or JSON lines on standard output.

use std::io::IsTerminal;

use super::Output;
use crate::lifecycle::RunEvent;
use crate::plan::Plan;

mod lines;
mod tree;

/// The progress reporter for this terminal and these flags.
pub fn reporter(output: Output, plan: &Plan) -> Box<dyn FnMut(&RunEvent) + Send> {
    match output {
        Output::Json => Box::new(|event| {
            if let Ok(line) = serde_json::to_string(event) {
                outln!("{line}");
            }
        }),
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
