//! `dayfly init`: looks around, and writes a description with an example suite, and the file for CI. Overwrites nothing.

use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::Args;

use super::error::{ReportedError, usage_error};
use super::files::create;
use super::{Common, description};
use crate::file::read_regular;
use crate::import::{Folder, Imported, compose, kubernetes, sketch};
use crate::model::sanitize::one_line;
use crate::report::exit_code;
use forge::Forge;
use look_around::Surroundings;

mod forge;
mod look_around;
mod pipeline;

/// Name of the description.
const DESCRIPTION: &str = "environment.yaml";
/// Longest input in bytes.
const MAX_INPUT: u64 = 8 << 20;
/// Longest list of paths in a message, in characters.
const MAX_SHOWN: usize = 300;

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Compose file to import (default: the one in this folder)
    #[arg(long, value_name = "FILE", conflicts_with = "manifests")]
    compose: Option<PathBuf>,
    /// Rendered manifests to import, in place of a Compose file
    #[arg(long, value_name = "FILE")]
    manifests: Option<PathBuf>,
    /// Name of the description (default: that of the project or folder)
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Forge whose CI file to write (default: that of the remote `origin`)
    #[arg(long, value_enum, value_name = "FORGE")]
    forge: Option<Forge>,
    /// Answer every question with its default
    #[arg(long)]
    yes: bool,
}

/// Writes what is missing.
pub fn run(args: &InitArgs, common: &Common) -> anyhow::Result<u8> {
    let json = common.output == super::Output::Json;
    let around = look_around::look(Path::new("."));
    let target = Path::new(DESCRIPTION);
    if target.symlink_metadata().is_ok() {
        let why = format!("{DESCRIPTION} exists, and is never overwritten; check it with: dayfly validate");
        return Err(usage_error(&why).into());
    }
    let asks = !args.yes && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let Drafted { imported, from, compose } = drafted(args, &around, asks, json)?;
    check(&imported)?;
    let forge = args.forge.or(around.forge).unwrap_or(Forge::None);
    let (pipeline, why) = match pipeline::of(forge, &around, compose.as_deref()) {
        Ok(pipeline) => (pipeline, "name a forge with --forge github or --forge gitlab".to_owned()),
        // Nobody asked for it.
        Err(why) if args.forge.is_none() => (None, why),
        Err(why) => return Err(usage_error(&format!("failed to write the CI file: {why}")).into()),
    };
    let writes_pipeline = pipeline.as_ref().is_some_and(|p| {
        p.file.symlink_metadata().is_err() && (!asks || agrees(&format!("Write {} for CI?", p.file.display())))
    });
    pipeline.iter().filter(|_| writes_pipeline).try_for_each(pipeline::refuse_links)?;
    create(target, &imported.text)?;
    errln!(
        "wrote {DESCRIPTION}: {} units from {from}, {} questions, an example suite",
        imported.units,
        imported.questions
    );
    for note in &imported.notes.dropped {
        errln!("  dropped line {} {}: {}", note.line, note.what, note.why);
    }
    match &pipeline {
        Some(pipeline) if writes_pipeline => {
            pipeline::write(pipeline)?;
            errln!("wrote {}: {}", pipeline.file.display(), pipeline.remark);
        }
        Some(pipeline) => errln!("left {} as it is", pipeline.file.display()),
        None => errln!("no CI file: {why}"),
    }
    around.hints.iter().for_each(|hint| errln!("note: {hint}"));
    errln!("\nnext:");
    errln!("  edit {DESCRIPTION}            # answer its questions");
    errln!("  dayfly validate");
    errln!("  dayfly doctor {DESCRIPTION}   # check the engine and the images");
    errln!("  dayfly key generate              # once: your own key, which signs reports");
    errln!("  dayfly run");
    Ok(exit_code::PASSED)
}

/// A draft.
struct Drafted {
    imported: Imported,
    /// What it is from, for a message.
    from: String,
    /// The Compose file that it is from.
    compose: Option<PathBuf>,
}

impl Drafted {
    fn new(imported: Imported, from: &str) -> Self {
        Self { imported, from: one_line(from, MAX_SHOWN), compose: None }
    }
}

/// Refuses a draft that is no valid description, before anything is written.
fn check(imported: &Imported) -> anyhow::Result<()> {
    imported.check().map_err(|faults| {
        errln!(
            "error: the draft is no valid description, so that nothing is written; `dayfly import` writes it anyhow:"
        );
        description::print_diagnostics(&faults, false);
        ReportedError(exit_code::UNEXPECTED).into()
    })
}

/// The draft.
fn drafted(args: &InitArgs, around: &Surroundings, asks: bool, json: bool) -> anyhow::Result<Drafted> {
    if let Some(file) = &args.manifests {
        let imported = description::printed(kubernetes::import(file, &read(file)?, args.name.as_deref()), json)?;
        return Ok(Drafted::new(imported, &file.display().to_string()));
    }
    let found = args.compose.clone().or_else(|| around.compose.clone());
    let chosen = found.filter(|file| args.compose.is_some() || !asks || agrees(&format!("Import {}?", file.display())));
    if let Some(file) = chosen {
        let home = file.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder == Path::new("."));
        let folder = Folder::of(&file, home);
        let imported = description::printed(compose::import(&file, &read(&file)?, folder, &[]), json)?;
        let imported = match &args.name {
            Some(name) => imported.renamed(name),
            None => imported,
        };
        let from = file.display().to_string();
        return Ok(Drafted { compose: Some(file), ..Drafted::new(imported, &from) });
    }
    let name = args.name.clone().unwrap_or_else(|| around.name.clone());
    if around.builds.is_empty() {
        let imported = sketch(&name, &[("web".to_owned(), None)], Path::new("nothing but this example"));
        return Ok(Drafted::new(imported, "an example"));
    }
    let services: Vec<_> = around.builds.iter().map(|b| (b.name.clone(), b.port)).collect();
    let files: Vec<String> = around.builds.iter().map(|b| b.file.display().to_string()).collect();
    let from = files.join(", ");
    Ok(Drafted::new(sketch(&name, &services, Path::new(&from)), &from))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let failed = |e: std::io::Error| usage_error(&format!("failed to read {}: {e}", file.display()));
    Ok(read_regular(file, MAX_INPUT).map_err(failed)?)
}

/// Asks a person at a terminal; no answer means yes.
fn agrees(question: &str) -> bool {
    super::stdio::err(&format!("{question} [Y/n] "));
    let mut answer = String::new();
    // A closed terminal agrees to nothing.
    matches!(std::io::stdin().lock().read_line(&mut answer), Ok(read) if read > 0)
        && !answer.trim().to_lowercase().starts_with('n')
}
