//! `dayfly gate explain`: shows a recorded decision.

use std::path::PathBuf;

use clap::Args;

use super::text;
use crate::cli::error::usage_error;
use crate::cli::key::load_public;
use crate::cli::stdio;
use crate::evidence::verify::{Expectations, StatementContent, verify};
use crate::evidence::{decision, read};
use crate::report::exit_code;

/// Arguments of `gate explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Folder of the decision, or the statement about one image
    decision: PathBuf,
    /// Public key of the gate
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
}

/// Verifies the statements and shows them; the exit code is 10 if one is refused.
pub(super) fn run(args: &ExplainArgs, json: bool) -> anyhow::Result<u8> {
    let key = load_public(&args.public_key)?;
    let fault = |why: String| usage_error(&format!("failed to read the decision {}: {why}", args.decision.display()));
    let files = match args.decision.is_dir() {
        true => read::read_statements(&args.decision).map_err(|e| fault(e.to_string()))?,
        false => {
            let bytes = read::read_file(&args.decision).map_err(|e| fault(e.to_string()))?;
            [(args.decision.display().to_string(), bytes)].into()
        }
    };
    let mut decided = vec![];
    for (name, bytes) in &files {
        let refused = match verify(bytes, &key, &Expectations::default()).map(|verified| verified.content) {
            Ok(StatementContent::Decision(decision)) => {
                decided.push(*decision);
                continue;
            }
            Ok(_) => format!("{name} is not a decision of the gate"),
            Err(refusal) => format!("{name}: {refusal}"),
        };
        errln!("REFUSED  {refused}");
        return Ok(exit_code::REFUSED);
    }
    let Some(expected) = decided.first().map(|d| (d.decision.id.clone(), d.decision.images)) else {
        return Err(fault(format!("it has no {}", decision::file(1))).into());
    };
    let is_whole = decided.len() == expected.1 && decided.iter().all(|d| d.decision.id == expected.0);
    if args.decision.is_dir() && !is_whole {
        errln!("REFUSED  the folder does not hold the statements about all {} images of one decision", expected.1);
        return Ok(exit_code::REFUSED);
    }
    match json {
        true => outln!("{:#}", serde_json::json!(decided)),
        false => stdio::out(&decided.iter().map(text::explained).collect::<String>()),
    }
    Ok(exit_code::PASSED)
}
