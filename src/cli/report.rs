//! `dayfly report`: renders a saved report in another format.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::error::usage_error;
use super::stdio;
use crate::evidence::{read, store};
use crate::model::Digest;
use crate::report::{Facts, Format, exit_code, json, render};

/// Name of the facts in the folder of a run.
pub const FILE: &str = "report.json";

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folder of a run, or its `report.json`
    path: PathBuf,
    /// Report format
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Output file (default: standard output)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Renders a saved report.
pub fn run(args: ReportArgs) -> Result<u8> {
    write(&args.path, args.format, args.out.as_deref()).map_err(|e| usage_error(&format!("{e:#}")))?;
    Ok(exit_code::PASSED)
}

/// Renders the report at `path` (a `report.json`, the folder of a run, or a folder that holds one run) to `out`,
/// or to standard output. Colours appear only on a terminal.
pub fn write(path: &Path, format: Format, out: Option<&Path>) -> Result<()> {
    let facts = load(path)?;
    match out {
        Some(out) => {
            let text = render(&facts, format, false)?;
            fs::write(out, text).with_context(|| format!("failed to write {}", out.display()))
        }
        None => {
            let colour = stdio::stdout_look().colour;
            note(&facts, &find(path)?);
            let text = render(&facts, format, colour)?;
            if format == Format::Text {
                stdio::out_styled(&text, colour)
            } else {
                stdio::out(&text)
            }
            Ok(())
        }
    }
}

/// Says that nothing has shown yet that the report in this file is true.
pub fn note(facts: &Facts, file: &Path) {
    if facts.unsigned {
        errln!("note: the report is unsigned: nothing shows that it is true");
    } else {
        errln!(
            "note: the report is not verified; check its evidence with: dayfly verify {} --public-key PUBLIC_KEY",
            file.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new(".")).display()
        );
    }
}

/// The facts of a saved report.
pub fn load(path: &Path) -> Result<Facts> {
    let file = find(path)?;
    let bytes = read::read_file(&file).map_err(|e| anyhow::anyhow!("failed to {e}"))?;
    if changed_after_signing(&file, &bytes) {
        bail!(
            "failed to trust {}: it was changed after it was signed; see: dayfly verify {} --public-key PUBLIC_KEY",
            file.display(),
            file.parent().unwrap_or(Path::new(".")).display()
        );
    }
    let text = String::from_utf8(bytes).with_context(|| format!("failed to read {}", file.display()))?;
    json::read(&text).with_context(|| format!("{} is not a report that this dayfly can read", file.display()))
}

/// Returns true if the statement beside a report names another digest. Only `verify` shows that the statement is authentic.
fn changed_after_signing(report: &Path, bytes: &[u8]) -> bool {
    let statement = read::read_file(&report.with_file_name(store::RUN)).ok();
    let signed = statement.and_then(|s| read::named_report_digest(&s));
    signed.is_some_and(|digest| digest != Digest::compute(bytes).hex())
}

/// The file itself, or the report of the only run in a folder: of the run, of its environment, or of all evidence.
pub fn find(path: &Path) -> Result<PathBuf> {
    let meta = fs::metadata(path).with_context(|| format!("failed to find a report at {}", path.display()))?;
    if !meta.is_dir() {
        return Ok(path.to_owned());
    }
    let mut runs = below(path, 2)?;
    runs.sort();
    match runs.as_slice() {
        [one] => Ok(one.clone()),
        [] => bail!("failed to find a report: there is no {FILE} in {} nor two folders below", path.display()),
        several => bail!(
            "failed to choose a report: {} holds {} runs; name one of them:\n{}",
            path.display(),
            several.len(),
            several.iter().map(|f| format!("  {}", f.display())).collect::<Vec<_>>().join("\n")
        ),
    }
}

/// Every report in a folder, and down to this many folders below it.
fn below(folder: &Path, depth: u8) -> Result<Vec<PathBuf>> {
    let own = folder.join(FILE);
    if own.is_file() {
        return Ok(vec![own]);
    }
    if depth == 0 {
        return Ok(vec![]);
    }
    let entries = fs::read_dir(folder).with_context(|| format!("failed to read the folder {}", folder.display()))?;
    // Links are not followed: they may lead to folders of others.
    let folders = entries.filter_map(Result::ok).filter(|e| e.file_type().is_ok_and(|t| t.is_dir())).map(|e| e.path());
    folders.map(|p| below(&p, depth - 1)).collect::<Result<Vec<_>>>().map(|found| found.concat())
}
