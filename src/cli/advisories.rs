//! `dayfly advisories`: makes a bundle of advisories, and shows what is in one.

use clap::Subcommand;

use super::Common;
use super::wanted::Wanted;

mod import;
mod open;
mod seen;
mod serve;
mod show;

pub use open::AdvisoriesArgs;

/// Actions on advisories.
#[derive(Debug, Subcommand)]
pub enum AdvisoriesAction {
    /// Make a bundle of advisories from databases on this machine
    Import(import::ImportArgs),
    /// Show what is in a bundle: ecosystems with dates, or one record
    Show(show::ShowArgs),
    /// Answer queries of OSV on this machine, for scanners such as pip-audit
    Serve(serve::ServeArgs),
}

impl AdvisoriesAction {
    /// The arguments that `dayfly.toml` can set; returns false for an import, which takes none.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) -> bool {
        match self {
            Self::Import(_) => return false,
            Self::Show(args) => args.advisories.wants(wanted),
            Self::Serve(args) => args.wants(wanted),
        }
        true
    }
}

/// Performs an action.
pub async fn run(action: AdvisoriesAction, common: &Common) -> anyhow::Result<u8> {
    match action {
        AdvisoriesAction::Import(args) => import::run(&args, common),
        AdvisoriesAction::Show(args) => show::run(&args, common),
        AdvisoriesAction::Serve(args) => serve::run(args, common).await,
    }
}
