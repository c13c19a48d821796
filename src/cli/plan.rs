//! `dayfly plan`: shows the plan of an environment. Needs no engine.

use super::policy::PolicyCheckArgs;
use super::{DescriptionArgs, description, stdio};
use crate::plan::{build, text};
use crate::report::exit_code;
use crate::spec::Overrides;

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
pub fn run(
    args: &DescriptionArgs,
    check: &PolicyCheckArgs,
    pr: u32,
    graph: Option<GraphFormat>,
    json: bool,
) -> anyhow::Result<u8> {
    let overrides = Overrides { pr: Some(pr), ..description::overrides(args, None) };
    let valid = check.load_description(args, &overrides, json)?;
    let plan = match build::build(&valid, pr) {
        Ok(plan) => plan,
        Err(e) => {
            errln!("dayfly: failed to {e}");
            return Ok(exit_code::UNEXPECTED);
        }
    };
    stdio::out(&match graph {
        Some(GraphFormat::Text) => text::graph(&plan),
        Some(GraphFormat::Dot) => text::dot(&plan),
        Some(GraphFormat::Mermaid) => text::mermaid(&plan),
        None if json => format!("{:#}\n", serde_json::json!(plan)),
        None => text::summary(&plan),
    });
    Ok(exit_code::PASSED)
}
