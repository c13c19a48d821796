//! `dayfly deps check`, `deps draft` and `deps list`: the risk register of dependencies.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Zoned;

use crate::cli::error::usage_error;
use crate::cli::policy::PolicyCheckArgs;
use crate::cli::scan::{exit_code_of, replace};
use crate::cli::wanted::{Place, Wanted};
use crate::cli::{Common, Output, description, stdio};
use crate::dependencies::REGISTER;
use crate::dependencies::register::{self, Explicit, Register, RegisterReport, RegisterRules};
use crate::file::read_regular;
use crate::policy::Reaction;
use crate::report::exit_code;
use crate::spec::yaml::MAX_BYTES;

/// Where a project and its register are.
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// Folder with manifests and lock files
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Register (default: `dependencies.yaml` in the folder)
    #[arg(long, value_name = "FILE")]
    register: Option<PathBuf>,
    #[command(flatten)]
    policy: PolicyCheckArgs,
}

/// Arguments of `deps draft`.
#[derive(Debug, Args)]
pub struct DraftArgs {
    #[command(flatten)]
    of: RegisterArgs,
    /// Write the register, or add the entries to it, in place of printing them
    #[arg(long)]
    write: bool,
}

/// Arguments of `deps list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    of: RegisterArgs,
    /// Write the register as CSV, too
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

impl RegisterArgs {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        self.policy.wants(wanted);
        wanted.place = Place::Nearest;
    }

    fn file(&self) -> PathBuf {
        self.register.clone().unwrap_or_else(|| match self.folder.as_os_str() == "." {
            true => PathBuf::from(REGISTER),
            false => self.folder.join(REGISTER),
        })
    }

    /// The bytes of the register; none if there is no such file.
    fn bytes(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let file = self.file();
        match read_regular(&file, MAX_BYTES as u64) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(usage_error(&format!("failed to read {}: {e}", file.display())).into()),
        }
    }

    fn explicit(&self) -> anyhow::Result<Explicit> {
        Ok(register::explicit(&self.folder).map_err(|why| usage_error(&why))?)
    }

    fn report(&self, bytes: Option<&[u8]>, json: bool) -> anyhow::Result<RegisterReport> {
        let limits = self.policy.limits(json)?.dependencies;
        let file = self.file();
        let register = match bytes {
            Some(bytes) => description::printed(Register::parse(&file, bytes), json)?,
            None => Register::empty(&file.display().to_string()),
        };
        let rules = RegisterRules {
            reassess_ms: limits.reassess_ms,
            reviews: limits.reviews == Reaction::Fail,
            today: Zoned::now().date(),
        };
        Ok(register::examine(&register, &self.explicit()?, &rules))
    }
}

impl DraftArgs {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        self.of.wants(wanted);
    }
}

impl ListArgs {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        self.of.wants(wanted);
    }
}

/// Compares the register with the project; the exit code is 0, 6 (failed) or 7 (inconclusive).
pub fn check(args: &RegisterArgs, common: &Common) -> anyhow::Result<u8> {
    let json = common.output == Output::Json;
    let bytes = args.bytes()?;
    let report = args.report(bytes.as_deref(), json)?;
    if json {
        outln!("{:#}", serde_json::to_value(&report)?);
    } else {
        stdio::out(&register::problems(&report));
    }
    Ok(exit_code_of(report.verdict))
}

/// Prints the register beside the project.
pub fn list(args: &ListArgs, common: &Common) -> anyhow::Result<u8> {
    let json = common.output == Output::Json;
    let bytes = args.of.bytes()?;
    let report = args.of.report(bytes.as_deref(), json)?;
    if let Some(file) = &args.csv {
        replace(file, &register::csv(&report)).map_err(|e| usage_error(&format!("{e:#}")))?;
    }
    if json {
        outln!("{:#}", serde_json::to_value(&report.dependencies)?);
    } else {
        stdio::out(&register::table(&report));
    }
    Ok(exit_code::PASSED)
}

/// Prints or writes entries for dependencies without one.
pub fn draft(args: &DraftArgs, common: &Common) -> anyhow::Result<u8> {
    let json = common.output == Output::Json;
    let bytes = args.of.bytes()?;
    let report = args.of.report(bytes.as_deref(), json)?;
    let entries = register::draft(&report.dependencies, bytes.is_some());
    if !args.write {
        stdio::out(&entries);
        return Ok(exit_code::PASSED);
    }
    let file = args.of.file();
    let text = match &bytes {
        Some(bytes) => appended(&file, bytes, &entries)?,
        None => entries.clone(),
    };
    replace(&file, &text).map_err(|e| usage_error(&format!("{e:#}")))?;
    let added = report.dependencies.iter().filter(|r| r.entry.is_none()).count();
    errln!(
        "{} has {added} new entry(ies); answer their questions, and check them with `dayfly deps check`",
        file.display()
    );
    Ok(exit_code::PASSED)
}

fn appended(file: &Path, bytes: &[u8], entries: &str) -> anyhow::Result<String> {
    // A register that was parsed is UTF-8.
    let text = String::from_utf8_lossy(bytes);
    let new = register::appended(file, &text, entries);
    Ok(new.map_err(|why| usage_error(&format!("failed to add to {}: {why}", file.display())))?)
}
