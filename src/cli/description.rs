//! Reads, checks and plans the description of the flags. Diagnostics are printed and end with exit code 2.

use std::io::IsTerminal;
use std::path::Path;

use serde_json::json;

use super::error::{ReportedError, usage_error};
use super::{ChangeArgs, DescriptionArgs, stdio};
use crate::plan::Plan;
use crate::report::exit_code;
use crate::spec::{Diagnostics, Overrides, ValidDescription};

/// The values that the flags override.
pub fn overrides(description: &DescriptionArgs, change: Option<&ChangeArgs>) -> Overrides {
    Overrides {
        set: description.set.clone(),
        images: description.image.clone(),
        ttl: change.and_then(|c| c.ttl.clone()),
        pr: change.and_then(|c| c.pr),
        commit: change.and_then(|c| c.commit.clone()),
    }
}

/// Reads and checks a description.
pub fn load(path: &Path, overrides: &Overrides, json: bool) -> anyhow::Result<ValidDescription> {
    crate::spec::load(path, overrides).map_err(|faults| {
        print_diagnostics(&faults, json);
        anyhow::Error::new(ReportedError(exit_code::USAGE))
    })
}

/// Prints diagnostics to standard error; as JSON, to standard output.
pub fn print_diagnostics(faults: &Diagnostics, json: bool) {
    if json {
        outln!("{:#}", json!(faults.list));
    } else {
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        stdio::err_styled(&faults.render(colour), colour);
    }
}

/// Plans a valid description.
pub fn plan(valid: &ValidDescription, pr: u32) -> anyhow::Result<Plan> {
    crate::plan::build::build(valid, pr).map_err(|e| usage_error(&format!("failed to {e}")).into())
}
