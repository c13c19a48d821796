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

/// The public key of a log.
#[derive(Debug, Clone, Default, Args)]
pub struct LogTrustArgs {
    /// Public key of the log: the file that `dayfly log create` wrote, or its content (name+id+key)
    #[arg(long, value_name = "KEY|FILE")]
    pub log_public_key: Option<String>,
}

/// The public keys of witnesses of a log.
#[derive(Debug, Clone, Default, Args)]
pub struct WitnessArgs {
    /// Require that the log extends what this witness signed of it, and that it signed all: its public key, or a file with it
    /// (repeatable)
    #[arg(long, value_name = "KEY|FILE", requires = "log_public_key")]
    pub witness: Vec<String>,
}

/// The file with the public key of a log or a witness, beside its private key.
#[derive(Debug)]
pub struct PublicFile {
    /// Where.
    pub path: PathBuf,
    is_there: bool,
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
    /// The key, if it is given.
    pub fn key(&self) -> anyhow::Result<Option<LogKey>> {
        self.log_public_key.as_ref().map(|text| public(text, KeyUse::Log, "--log-public-key")).transpose()
    }

    /// The key, which must be given.
    pub fn require(&self) -> anyhow::Result<LogKey> {
        let missing =
            || usage_error("give the public key of the log with --log-public-key; `dayfly log create` wrote it");
        Ok(self.key()?.ok_or_else(missing)?)
    }
}

impl WitnessArgs {
    /// The keys. None of them may be the log's own.
    pub fn keys(&self, log: &LogKey) -> anyhow::Result<Vec<LogKey>> {
        let key = |text: &String| {
            let key = public(text, KeyUse::Witness, "--witness")?;
            match key.is_same_key(log) {
                true => Err(usage_error("--witness: it is the log's own key, which proves nothing more").into()),
                false => Ok(key),
            }
        };
        self.witness.iter().map(key).collect()
    }
}

impl PublicFile {
    /// The file for a private key. Fails if it has another public key: one key must not sign under two names.
    pub fn of(private: &Path, public: &LogKey) -> anyhow::Result<Self> {
        let mut path = private.as_os_str().to_owned();
        path.push(".vkey");
        let path = PathBuf::from(path);
        let is_there = match read_regular(&path, 4096) {
            Ok(bytes) if String::from_utf8_lossy(&bytes).trim() == public.to_string() => true,
            Ok(_) => {
                let path = path.display();
                let why = format!(
                    "{path} has another public key: each log and each witness needs a key of its own; generate one with `dayfly key generate FILE --kind ed25519`, or remove {path} if it is of something that is gone"
                );
                return Err(usage_error(&why).into());
            }
            Err(_) => false,
        };
        Ok(Self { path, is_there })
    }

    /// Writes the file. A folder that cannot be written is no failure: the key is printed, too.
    pub fn write(&self, public: &LogKey) {
        if !self.is_there
            && let Err(e) = std::fs::write(&self.path, format!("{public}\n"))
        {
            errln!("warning: failed to write {}: {e}; keep the public key that is printed", self.path.display());
        }
    }
}

/// Reads a private Ed25519 key.
pub fn ed25519(file: &Path) -> anyhow::Result<ed25519_dalek::SigningKey> {
    match key::signing_key(file, None)? {
        SigningKey::Ed25519(key) => Ok(*key),
        SigningKey::P256(_) => Err(usage_error(&format!(
            "{} is a P-256 key, and this needs an Ed25519 key of its own: generate it with `dayfly key generate FILE --kind ed25519`",
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
