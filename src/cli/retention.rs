//! Changes how long an environment stays.

use super::error::{ReportedError, engine_error, usage_error};
use super::{Common, environment, target};
use crate::engine::ObservedEnvironment;
use crate::lease::{Owner, Retention, RetentionChange, RetentionUpdate};
use crate::model::RunId;
use crate::report::exit_code;

/// A changed retention.
pub struct Changed {
    /// As it was.
    pub before: Retention,
    /// As it is.
    pub after: Retention,
    /// Whom the environment belongs to, if its lease says.
    pub owner: Option<Owner>,
}

/// Changes the retention. Errors are printed and have their exit code.
pub async fn change(name: &str, change: &RetentionChange, common: &Common) -> anyhow::Result<Changed> {
    let engine = target::engine(common).await?;
    let found = engine.observe(name).await.map_err(|e| engine_error(common, &e))?;
    let Some(found) = found else {
        return Err(environment::not_found_error(name, engine.as_ref(), common).await.into());
    };
    let owner = found.lease.as_ref().and_then(|lease| lease.owner.clone());
    let (run, before) = run_and_retention(name, found)?;
    match engine.update_retention(name, run, change).await.map_err(|e| engine_error(common, &e))? {
        RetentionUpdate::Current(after) => Ok(Changed { before, after, owner }),
        RetentionUpdate::NotFound => Err(environment::not_found_error(name, engine.as_ref(), common).await.into()),
        RetentionUpdate::Terminating => Err(leaving(name).into()),
        RetentionUpdate::OwnedBy(newer) => {
            errln!("error: run {newer} just replaced {name}; nothing was changed; check it and try again");
            Err(ReportedError(exit_code::UNEXPECTED).into())
        }
    }
}

/// The run that owns the environment, and the retention now.
fn run_and_retention(name: &str, found: ObservedEnvironment) -> Result<(RunId, Retention), ReportedError> {
    match found {
        ObservedEnvironment { terminating: true, .. } => Err(leaving(name)),
        ObservedEnvironment { lease: Some(lease), retention: Some(retention), .. } => Ok((lease.run, retention)),
        o if o.unreadable_lease => {
            Err(usage_error(&format!("{name} was created by another version of dayfly; use that version")))
        }
        _ => Err(usage_error(&format!("{name} has no owner, only remnants are left; see `dayfly status {name}`"))),
    }
}

fn leaving(name: &str) -> ReportedError {
    usage_error(&format!("{name} is already being removed"))
}
