//! Pull request, commit and repository of a run, and where they come from.

use std::path::Path;

use crate::base::{Process, WorkingCopy};
use crate::cli::ci::{self, CiJob};
use crate::cli::origin::Origin;
use crate::cli::{ChangeArgs, process_env};
use crate::model::{Repository, without_credentials};
use crate::spec::file_of;

/// Stands for no pull request.
const NONE: u32 = 0;

/// What is claimed about the change under test.
#[derive(Debug, Default)]
pub struct Claims {
    /// Number of the pull request; 0 stands for none.
    pub pr: Option<(u32, Origin)>,
    /// The commit, as written.
    pub commit: Option<(String, Origin)>,
    /// The repository, without credentials.
    pub repository: Option<(String, Origin)>,
    /// Git names the commit, and the description differs from that of the commit.
    pub is_modified: bool,
    /// Why git does not know the commit.
    pub unknown: Option<String>,
    /// The CI job.
    pub job: CiJob,
}

/// Reports whether this is a CI job: then nothing is taken from git, whose working copy is the change's.
pub fn is_job() -> bool {
    ci::in_ci(&process_env::variables())
}

/// Resolves flags, CI job and, outside of CI, git.
pub fn claims(args: &ChangeArgs, description: &Path) -> Claims {
    let variables = process_env::variables();
    let job = ci::job(&variables, ci::event(&variables).as_deref());
    let is_job = ci::in_ci(&variables);
    let complete = args.commit.is_some() && args.repository.is_some();
    let (copy, unknown) = if is_job || complete { (None, None) } else { working_copy(description) };
    let pr = args.pr.map(|pr| (pr, Origin::Flag)).or(job.pr.map(|pr| (pr, Origin::Job)));
    let of_git = |value: Option<String>| value.map(|value| (value, Origin::Git));
    let or_job = |flag: &Option<String>, job: &Option<String>| {
        let flag = flag.clone().map(|value| (value, Origin::Flag));
        flag.or(job.clone().map(|value| (value, Origin::Job)))
    };
    let remote = copy.as_ref().and_then(|c| c.remote.clone()).filter(|r| Repository::parse(r).is_some());
    let repository = or_job(&args.repository, &job.repository).or(of_git(remote));
    Claims {
        pr: pr.or((!is_job).then_some((NONE, Origin::Default("no pull request")))),
        commit: or_job(&args.commit, &job.commit).or(of_git(copy.as_ref().map(|c| c.commit.clone()))),
        repository: repository.map(|(value, from)| (without_credentials(&value), from)),
        is_modified: copy.is_some_and(|c| c.is_modified),
        unknown,
        job,
    }
}

/// The working copy, or why git does not know one.
fn working_copy(description: &Path) -> (Option<WorkingCopy>, Option<String>) {
    let Ok(folder) = std::env::current_dir() else { return (None, None) };
    let process = Process { folder, path: std::env::var_os("PATH").unwrap_or_default() };
    match WorkingCopy::find(&file_of(description), &process) {
        Ok(copy) => (copy, None),
        Err(e) => (None, Some(e.to_string())),
    }
}
