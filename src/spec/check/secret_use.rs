//! Checks that services, jobs and suites receive the secrets that their texts name.

use std::collections::BTreeSet;

use super::context::Checker;
use crate::spec::secret_use::{SecretUse, Section};

pub(super) fn check<'s>(check: &mut Checker<'_>, uses: impl Iterator<Item = &'s SecretUse>) {
    let e = check.environment;
    let services = e.services.iter().map(|(name, s)| (Section::Services, name, &s.secrets));
    let jobs = e.jobs.iter().map(|(name, j)| (Section::Jobs, name, &j.secrets));
    let suites = e.suites.iter().map(|(name, s)| (Section::Suites, name, &s.secrets));
    let given: BTreeSet<(Section, &str, &str)> = services
        .chain(jobs)
        .chain(suites)
        .flat_map(|(section, name, secrets)| secrets.iter().map(move |s| (section, name.as_str(), s.as_str())))
        .collect();
    for SecretUse { at, holder, name } in uses {
        if !given.contains(&(holder.section, holder.name.as_str(), name.as_str())) {
            let message =
                format!("the {} `{}` does not receive the secret `{name}`", holder.section.noun(), holder.name);
            check.diagnostics.add(at, message, format!("add `{name}` to its `secrets`"));
        }
    }
}
