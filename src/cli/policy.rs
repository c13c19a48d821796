//! The operator's policy of the flags, and the check of descriptions against it.

use std::path::{Path, PathBuf};

use clap::Args;

use super::error::usage_error;
use super::wanted::{Slot, Wanted};
use super::{DescriptionArgs, ci, description, process_env};
use crate::base::{Base, Process, Snapshot};
use crate::policy::{self, Limits, Policy, Subject};
use crate::spec::yaml::MAX_BYTES;
use crate::spec::{Overrides, ValidDescription};

/// The operator's policy.
#[derive(Debug, Clone, Default, Args)]
pub struct PolicyArgs {
    /// Policy with the limits of descriptions (default: dayfly's built-in limits); see docs/policy.md. With --suites-from, a
    /// file inside the repository is read from the base
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
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        wanted.slots.push(("policy", Slot::Path(&mut self.policy)));
    }

    /// Reads the policy; without one, the built-in limits. With a base, the change cannot choose a file inside the repository.
    fn load(&self, base: Option<&Base>, json: bool) -> anyhow::Result<Policy> {
        let Some(file) = &self.policy else { return Ok(Policy::built_in()) };
        let inner = base.and_then(|base| Some((base, base.inner_path(file)?)));
        let read = match inner {
            Some((base, path)) => {
                let found = description::read_base(base, &path)?;
                Policy::parse(Path::new(&found.name()), &found.bytes)
            }
            None => policy::load(file),
        };
        description::printed(read, json)
    }

    /// Reads a description with the suites of its base, and checks it for a repository. Refusals are printed, and end with exit
    /// code 2.
    pub fn load_description(
        &self,
        args: &DescriptionArgs,
        overrides: &Overrides,
        repository: Option<&str>,
        json: bool,
    ) -> anyhow::Result<(ValidDescription, Policy)> {
        let base = description::base(args)?;
        let valid = description::load_with_base(args, base.as_ref(), overrides, json)?;
        let policy = self.load(base.as_ref(), json)?;
        let subject = Subject::Command { repository: repository.map(str::to_owned) };
        description::printed(policy::check(&policy, &subject, &valid, overrides), json)?;
        Ok((valid, policy))
    }
}

impl PolicyArgs {
    /// The limits of the policy for a repository.
    pub fn limits(&self, repository: Option<&str>, json: bool) -> anyhow::Result<Limits> {
        let subject = Subject::Command { repository: repository.map(str::to_owned) };
        Ok(self.load(None, json)?.limits(&subject))
    }
}

impl PolicyCheckArgs {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        self.policy.wants(wanted);
        wanted.slots.push(("repository", Slot::Text(&mut self.repository)));
    }

    /// The limits of the policy for the repository of the flags or of the CI job.
    pub fn limits(&self, json: bool) -> anyhow::Result<Limits> {
        self.policy.limits(self.repository().as_deref(), json)
    }

    /// The limits for a change. A policy that the change could have brought is read from its base, by the same path.
    pub fn limits_of_base(
        &self,
        base: &Snapshot,
        head: &Snapshot,
        process: &Process,
        json: bool,
    ) -> anyhow::Result<Limits> {
        let file = self.policy.policy.as_ref();
        let inner = file.and_then(|file| head.inner_path(file, process));
        let policy = match inner {
            Some(path) => {
                let bytes = base.read(&path, MAX_BYTES as u64).map_err(|e| usage_error(&format!("--policy: {e}")))?;
                description::printed(Policy::parse(Path::new(&path), &bytes), json)?
            }
            None => self.policy.load(None, json)?,
        };
        Ok(policy.limits(&Subject::Command { repository: self.repository() }))
    }

    fn repository(&self) -> Option<String> {
        self.repository.clone().or_else(|| ci::job(&process_env::variables(), None).repository)
    }

    /// As [`PolicyArgs::load_description`], for the repository of the flags or of the CI job.
    pub fn load_description(
        &self,
        args: &DescriptionArgs,
        overrides: &Overrides,
        json: bool,
    ) -> anyhow::Result<ValidDescription> {
        Ok(self.policy.load_description(args, overrides, self.repository().as_deref(), json)?.0)
    }
}
