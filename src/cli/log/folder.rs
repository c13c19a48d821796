//! The evidence folder whose log is meant.

use std::path::PathBuf;

use clap::Args;

use crate::cli::request::DEFAULT_EVIDENCE;

/// The evidence folder.
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    /// Evidence folder, whose folder `log` is the log (default: `evidence` in the working folder)
    #[arg(long, value_name = "FOLDER", env = "DAYFLY_EVIDENCE", hide_env_values = true, default_value = DEFAULT_EVIDENCE)]
    pub evidence: PathBuf,
}
