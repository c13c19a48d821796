//! `dayfly plan`: shows the plan of an environment. Needs no engine.

use std::path::Path;

use super::description::print_diagnostics;
use super::stdio;
use crate::plan::{build, text};
use crate::report::exit_code;
use crate::spec::{self, Overrides};

/// Formats of `--graph`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum GraphFormat {
    /// Indented text.
    Text,
    /// Graphviz.
    Dot,
    /// Mermaid.
    Mermaid,
}

/// Prints the plan, its graph, or with `json` the plan as data; returns the exit code.
pub fn run(file: &Path, overrides: &Overrides, pr: u32, graph: Option<GraphFormat>, json: bool) -> u8 {
    let overrides = Overrides { pr: Some(pr), ..overrides.clone() };
    let valid = match spec::load(file, &overrides) {
        Ok(valid) => valid,
        Err(faults) => {
            print_diagnostics(&faults, json);
            return exit_code::USAGE;
        }
    };
    let plan = match build::build(&valid, pr) {
        Ok(plan) => plan,
        Err(e) => {
            errln!("dayfly: failed to {e}");
            return 1;
        }
    };
    stdio::out(&match graph {
        Some(GraphFormat::Text) => text::graph(&plan),
        Some(GraphFormat::Dot) => text::dot(&plan),
        Some(GraphFormat::Mermaid) => text::mermaid(&plan),
        None if json => format!("{:#}\n", serde_json::json!(plan)),
        None => text::summary(&plan),
    });
    exit_code::PASSED
}
