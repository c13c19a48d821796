//! The flags of `report`, `verify` and `key`, handed to the functions that do the work.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::key::{self, PassphraseSource};
use super::stdio::{Stderr, Stdout};
use super::{connect, verify as verifying};
use crate::evidence::{KeyKind, SigningKey, removal, store};
use crate::report::{Format, exit_code};

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folder of a run, or its `report.json`
    path: PathBuf,
    /// How to render it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// File to write to in place of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Folder of a run or of a removal, or one envelope or bundle of it
    path: PathBuf,
    /// Public key to trust
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Head commit that it must be about
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,
    /// Image that it must be about
    #[arg(long, value_name = "sha256:DIGEST")]
    image_digest: Option<String>,
    /// Refuse whatever did not pass, too
    #[arg(long)]
    require_passed: bool,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeyAction {
    /// Make a private key and, beside it as FILE.pub, its public key
    Generate {
        /// File for the private key
        file: PathBuf,
        /// Kind of key
        #[arg(long, value_enum, default_value = "p256")]
        kind: Kind,
        /// Encrypt it with a passphrase (from --passphrase-file, DAYFLY_KEY_PASSPHRASE, or asked for)
        #[arg(long)]
        passphrase: bool,
        /// File whose first line is the passphrase
        #[arg(long, value_name = "FILE", requires = "passphrase")]
        passphrase_file: Option<PathBuf>,
        /// Replace a key that is there, for good
        #[arg(long)]
        force: bool,
    },
    /// Show the id and kind of a key
    Show {
        /// A private or public key
        file: PathBuf,
        /// File whose first line is the passphrase
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
}

/// Kinds of key.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    /// ECDSA P-256: read by every verifier
    P256,
    /// Ed25519
    Ed25519,
}

/// Renders a saved report.
pub fn report(args: ReportArgs) -> anyhow::Result<u8> {
    super::report::run(&args.path, args.format, args.out.as_deref()).map_err(|e| connect::usage(&format!("{e:#}")))?;
    Ok(exit_code::PASSED)
}

/// Verifies evidence; exit code 10 when it is refused.
pub fn verify(args: VerifyArgs, json: bool) -> anyhow::Result<u8> {
    let path = run_folder(args.path)?;
    let options = verifying::Options {
        path,
        key: args.key,
        commit: args.commit,
        image_digest: args.image_digest,
        require_passed: args.require_passed,
        json,
    };
    match verifying::run(&options, &mut Stdout, &mut Stderr) {
        Ok(judgement) => Ok(judgement.exit_code()),
        Err(e) => Err(connect::usage(&format!("{e:#}")).into()),
    }
}

/// The folder of the only run below a folder; a file stays what it is.
fn run_folder(path: PathBuf) -> anyhow::Result<PathBuf> {
    let there = [store::OPENED, removal::BEGUN, removal::ENDED].iter().any(|f| path.join(f).exists());
    if !path.is_dir() || there {
        return Ok(path);
    }
    let report = super::report::find(&path).map_err(|e| connect::usage(&format!("{e:#}")))?;
    Ok(report.parent().unwrap_or(&path).to_owned())
}

/// Makes or shows a key.
pub fn key(action: KeyAction, json: bool) -> anyhow::Result<u8> {
    performed(action, json).map_err(|e| connect::usage(&format!("{e:#}")).into())
}

fn performed(action: KeyAction, json: bool) -> anyhow::Result<u8> {
    match action {
        KeyAction::Generate { file, kind, passphrase, passphrase_file, force } => {
            let kind = match kind {
                Kind::P256 => KeyKind::P256,
                Kind::Ed25519 => KeyKind::Ed25519,
            };
            let chosen = if passphrase { PassphraseSource::new(passphrase_file).choose()? } else { None };
            let made = key::generate(&file, kind, chosen.as_ref().map(|p| p.as_str()), force)?;
            if json {
                outln!("{}", serde_json::json!({"private": made.private, "public": made.public, "keyid": made.keyid}));
            } else {
                outln!(
                    "private key  {}  (keep it where only the runner can read it)\npublic key   {}  (give it to whoever verifies)\nkey id       {}",
                    made.private.display(),
                    made.public.display(),
                    made.keyid
                );
            }
        }
        KeyAction::Show { file, passphrase_file } => {
            let (keyid, kind) = key::show(&file, &PassphraseSource::new(passphrase_file))?;
            if json {
                outln!("{}", serde_json::json!({"keyid": keyid, "kind": kind.to_string()}));
            } else {
                outln!("{keyid}  {kind}");
            }
        }
    }
    Ok(exit_code::PASSED)
}

/// The private key of a run; what is wrong with it is told, and ends with exit code 2 before anything is made.
pub fn signing_key(path: &Path, passphrase_file: Option<PathBuf>) -> anyhow::Result<SigningKey> {
    key::load(path, &PassphraseSource::new(passphrase_file))
        .map_err(|e| connect::usage(&format!("{e:#}; make one with: dayfly key generate {}", path.display())).into())
}
