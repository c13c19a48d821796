//! `dayfly man`: writes the manual pages, generated from the definitions that parse the command line.

use std::path::Path;

use anyhow::Context;

use crate::report::exit_code;

/// Writes `dayfly.1` and a page for each subcommand.
pub fn run(command: clap::Command, folder: &Path) -> anyhow::Result<u8> {
    std::fs::create_dir_all(folder).with_context(|| format!("failed to create the folder {}", folder.display()))?;
    clap_mangen::generate_to(command, folder)
        .with_context(|| format!("failed to write manual pages to {}", folder.display()))?;
    Ok(exit_code::PASSED)
}
