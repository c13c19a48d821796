//! `dayfly image`: dayfly's own image, as an archive that container engines load.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::error::usage_error;

use super::stdio::RawStdout;
use crate::install::manifests::IMAGE;
use crate::report::exit_code;

/// Arguments of `image`.
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// Name and tag of the image
    #[arg(long, value_name = "REFERENCE", default_value = IMAGE)]
    name: String,
    /// Output file (default: standard output)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes the archive.
pub fn run(args: ImageArgs) -> anyhow::Result<u8> {
    if args.out.is_none() && std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        return Err(usage_error("an archive is nothing for a terminal: dayfly image | podman load").into());
    }
    let program = std::env::current_exe().context("failed to find dayfly's own program file")?;
    let mut archive = crate::engine::local::agent_image::pack(&args.name, &program)
        .with_context(|| format!("failed to make the image from {}", program.display()))?;
    let written = match &args.out {
        Some(path) => std::fs::File::create(path).and_then(|mut file| std::io::copy(&mut archive, &mut file)),
        None => std::io::copy(&mut archive, &mut RawStdout).and_then(|n| RawStdout.flush().map(|()| n)),
    };
    let place = args.out.as_ref().map_or("standard output".into(), |p| p.display().to_string());
    written.with_context(|| format!("failed to write {place}"))?;
    Ok(exit_code::PASSED)
}
