//! The flags that a verdict about dependencies goes by, for `scan` and `deps diff`.

use clap::Args;

use crate::cli::advisories::AdvisoriesArgs;
use crate::cli::policy::PolicyCheckArgs;
use crate::cli::waivers::WaiverArgs;
use crate::cli::wanted::{Place, Wanted};

/// Advisories, policy and waivers.
#[derive(Debug, Args)]
pub struct JudgedByArgs {
    #[command(flatten)]
    pub advisories: AdvisoriesArgs,
    #[command(flatten)]
    pub policy: PolicyCheckArgs,
    #[command(flatten)]
    pub waivers: WaiverArgs,
}

impl JudgedByArgs {
    /// The arguments that `dayfly.toml` can set.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        self.advisories.wants(wanted);
        self.policy.wants(wanted);
        wanted.place = Place::Nearest;
    }
}
