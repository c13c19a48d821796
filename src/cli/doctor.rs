//! `dayfly doctor`: checks everything that a run needs, and says how to fix what fails.
//!
//! Starts a small environment of dayfly's own image and removes it again; the image stays as a cache.

use std::path::PathBuf;

use super::policy::PolicyCheckArgs;
use super::target::{self, Target};
use super::{Common, DescriptionArgs, Output, stdio};
use crate::report::exit_code;
use crate::spec::Overrides;
use check::Check;

pub mod check;
mod cluster;
mod local;
mod trial;

/// Runs all checks; with `file`, also those of the description's images.
pub async fn run(file: Option<PathBuf>, check: &PolicyCheckArgs, common: &Common) -> anyhow::Result<u8> {
    let description = file
        .map(|file| DescriptionArgs { file, set: vec![], image: vec![], suites_from: None })
        .map(|args| check.load_description(&args, &Overrides::default(), common.output == Output::Json))
        .transpose()?;
    let (checks, gaps) = match target::one(common)? {
        Target::Local => match target::local(common).await? {
            Ok(engine) => local::all(engine, description).await,
            Err(e) => (vec![Check::failed("container engine", format!("failed to {e}"), "")], vec![]),
        },
        Target::Kubernetes(context) => match target::cluster(context, common).await? {
            Ok(engine) => cluster::all(engine, description).await,
            Err(e) => (vec![Check::failed("cluster", format!("failed to {e}"), "")], vec![]),
        },
    };
    match common.output {
        Output::Json => {
            outln!("{}", serde_json::to_string_pretty(&serde_json::json!({"checks": checks, "cannot": gaps}))?)
        }
        Output::Text => stdio::out(&check::text(&checks, &gaps)),
    }
    Ok(if checks.iter().all(|c| c.passed) { exit_code::PASSED } else { exit_code::NOT_READY })
}
