//! `dayfly advisories import`.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use crate::advisories::Bundle;
use crate::advisories::bundle::{self, Header};
use crate::advisories::import::{Import, ImportRequest, PopularSource, import};
use crate::cli::error::usage_error;
use crate::cli::key::signing_key;
use crate::cli::{Common, Output, stdio};
use crate::evidence::SigningKey;
use crate::report::exit_code;

/// Records that an ecosystem may lose from one bundle to the next, in hundredths.
const MAX_LOSS: usize = 10;

/// Arguments of `advisories import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Databases: OSV's archives (`all.zip`), folders with archives or records, the trees of PyPA and RustSec
    #[arg(required = true)]
    sources: Vec<PathBuf>,
    /// Bundle to write; replaces an older one
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Private key that signs the bundle
    #[arg(long, value_name = "FILE", env = "DAYFLY_KEY", hide_env_values = true)]
    key: Option<PathBuf>,
    /// File whose first line is the passphrase of the key
    #[arg(long, value_name = "FILE", requires = "key")]
    passphrase_file: Option<PathBuf>,
    /// When the databases were downloaded (default: the last change of a record, for each database)
    #[arg(long, value_name = "TIME")]
    snapshot: Option<Timestamp>,
    /// Known exploited vulnerabilities: CISA's JSON
    #[arg(long, value_name = "FILE")]
    kev: Option<PathBuf>,
    /// Exploit prediction scores: FIRST's CSV, also as .gz
    #[arg(long, value_name = "FILE")]
    epss: Option<PathBuf>,
    /// Popular names of an ecosystem, for look-alikes: JSON of top-pypi-packages, or a name in each line (repeatable)
    #[arg(long, value_name = "ECOSYSTEM=FILE", value_parser = popular)]
    popular: Vec<PopularSource>,
    /// Number of the bundle (default: the time in seconds, and above that of the bundle that is replaced)
    #[arg(long, value_name = "NUMBER")]
    sequence: Option<u64>,
    /// Leave out records that cannot be read
    #[arg(long)]
    skip_invalid: bool,
    /// Accept that an ecosystem loses more than a tenth of its records
    #[arg(long)]
    allow_loss: bool,
}

/// Writes a bundle.
pub fn run(args: &ImportArgs, common: &Common) -> anyhow::Result<u8> {
    let header = perform(args).map_err(|e| usage_error(&format!("{e:#}")))?;
    if common.output == Output::Json {
        outln!("{:#}", json!({"bundle": args.out, "header": header}));
    } else {
        stdio::out(&super::show::contents(&header));
    }
    Ok(exit_code::PASSED)
}

fn perform(args: &ImportArgs) -> anyhow::Result<Header> {
    let now = Timestamp::now();
    if let Some(later) = args.snapshot.filter(|s| *s > now) {
        bail!("--snapshot {later} is in the future");
    }
    let key = match &args.key {
        Some(file) => Some(signing_key(file, args.passphrase_file.clone())?),
        None => None,
    };
    let before = previous(&args.out, key.as_ref())?;
    let request = ImportRequest {
        sources: args.sources.clone(),
        kev: args.kev.clone(),
        epss: args.epss.clone(),
        popular: args.popular.clone(),
        snapshot: args.snapshot,
        skip_invalid: args.skip_invalid,
        sequence: sequence(args.sequence, before.as_ref(), now)?,
        now,
    };
    let Import { header, contents, skipped } = import(&request).map_err(|e| anyhow::anyhow!("failed to {e}"))?;
    if header.records.total == 0 {
        bail!("failed to import advisories: every record is withdrawn, or names no package");
    }
    if let Some(before) = before.filter(|_| !args.allow_loss) {
        refuse_loss(&before, &header)?;
    }
    for skipped in skipped.iter().take(20) {
        errln!("warning: left out:{skipped}");
    }
    if skipped.len() > 20 {
        errln!("warning: {} more records are left out", skipped.len() - 20);
    }
    if key.is_none() {
        errln!("warning: the bundle is not signed; sign it with --key, so that nobody can exchange it");
    }
    let folder = args.out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = || format!("failed to write {}", args.out.display());
    let new = tempfile::Builder::new().prefix(".dayfly-").tempfile_in(folder).with_context(failed)?;
    let mut out = BufWriter::new(new);
    bundle::write(&contents, header, key.as_ref(), &mut out).map_err(|e| anyhow::anyhow!("failed to {e}"))?;
    out.flush().with_context(failed)?;
    let new = out.into_inner().map_err(|e| e.into_error()).with_context(failed)?;
    File::set_permissions(new.as_file(), std::fs::Permissions::from_mode(0o644)).with_context(failed)?;
    // What is written is read again: a bundle that cannot be opened must not replace one that can.
    let verifying = key.as_ref().map(SigningKey::verifying_key);
    let written = Bundle::open(new.path(), verifying.as_ref()).map_err(|e| anyhow::anyhow!("failed to {e}"))?;
    new.persist(&args.out).map_err(|e| e.error).with_context(failed)?;
    Ok(written.header)
}

/// The bundle that is replaced; another file is not overwritten.
fn previous(path: &Path, key: Option<&SigningKey>) -> anyhow::Result<Option<Header>> {
    if !path.try_exists()? {
        return Ok(None);
    }
    // A bundle of another key is somebody else's.
    let verifying = key.map(SigningKey::verifying_key);
    match Bundle::open(path, verifying.as_ref()) {
        Ok(bundle) => Ok(Some(bundle.header)),
        Err(e) => {
            bail!("failed to replace {}: failed to {e}; remove it, or name another file with --out", path.display())
        }
    }
}

fn sequence(given: Option<u64>, before: Option<&Header>, now: Timestamp) -> anyhow::Result<u64> {
    let least = before.map_or(1, |b| b.sequence.saturating_add(1));
    match given {
        Some(number) if number < least => {
            bail!("--sequence {number} is not above {}, which the bundle that is replaced has", least - 1)
        }
        Some(number) => Ok(number),
        None => Ok(least.max(u64::try_from(now.as_second()).unwrap_or(0))),
    }
}

/// A database that was cut off looks like one with good news.
fn refuse_loss(before: &Header, now: &Header) -> anyhow::Result<()> {
    for (ecosystem, facts) in &before.ecosystems {
        let left = now.ecosystems.get(ecosystem).map_or(0, |e| e.records);
        if left.saturating_mul(100) < facts.records.saturating_mul(100 - MAX_LOSS) {
            bail!(
                "failed to import {ecosystem}: {left} records of {} are left, and the rest would be forgotten; check the sources, or accept it with --allow-loss",
                facts.records
            );
        }
    }
    Ok(())
}

fn popular(text: &str) -> Result<PopularSource, String> {
    let (ecosystem, path) = text.split_once('=').ok_or("write ECOSYSTEM=FILE, such as PyPI=top.json")?;
    Ok(PopularSource { ecosystem: ecosystem.parse()?, path: path.into() })
}
