//! The operator's policy of the flags, and the check of descriptions against it.

use std::path::PathBuf;

use clap::Args;

use super::{DescriptionArgs, ci, description, process_env};
use crate::policy::{self, Policy, Subject};
use crate::spec::{Diagnostics, Overrides, ValidDescription};

/// The operator's policy.
#[derive(Debug, Clone, Default, Args)]
pub struct PolicyArgs {
    /// Policy with the limits of descriptions (default: dayfly's built-in limits); see docs/policy.md
    #[arg(long, value_name = "FILE", env = "DAYFLY_POLICY", hide_env_values = true)]
    pub policy: Option<PathBuf>,
}

/// The operator's policy, and the repository that selects a rule of it.
#[derive(Debug, Clone, Default, Args)]
pub struct PolicyCheckArgs {
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Repository whose limits hold, as URL (default in GitHub and GitLab jobs: that of the job)
    #[arg(long, value_name = "REPOSITORY")]
    pub repository: Option<String>,
}

impl PolicyArgs {
    /// Reads the policy; without one, the built-in limits.
    pub fn load(&self) -> Result<Policy, Diagnostics> {
        self.policy.as_deref().map_or(Ok(Policy::built_in()), policy::load)
    }

    /// Checks a description for a repository; returns the policy. Refusals are printed, and end with exit code 2.
    pub fn enforce(
        &self,
        valid: &ValidDescription,
        overrides: &Overrides,
        repository: Option<&str>,
        json: bool,
    ) -> anyhow::Result<Policy> {
        let subject = Subject::Command { repository: repository.map(str::to_owned) };
        let checked = self.load().and_then(|policy| {
            policy::check(&policy, &subject, valid, overrides)?;
            Ok(policy)
        });
        description::printed(checked, json)
    }
}

impl PolicyCheckArgs {
    /// As [`PolicyArgs::enforce`], for the repository of the flags or of the CI job.
    pub fn enforce(&self, valid: &ValidDescription, overrides: &Overrides, json: bool) -> anyhow::Result<Policy> {
        let variables = process_env::variables();
        let of_job = || ci::job(&variables, None).repository;
        let repository = self.repository.clone().or_else(of_job);
        self.policy.enforce(valid, overrides, repository.as_deref(), json)
    }
}

/// Loads a description and checks it against the policy.
pub fn load_description(
    args: &DescriptionArgs,
    overrides: Overrides,
    check: &PolicyCheckArgs,
    json: bool,
) -> anyhow::Result<ValidDescription> {
    let valid = description::load_with_base(args, overrides.clone(), json)?;
    check.enforce(&valid, &overrides, json)?;
    Ok(valid)
}
