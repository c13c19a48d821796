//! The bundle of the flags.

use std::path::PathBuf;

use clap::Args;

use super::seen;
use crate::advisories::Bundle;
use crate::advisories::bundle::Trust;
use crate::advisories::scan::Opened;
use crate::cli::error::usage_error;
use crate::cli::key::load_public;
use crate::cli::wanted::{Slot, Wanted};
use crate::plan::Plan;
use crate::report::exit_code;

/// Where the advisories are.
#[derive(Debug, Clone, Default, Args)]
pub struct AdvisoriesArgs {
    /// Bundle of advisories, from `dayfly advisories import`
    #[arg(long, value_name = "FILE", env = "DAYFLY_ADVISORIES", hide_env_values = true)]
    pub advisories: Option<PathBuf>,
    /// Public key that must have signed the advisories
    #[arg(long, value_name = "FILE", env = "DAYFLY_ADVISORIES_KEY", hide_env_values = true)]
    pub advisories_key: Option<PathBuf>,
}

/// Why a bundle is refused.
pub struct Refused(pub String);

impl Refused {
    /// Says so; returns the exit code.
    pub fn code(&self) -> u8 {
        errln!("REFUSED  {}", self.0);
        exit_code::REFUSED
    }
}

impl AdvisoriesArgs {
    /// The arguments that `dayfly.toml` can set.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        wanted.slots.push(("advisories", Slot::Path(&mut self.advisories)));
        wanted.slots.push(("advisories-key", Slot::Path(&mut self.advisories_key)));
    }

    /// Opens the bundle for a command that is about nothing else: without one it is a usage error, and one that cannot be used is
    /// refused.
    pub fn require(&self) -> anyhow::Result<Result<Box<Bundle>, Refused>> {
        match self.open().map_err(|e| usage_error(&format!("{e:#}")))? {
            Opened::Bundle(bundle) => Ok(Ok(bundle)),
            Opened::None => Err(usage_error("name a bundle with --advisories").into()),
            Opened::Unusable(why) => Ok(Err(Refused(why))),
        }
    }

    /// Opens the bundle if suites of a plan scan dependencies. An unreadable key is a usage error.
    pub fn open_for(&self, plan: &Plan, suites: &[String]) -> anyhow::Result<Opened> {
        if plan.scans(suites).next().is_none() {
            return Ok(Opened::None);
        }
        self.open().map_err(|e| usage_error(&format!("{e:#}")).into())
    }

    /// Opens the bundle. An unreadable key is a usage error; a bundle that cannot be trusted is unusable.
    pub fn open(&self) -> anyhow::Result<Opened> {
        let key = self.advisories_key.as_deref().map(load_public).transpose()?;
        let Some(path) = &self.advisories else { return Ok(Opened::None) };
        let unusable = |why: String| Ok(Opened::Unusable(format!("{}: {why}", path.display())));
        let bundle = match Bundle::open(path, key.as_ref()) {
            Ok(bundle) => bundle,
            Err(e) => return unusable(format!("failed to {e}")),
        };
        // Without a signature, anybody could have chosen the number.
        if let (Trust::Verified(keyid), Some(file)) = (&bundle.trust, seen::default_file())
            && let Err(why) = seen::check(&file, keyid, bundle.header.sequence)
        {
            return unusable(why);
        }
        Ok(Opened::Bundle(Box::new(bundle)))
    }
}
