//! `dayfly scan`: looks for known vulnerabilities and malicious packages in what a project depends on, and in images.

use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;

use super::error::usage_error;
use super::waivers::FROM;
use super::{Common, Output, stdio};
use crate::advisories::scan::{self, ScanRules};
use crate::lockfiles;
use crate::model::{ImageRef, Verdict};
use crate::report::exit_code;
use crate::sbom::{Target, TargetKind};

mod image;
mod judged_by;
mod scanned;

pub use judged_by::JudgedByArgs;
use scanned::Scanned;

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// Lock file, folder with lock files, archive of an image, or image of the local engine
    #[arg(default_value = ".", value_name = "PATH|IMAGE")]
    path: PathBuf,
    /// Take the argument for an image, even if there is a file of that name
    #[arg(long)]
    image: bool,
    #[command(flatten)]
    pub judged_by: JudgedByArgs,
    /// Revision, or folder (as ./FOLDER), of the protected base that waivers inside of the repository are read from
    #[arg(long, value_name = "BASE", requires = "waivers")]
    waivers_from: Option<String>,
    /// Write what was looked at as a CycloneDX 1.6 SBOM, too
    #[arg(long, value_name = "FILE")]
    sbom: Option<PathBuf>,
    /// Write the findings as OpenVEX, too
    #[arg(long, value_name = "FILE")]
    openvex: Option<PathBuf>,
    /// Write the findings as SARIF, too
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Write the findings as CSV, too
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// Scans; the exit code is 0, 6 (failed) or 7 (inconclusive).
pub async fn run(args: &ScanArgs, common: &Common) -> anyhow::Result<u8> {
    let json = common.output == Output::Json;
    let limits = args.judged_by.policy.limits(json)?.dependencies;
    let usage = |e: anyhow::Error| usage_error(&format!("{e:#}"));
    let waivers = args.judged_by.waivers.load(args.waivers_from.as_deref(), FROM, json)?;
    let scanned = read(args, common).await?;
    let now = Timestamp::now();
    if let Some(file) = &args.sbom {
        replace(file, &scanned.sbom(&args.path, now).text).map_err(usage)?;
    }
    let subject = scanned.subject();
    let opened = args.judged_by.advisories.open().map_err(usage)?;
    let rules = ScanRules { limits, now };
    let result = scan::perform(subject, &opened, &rules, &waivers);
    if let Some(file) = &args.openvex {
        replace(file, &format!("{:#}\n", scan::waivers::openvex(&result, rules.now))).map_err(usage)?;
    }
    if let Some(file) = &args.sarif {
        replace(file, &format!("{:#}\n", scan::sarif(&result))).map_err(usage)?;
    }
    if let Some(file) = &args.csv {
        replace(file, &scan::csv(&result)).map_err(usage)?;
    }
    if json {
        let value = serde_json::to_value(&result)?;
        outln!("{value:#}");
    } else {
        stdio::out(&scan::text(&result));
    }
    Ok(exit_code_of(result.verdict))
}

/// The exit code of a verdict about dependencies.
pub fn exit_code_of(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Passed => exit_code::PASSED,
        Verdict::Failed => exit_code::SECURITY,
        Verdict::Inconclusive => exit_code::INCONCLUSIVE,
    }
}

/// Reads what the arguments name.
async fn read(args: &ScanArgs, common: &Common) -> anyhow::Result<Scanned> {
    let usage = |e: anyhow::Error| anyhow::Error::from(usage_error(&format!("{e:#}")));
    let name = args.path.to_str().filter(|name| args.image || is_image(name, &args.path));
    if let Some(name) = name {
        return image::of_engine(name, common).await;
    }
    if args.image {
        return Err(usage_error("--image needs the name of an image").into());
    }
    if image::is_archive(&args.path) {
        return image::of_archive(&args.path).await.map_err(usage);
    }
    lock_files(&args.path).map_err(usage)
}

/// True if nothing is at the path, and its name is rather that of an image than that of a file.
fn is_image(name: &str, path: &Path) -> bool {
    let ends = [".lock", ".txt", ".json", ".toml", ".mod", ".sum", ".tar"].iter().any(|end| name.ends_with(end));
    let is_file_name = name.starts_with(['.', '/']) || ends;
    path.symlink_metadata().is_err() && !is_file_name && name.parse::<ImageRef>().is_ok()
}

/// The lock files at a path.
fn lock_files(path: &Path) -> anyhow::Result<Scanned> {
    let failed = |e: lockfiles::LockError| anyhow::anyhow!("failed to {e}");
    let found = lockfiles::find(path).map_err(failed)?;
    let root = if path.is_dir() { path.to_owned() } else { project(path) };
    let mut scanned = Scanned { gaps: found.gaps, ..Scanned::default() };
    for (file, kind) in found.files {
        let lock = lockfiles::read(&file, kind, &root).map_err(failed)?;
        scanned.sources.push(lock.path.clone());
        scanned.targets.push(Target {
            kind: TargetKind::LockFile,
            name: lock.path,
            digest: lock.digest.map(|d| d.to_string()),
            packages: lock.packages,
            gaps: lock.gaps,
        });
    }
    Ok(scanned)
}

/// The repository of a file, or its folder: what the file includes must be below.
fn project(file: &Path) -> PathBuf {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let repository = real.ancestors().find(|f| f.join(".git").symlink_metadata().is_ok()).map(Path::to_owned);
    repository.unwrap_or(real)
}

/// Writes a file as a whole.
pub fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let failed = || format!("failed to write {}", file.display());
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = tempfile::Builder::new().prefix(".dayfly-").tempfile_in(folder).with_context(failed)?;
    new.write_all(text.as_bytes()).with_context(failed)?;
    new.as_file().set_permissions(Permissions::from_mode(0o644)).with_context(failed)?;
    new.persist(file).map_err(|e| e.error).with_context(failed)?;
    Ok(())
}
