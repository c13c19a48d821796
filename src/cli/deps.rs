//! `dayfly deps`: dependencies under review.

use clap::Subcommand;

use super::Common;
use super::wanted::Wanted;

mod diff;
mod register;

/// Actions on dependencies.
#[derive(Debug, Subcommand)]
pub enum DepsAction {
    /// Show what a change does to dependencies, and judge it
    Diff(diff::DiffArgs),
    /// Check that the register has a fresh entry for each explicit dependency
    Check(register::RegisterArgs),
    /// Draft entries of the register, with the questions that somebody must answer
    Draft(register::DraftArgs),
    /// List the register beside what the project asks for
    List(register::ListArgs),
}

impl DepsAction {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        match self {
            Self::Diff(args) => args.judged_by.wants(wanted),
            Self::Check(args) => args.wants(wanted),
            Self::Draft(args) => args.wants(wanted),
            Self::List(args) => args.wants(wanted),
        }
    }
}

/// Performs an action.
pub fn run(action: DepsAction, common: &Common) -> anyhow::Result<u8> {
    match action {
        DepsAction::Diff(args) => diff::run(&args, common),
        DepsAction::Check(args) => register::check(&args, common),
        DepsAction::Draft(args) => register::draft(&args, common),
        DepsAction::List(args) => register::list(&args, common),
    }
}
