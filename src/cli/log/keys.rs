//! Keys of the log on the command line.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use crate::cli::error::usage_error;
use crate::cli::key;
use crate::cli::wanted::{Slot, Wanted};
use crate::evidence::{SigningKey, store};
use crate::file::read_regular;
use crate::tlog::note::KeyUse;
use crate::tlog::{Log, LogKey};

/// The private key of the log.
#[derive(Debug, Clone, Default, Args)]
pub struct LogSigningArgs {
    /// Private Ed25519 key of the log in the evidence folder; every statement is recorded there (see `dayfly log`)
    #[arg(long, value_name = "FILE", env = "DAYFLY_LOG_KEY", hide_env_values = true)]
    pub log_key: Option<PathBuf>,
}

/// The public keys of a log and its witnesses.
#[derive(Debug, Clone, Default, Args)]
pub struct LogTrustArgs {
    /// Public key of the log (name+id+key, as `dayfly log create` prints it), or a file with it
    #[arg(long, value_name = "KEY|FILE")]
    pub log_public_key: Option<String>,
    /// Require that this witness signed the log's checkpoint: its public key, or a file with it (repeatable)
    #[arg(long, value_name = "KEY|FILE", requires = "log_public_key")]
    pub witness: Vec<String>,
}

impl LogSigningArgs {
    /// The arguments that `dayfly.toml` can set.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        wanted.slots.push(("log-key", Slot::Path(&mut self.log_key)));
    }

    /// Opens the log of an evidence folder; none if the folder has none. A folder with a log needs its key: a record with gaps would
    /// look like withheld evidence.
    pub fn open(&self, evidence: &Path) -> anyhow::Result<Option<Arc<Log>>> {
        let folder = evidence.join(store::LOG);
        match &self.log_key {
            None if folder.exists() => Err(usage_error(&format!(
                "{} has a log, which must hold every statement: give its key with --log-key (or DAYFLY_LOG_KEY), or choose another evidence folder",
                evidence.display()
            ))
            .into()),
            None => Ok(None),
            Some(file) => {
                let log = Log::open(&folder, ed25519(file)?).map_err(|e| usage_error(&format!("failed to {e}")))?;
                Ok(Some(Arc::new(log)))
            }
        }
    }
}

impl LogTrustArgs {
    /// The keys; none without a key of the log.
    pub fn keys(&self) -> anyhow::Result<Option<(LogKey, Vec<LogKey>)>> {
        let Some(text) = &self.log_public_key else { return Ok(None) };
        let witness = |text: &String| public(text, KeyUse::Witness, "--witness");
        let witnesses = self.witness.iter().map(witness).collect::<anyhow::Result<_>>()?;
        Ok(Some((public(text, KeyUse::Log, "--log-public-key")?, witnesses)))
    }

    /// The keys, which must be given.
    pub fn require(&self) -> anyhow::Result<(LogKey, Vec<LogKey>)> {
        let missing =
            || usage_error("give the public key of the log with --log-public-key; `dayfly log create` printed it");
        Ok(self.keys()?.ok_or_else(missing)?)
    }
}

/// Reads a private Ed25519 key.
pub fn ed25519(file: &Path) -> anyhow::Result<ed25519_dalek::SigningKey> {
    match key::signing_key(file, None)? {
        SigningKey::Ed25519(key) => Ok(*key),
        SigningKey::P256(_) => Err(usage_error(&format!(
            "{} is a P-256 key, and the log needs one of its own: generate it with `dayfly key generate FILE --kind ed25519`",
            file.display()
        ))
        .into()),
    }
}

fn public(text: &str, used: KeyUse, flag: &str) -> anyhow::Result<LogKey> {
    let read = |path: &str| read_regular(Path::new(path), 4096).ok().and_then(|b| String::from_utf8(b).ok());
    let key = LogKey::parse(text).or_else(|why| match read(text) {
        Some(content) => LogKey::parse(&content).map_err(|why| format!("{text}: {why}")),
        None => Err(why),
    });
    let key = key.map_err(|why| usage_error(&format!("{flag}: {why}")))?;
    match key.used() == used {
        true => Ok(key),
        false => Err(usage_error(&format!(
            "{flag}: it is the key of a {}",
            if used == KeyUse::Log { "witness" } else { "log" }
        ))
        .into()),
    }
}
