//! What a person or a machine sees while a run goes on: a live tree, plain lines, or JSON lines.
//!
//! All three are fed by the same notices. The tree and the lines go to standard error, JSON to standard output.

use std::io::IsTerminal;

use super::Output;
use crate::lifecycle::RunEvent;
use crate::plan::Plan;

mod lines;
mod tree;

/// The receiver of notices that fits the terminal and the flags.
pub fn choose(output: Output, plan: &Plan) -> Box<dyn FnMut(&RunEvent) + Send> {
    match output {
        Output::Json => Box::new(|notice| {
            if let Ok(line) = serde_json::to_string(notice) {
                outln!("{line}");
            }
        }),
        Output::Text if std::io::stderr().is_terminal() && std::env::var_os("CI").is_none() => {
            let mut tree = tree::Tree::new(plan);
            Box::new(move |notice| tree.take(notice))
        }
        Output::Text => {
            let mut lines = lines::Lines::new();
            Box::new(move |notice| {
                if let Some(line) = lines.take(notice) {
                    errln!("{line}");
                }
            })
        }
    }
}
