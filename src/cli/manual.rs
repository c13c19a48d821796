//! Shell completions and manual pages, made from the same definitions that parse the command line.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use super::{Cli, stdio};
use crate::report::exit_code;

/// Prints a completion script.
pub fn completions(shell: clap_complete::Shell) -> anyhow::Result<u8> {
    let mut script = vec![];
    clap_complete::generate(shell, &mut Cli::command(), "dayfly", &mut script);
    stdio::out(&String::from_utf8_lossy(&script));
    Ok(exit_code::PASSED)
}

/// Writes `dayfly.1` and a page for each verb.
pub fn pages(folder: &Path) -> anyhow::Result<u8> {
    std::fs::create_dir_all(folder).with_context(|| format!("failed to make the folder {}", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("failed to write manual pages to {}", folder.display()))?;
    Ok(exit_code::PASSED)
}
