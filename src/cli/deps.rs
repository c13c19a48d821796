//! `dayfly deps`: dependencies under review.

use clap::Subcommand;

use super::Common;
use super::wanted::Wanted;

mod diff;

/// Actions on dependencies.
#[derive(Debug, Subcommand)]
pub enum DepsAction {
    /// Show what a change does to dependencies, and judge it
    Diff(diff::DiffArgs),
}

impl DepsAction {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        match self {
            Self::Diff(args) => args.wants(wanted),
        }
    }
}

/// Performs an action.
pub fn run(action: DepsAction, common: &Common) -> anyhow::Result<u8> {
    match action {
        DepsAction::Diff(args) => diff::run(&args, common),
    }
}
