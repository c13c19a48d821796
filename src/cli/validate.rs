//! `dayfly validate`: reports all errors of a description or a policy at once. Needs no engine.

use super::policy::PolicyCheckArgs;
use super::{DescriptionArgs, description};
use crate::dependencies::register::Register;
use crate::policy::Policy;
use crate::report::exit_code;
use crate::spec::backing::KindName;
use crate::spec::backing_services;
use crate::spec::{self, ValidDescription, kind};

/// Checks a description against the policy, or the file itself if it is a policy or a register.
///
/// Diagnostics go to stderr; with `json` they go to stdout as `[{severity, path, line, column, message, help}]`, which holds
/// warnings at most when valid. `deny_warnings` makes warnings fail.
pub fn run(args: &DescriptionArgs, check: &PolicyCheckArgs, deny_warnings: bool, json: bool) -> anyhow::Result<u8> {
    let read = description::printed(spec::read(&args.file), json)?;
    let mut warnings = None;
    let summary = if spec::document::is(&kind::POLICY, &read.1) {
        let policy = description::printed(Policy::parse(&read.0, &read.1), json)?;
        let rules = counted(policy.rules(), "rule");
        format!("{} is valid: a policy with {rules}", read.0.display())
    } else if spec::document::is(&kind::REGISTER, &read.1) {
        let register = description::printed(Register::parse(&read.0, &read.1), json)?;
        let entries = match register.document.dependencies.len() {
            1 => "1 entry".to_owned(),
            n => format!("{n} entries"),
        };
        format!("{} is valid: a register with {entries}", read.0.display())
    } else {
        let overrides = description::overrides(args, None);
        let valid = check.load_description(args, &overrides, json)?;
        let summary = summary(&valid);
        warnings = Some(valid.warnings).filter(|w| !w.list.is_empty() || w.omitted > 0);
        summary
    };
    match &warnings {
        Some(warnings) => description::print_diagnostics(warnings, json),
        None if json => outln!("[]"),
        None => {}
    }
    if deny_warnings && warnings.is_some() {
        return Ok(exit_code::USAGE);
    }
    if !json {
        outln!("{summary}");
    }
    Ok(exit_code::PASSED)
}

fn summary(valid: &ValidDescription) -> String {
    let e = &valid.environment;
    let mut parts = vec![counted(e.services.len(), "service"), counted(e.databases.len(), "database")];
    parts.extend(e.broker.iter().map(|_| "a broker".to_owned()));
    let backing: Vec<KindName> = backing_services::all(e).iter().map(|b| b.kind.name()).collect();
    for kind in KindName::ALL.into_iter().filter(|kind| backing.contains(kind)) {
        parts.push(format!("{} {}", backing.iter().filter(|k| **k == kind).count(), kind.noun()));
    }
    parts.push(counted(e.suites.len(), "suite"));
    format!("{} is valid: {}", valid.path.display(), parts.join(", "))
}

fn counted(n: usize, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}
