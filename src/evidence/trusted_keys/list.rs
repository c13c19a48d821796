//! The list of trusted keys. Pure.

use std::path::Path;

use jiff::Timestamp;

use super::check;
use super::document::{KeyUse, KeysDocument, schema};
use super::key::{KeyRefusal, PublicKey, SignedAt, TrustedKey};
use crate::spec::diagnostic::Diagnostics;
use crate::spec::document as yaml;
use crate::spec::kind::KEYS;
use crate::tlog::LogKey;

/// A list that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustedKeys {
    /// The keys, in the order of the file.
    pub keys: Vec<TrustedKey>,
}

impl TrustedKeys {
    /// Parses and checks a list.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Diagnostics> {
        let (root, mut diagnostics, text) = yaml::tree(&KEYS, path, bytes)?;
        let found = yaml::typed::<KeysDocument>(&KEYS, &schema(), &root, &mut diagnostics);
        let keys = found.map(|document| check::checked(&document, &mut diagnostics));
        match keys {
            Some(keys) if diagnostics.list.is_empty() => Ok(Self { keys }),
            _ => Err(Diagnostics::new(path, &text, diagnostics.list, diagnostics.omitted)),
        }
    }

    /// The key with an id, if it may be used for this. Whether it held when the statement was signed is the question of [`Self::judge`].
    pub fn find(&self, keyid: &str, wanted: KeyUse) -> Result<&TrustedKey, KeyRefusal> {
        let key = self.keys.iter().find(|key| key.id == keyid);
        let key = key.ok_or_else(|| KeyRefusal::Unknown(keyid.to_owned()))?;
        match key.used == wanted {
            true => Ok(key),
            false => Err(KeyRefusal::OtherUse { id: key.id.clone(), used: key.used, wanted }),
        }
    }

    /// The key that signed a statement at these times, or the reason why it does not count.
    pub fn judge(&self, keyid: &str, wanted: KeyUse, signed: SignedAt) -> Result<&TrustedKey, KeyRefusal> {
        let key = self.find(keyid, wanted)?;
        key.held(signed).map(|()| key)
    }

    /// Fails if the key of a log does not hold now. A list without keys of logs says nothing about them.
    pub fn judge_log(&self, log: &LogKey, now: Timestamp) -> Result<(), KeyRefusal> {
        if !self.keys.iter().any(|key| key.used == KeyUse::Log) {
            return Ok(());
        }
        let same = |key: &&TrustedKey| matches!(&key.key, PublicKey::Log(known) if known == log);
        let key = self.keys.iter().find(same).ok_or_else(|| KeyRefusal::Unknown(log.to_string()))?;
        key.held(SignedAt { claimed: (now, now), exists_since: None })
    }
}
