//! `dayfly import`: drafts a description from a Compose file, or from rendered Kubernetes manifests. Needs no engine.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::error::usage_error;
use super::files::create;
use super::{Common, Output, description, stdio};
use crate::file::read_regular;
use crate::import::{Folder, Imported, compose, kubernetes};
use crate::model::sanitize::one_line;
use crate::report::exit_code;

/// Longest input in bytes: a Compose file, and a stream of manifests.
const MAX_COMPOSE: u64 = 1 << 20;
const MAX_MANIFESTS: u64 = 8 << 20;

/// Longest path in a message, in characters.
const MAX_SHOWN: usize = 300;

/// Formats to import.
#[derive(Debug, Subcommand)]
pub enum ImportFormat {
    /// Draft a description from a Compose file
    Compose {
        /// Compose file; files that it names are read from its folder
        file: PathBuf,
        /// Import the services of this profile, too (repeatable)
        #[arg(long, value_name = "NAME")]
        profile: Vec<String>,
        #[command(flatten)]
        out: OutArgs,
    },
    /// Draft a description from rendered manifests, as `helm template` and `kustomize build` print them
    Kubernetes {
        /// File with YAML documents; `-` reads standard input
        #[arg(value_name = "FILE|-")]
        file: PathBuf,
        /// Name of the description (default: that of the release or application in the manifests)
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        #[command(flatten)]
        out: OutArgs,
    },
}

/// Where the draft is written.
#[derive(Debug, Args)]
pub struct OutArgs {
    /// File for the draft, which must not exist (default: standard output)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes the draft to standard output or a file, and the list of what was dropped to standard error.
pub fn run(format: ImportFormat, common: &Common) -> anyhow::Result<u8> {
    let json = common.output == Output::Json;
    let (imported, out, origin) = match format {
        ImportFormat::Compose { file, profile, out } => {
            let bytes = read(&file, MAX_COMPOSE)?;
            let folder = Folder::of(&file, is_home(&file, out.out.as_deref()));
            (description::printed(compose::import(&file, &bytes, folder, &profile), json)?, out, file)
        }
        ImportFormat::Kubernetes { file, name, out } => {
            let bytes = read(&file, MAX_MANIFESTS)?;
            (description::printed(kubernetes::import(&file, &bytes, name.as_deref()), json)?, out, file)
        }
    };
    if let Some(file) = &out.out {
        create(file, &imported.text)?;
    }
    tell(&imported, out.out.as_deref(), &origin, json);
    Ok(check(&imported))
}

fn read(file: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let failed = |why: String| usage_error(&format!("failed to read {}: {why}", file.display()));
    if file != Path::new("-") {
        return Ok(read_regular(file, most).map_err(|e| failed(e.to_string()))?);
    }
    let mut bytes = vec![];
    std::io::stdin().take(most + 1).read_to_end(&mut bytes).map_err(|e| failed(e.to_string()))?;
    if bytes.len() as u64 > most {
        return Err(failed(format!("it is larger than {} KiB", most >> 10)).into());
    }
    Ok(bytes)
}

/// The draft may name files by their paths only if it lies in their folder.
fn is_home(file: &Path, out: Option<&Path>) -> bool {
    let folder = |file: &Path| {
        let parent = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        parent.canonicalize().ok()
    };
    out.is_none_or(|out| folder(out).is_some() && folder(out) == folder(file))
}

fn tell(imported: &Imported, out: Option<&Path>, origin: &Path, json: bool) {
    let Imported { text, units, questions, notes } = imported;
    if json {
        let dropped: Vec<_> =
            notes.dropped.iter().map(|n| json!({"line": n.line, "what": n.what, "why": n.why})).collect();
        let all = json!({
            "description": text, "units": units, "questions": questions, "mapped": notes.mapped, "dropped": dropped,
            "omitted": notes.omitted,
        });
        return outln!("{all:#}");
    }
    if out.is_none() {
        stdio::out(text);
    }
    let origin = one_line(&origin.display().to_string(), MAX_SHOWN);
    for note in &notes.dropped {
        errln!("dropped {origin}:{} {}: {}", note.line, note.what, note.why);
    }
    let dropped = notes.dropped.len() + notes.omitted;
    errln!("{units} units; {} keys taken over, {questions} questions in the draft, {dropped} dropped", notes.mapped);
    let file = out.map(|file| one_line(&file.display().to_string(), MAX_SHOWN));
    let (next, file) = (file.as_deref().unwrap_or("the draft"), file.as_deref().unwrap_or("FILE"));
    errln!("next: answer the questions in {next}, then: dayfly validate {file}");
}

/// Says what is wrong with the draft.
fn check(imported: &Imported) -> u8 {
    let Err(faults) = imported.check() else { return exit_code::PASSED };
    errln!("error: the draft has errors that a person must correct:");
    description::print_diagnostics(&faults, false);
    exit_code::UNEXPECTED
}
