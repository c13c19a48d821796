//! `dayfly key`: generates signing keys, shows their ids, and checks lists of keys. Overwrites a key only with `--force`; never prints one.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::error::usage_error;
use crate::evidence::KeyKind;
use crate::report::exit_code;

mod file;
mod list;
mod passphrase;

pub use file::{Generated, default_file, generate, load, load_public, random, show, signing_key};
pub use list::list_bytes;
pub use passphrase::{PASSPHRASE_VARIABLE, PassphraseSource};

/// Actions on keys.
#[derive(Debug, Subcommand)]
pub enum KeyAction {
    /// Generate a private key, and its public key in FILE.pub
    Generate {
        /// File for the private key (default: dayfly/key.pem in the folder of your configuration, which `run` uses)
        file: Option<PathBuf>,
        /// Kind of key
        #[arg(long, value_enum, default_value = "p256")]
        kind: Kind,
        /// Encrypt the key with a passphrase (from --passphrase-file, DAYFLY_KEY_PASSPHRASE, or a prompt)
        #[arg(long)]
        passphrase: bool,
        /// File whose first line is the passphrase
        #[arg(long, value_name = "FILE", requires = "passphrase")]
        passphrase_file: Option<PathBuf>,
        /// Overwrite an existing key
        #[arg(long)]
        force: bool,
    },
    /// Check a list of keys, and show which of them hold now
    List {
        /// List of keys (`kind: TrustedKeys`)
        file: PathBuf,
    },
    /// Show the id and kind of a key
    Show {
        /// Private or public key
        file: PathBuf,
        /// File whose first line is the passphrase
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
}

/// Kinds of key.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Kind {
    /// ECDSA P-256: supported by every verifier
    P256,
    /// Ed25519
    Ed25519,
}

/// Generates or shows a key.
pub fn run(action: KeyAction, json: bool) -> anyhow::Result<u8> {
    if let KeyAction::List { file } = &action {
        return list::run(file, json);
    }
    perform(action, json).map_err(|e| usage_error(&format!("{e:#}")))?;
    Ok(exit_code::PASSED)
}

fn perform(action: KeyAction, json: bool) -> anyhow::Result<()> {
    match action {
        KeyAction::Generate { file, kind, passphrase, passphrase_file, force } => {
            let kind = match kind {
                Kind::P256 => KeyKind::P256,
                Kind::Ed25519 => KeyKind::Ed25519,
            };
            let chosen = if passphrase { PassphraseSource::new(passphrase_file).choose()? } else { None };
            let file = file.map_or_else(file::own, Ok)?;
            let new = generate(&file, kind, chosen.as_ref().map(|p| p.as_str()), force)?;
            if json {
                outln!("{}", serde_json::json!({"private": new.private, "public": new.public, "keyid": new.keyid}));
            } else {
                outln!(
                    "private key  {}  (readable by its owner only; keep it secret)\npublic key   {}  (give it to everyone who verifies)\nkey id       {}",
                    new.private.display(),
                    new.public.display(),
                    new.keyid
                );
            }
        }
        KeyAction::List { .. } => {}
        KeyAction::Show { file, passphrase_file } => {
            let (keyid, kind) = show(&file, &PassphraseSource::new(passphrase_file))?;
            if json {
                outln!("{}", serde_json::json!({"keyid": keyid, "kind": kind.to_string()}));
            } else {
                outln!("{keyid}  {kind}");
            }
        }
    }
    Ok(())
}
