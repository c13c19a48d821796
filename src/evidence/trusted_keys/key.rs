//! One trusted key, and whether it held when something was signed. Pure.

use jiff::Timestamp;
use serde_json::Value;

use super::document::KeyUse;
use crate::evidence::key::VerifyingKey;
use crate::tlog::LogKey;

/// A key of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustedKey {
    /// Its id: `SHA256:…`, or the eight digits in the public key of a log.
    pub id: String,
    /// The key.
    pub key: PublicKey,
    /// What it may sign.
    pub used: KeyUse,
    /// When it begins to hold.
    pub valid_from: Timestamp,
    /// When it ends to hold; none for never.
    pub valid_to: Option<Timestamp>,
    /// When it was revoked, and why.
    pub revoked: Option<(Timestamp, String)>,
}

/// A public key.
#[derive(Debug, Clone, PartialEq)]
pub enum PublicKey {
    /// Of statements.
    Statements(VerifyingKey),
    /// Of a log.
    Log(LogKey),
}

/// When a statement was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedAt {
    /// The first and the last time that the statement names, by the signer's own clock.
    pub claimed: (Timestamp, Timestamp),
    /// The time by which somebody else had seen it: a witness of the log. None if nobody proves that.
    pub exists_since: Option<Timestamp>,
}

/// Why a key does not count. Messages are complete sentences.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyRefusal {
    /// The list does not have it.
    #[error("the list of keys does not have the key {0}")]
    Unknown(
        /// Id.
        String,
    ),
    /// It is for something else.
    #[error("the key {id} is for {used}, and this is signed for {wanted}")]
    OtherUse {
        /// Id.
        id: String,
        /// What it is for.
        used: KeyUse,
        /// What it was used for.
        wanted: KeyUse,
    },
    /// The statement is older than the key.
    #[error("it says that it is of {claimed}, and the key {id} is valid only from {from} on")]
    TooEarly {
        /// Id.
        id: String,
        /// What the statement says.
        claimed: Timestamp,
        /// When the key begins to hold.
        from: Timestamp,
    },
    /// The key was no longer valid.
    #[error("it says that it is of {claimed}, and the key {id} was valid only until {to}")]
    TooLate {
        /// Id.
        id: String,
        /// What the statement says.
        claimed: Timestamp,
        /// When the key ends to hold.
        to: Timestamp,
    },
    /// The key was revoked, and the statement may be newer.
    #[error("the key {id} was revoked at {at} ({reason}), and {}", unproven(*.since))]
    Revoked {
        /// Id.
        id: String,
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
        /// When a witness saw the statement.
        since: Option<Timestamp>,
    },
}

fn unproven(since: Option<Timestamp>) -> String {
    match since {
        Some(since) => format!("no witness saw this before {since}"),
        None => "nothing but the signer's clock says that this existed before: a witness of the log would prove it (--log-public-key, --witness)".into(),
    }
}

impl TrustedKey {
    /// The key of statements; none for that of a log.
    pub fn statements(&self) -> Option<&VerifyingKey> {
        match &self.key {
            PublicKey::Statements(key) => Some(key),
            PublicKey::Log(_) => None,
        }
    }

    /// Fails if the key did not hold when a statement was signed.
    pub(super) fn held(&self, signed: SignedAt) -> Result<(), KeyRefusal> {
        let id = self.id.clone();
        let (first, last) = signed.claimed;
        if first < self.valid_from {
            return Err(KeyRefusal::TooEarly { id, claimed: first, from: self.valid_from });
        }
        if let Some(to) = self.valid_to.filter(|to| last >= *to) {
            return Err(KeyRefusal::TooLate { id, claimed: last, to });
        }
        match &self.revoked {
            Some((at, reason)) if signed.exists_since.is_none_or(|since| since >= *at) => {
                Err(KeyRefusal::Revoked { id, at: *at, reason: reason.clone(), since: signed.exists_since })
            }
            _ => Ok(()),
        }
    }
}

/// The JSON of a key, for `dayfly key list`.
impl serde::Serialize for TrustedKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut value = serde_json::json!({"id": self.id, "use": self.used, "validFrom": self.valid_from});
        let mut set = |name: &str, found: Option<Value>| {
            if let Some(found) = found {
                value[name] = found;
            }
        };
        set("validTo", self.valid_to.map(|t| t.to_string().into()));
        set("revokedAt", self.revoked.as_ref().map(|(at, _)| at.to_string().into()));
        set("reason", self.revoked.as_ref().map(|(_, why)| why.clone().into()));
        value.serialize(serializer)
    }
}
