//! The waivers of the flags. Whoever writes a waiver decides what passes: in a CI job, none comes from the change.

use std::path::{Path, PathBuf};

use clap::Args;

use super::error::usage_error;
use super::{ci, description, process_env};
use crate::advisories::scan::waivers::{self, Waiver, WaiverError};
use crate::base::{Base, Process, Snapshot};
use crate::file::read_regular;
use crate::spec::yaml::MAX_BYTES;

/// The flag that names the base in commands that take no suites from it.
pub const FROM: &str = "--waivers-from";

/// Accepted findings.
#[derive(Debug, Clone, Default, Args)]
pub struct WaiverArgs {
    /// Waivers: `kind: DependencyWaivers`, OpenVEX (.json) or the file of osv-scanner (.toml) (repeatable)
    #[arg(long, value_name = "FILE")]
    pub waivers: Vec<PathBuf>,
}

impl WaiverArgs {
    /// Reads them; a file inside of the repository from `base`, which a CI job must name with `flag`.
    pub fn load(&self, base: Option<&str>, flag: &str, json: bool) -> anyhow::Result<Vec<Waiver>> {
        if self.waivers.is_empty() {
            return Ok(vec![]);
        }
        let process = process()?;
        let fault = |e: &dyn std::fmt::Display| usage_error(&format!("{flag}: {e}"));
        let base = base
            .map(|from| Base::open(Path::new("waivers.yaml"), from, &process))
            .transpose()
            .map_err(|e| fault(&e))?;
        let top = top(&process.folder);
        let is_job = ci::in_ci(&process_env::variables());
        self.each(json, |file| {
            let real = process.folder.join(file).canonicalize().unwrap_or_else(|_| process.folder.join(file));
            let is_inside = real.starts_with(&top);
            match &base {
                Some(base) if is_inside => {
                    let path = base.inner_path(&real).or_else(|| base.inner_path(file));
                    let path = path.ok_or_else(|| format!("the place of {} in the base is unknown", file.display()))?;
                    base.read(&path, MAX_BYTES as u64).map_err(|e| e.to_string())
                }
                None if is_inside && is_job => Err(format!(
                    "{} lies in the repository, so that the author of the change could choose it; name the base with {flag}, or a file elsewhere",
                    file.display()
                )),
                _ => own(file),
            }
        })
    }

    /// Reads them for a change: a file that the change could have brought from its base, by the same path.
    pub fn load_of_base(
        &self,
        base: &Snapshot,
        head: &Snapshot,
        process: &Process,
        json: bool,
    ) -> anyhow::Result<Vec<Waiver>> {
        self.each(json, |file| match head.inner_path(file, process) {
            Some(path) => base.read(&path, MAX_BYTES as u64).map_err(|e| e.to_string()),
            None => own(file),
        })
    }

    fn each(&self, json: bool, read: impl Fn(&Path) -> Result<Vec<u8>, String>) -> anyhow::Result<Vec<Waiver>> {
        let mut all = vec![];
        for file in &self.waivers {
            let bytes = read(file).map_err(|why| usage_error(&format!("--waivers: {why}")))?;
            match waivers::read(file, &bytes) {
                Ok(found) => all.extend(found),
                Err(WaiverError::Diagnostics(found)) => description::printed::<()>(Err(found), json)?,
                Err(WaiverError::Other(why)) => return Err(usage_error(&why).into()),
            }
        }
        Ok(all)
    }
}

fn own(file: &Path) -> Result<Vec<u8>, String> {
    read_regular(file, MAX_BYTES as u64).map_err(|e| format!("failed to read {}: {e}", file.display()))
}

/// The top of the repository around a folder, or the folder itself.
fn top(folder: &Path) -> PathBuf {
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    real.ancestors().find(|f| f.join(".git").symlink_metadata().is_ok()).unwrap_or(&real).to_owned()
}

fn process() -> anyhow::Result<Process> {
    let unknown = |e: std::io::Error| usage_error(&format!("the working folder is unknown: {e}"));
    let folder = std::env::current_dir().map_err(unknown)?;
    Ok(Process { folder, path: std::env::var_os("PATH").unwrap_or_default() })
}
