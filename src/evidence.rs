//! Signed evidence of a run, which an auditor or a deployment step checks without trusting the machine.
//!
//! `statement` builds the content (pure), `dsse` and `bundle` wrap it, `key` signs, `store` writes, `verify` checks (pure).
//! A run is opened before its first suite and sealed before teardown; after teardown it may be sealed once more,
//! which adds the teardown and changes no result. A run without a key stores the same files without signatures.
//! `removal` records removals by the reaper or the controller, `decision` those of the gate. `log` records every statement in an append-only log, where there is one. The private key never leaves the signing process.

pub mod bundle;
pub mod configmap_store;
pub mod decision;
pub mod dsse;
mod error;
pub mod folders;
pub mod key;
pub mod key_secret;
pub mod log;
pub mod predicate;
pub mod read;
pub mod removal;
pub mod removal_store;
pub mod seal;
pub mod statement;
pub mod store;
pub mod trusted_keys;
pub mod unique_keys;
pub mod verify;

pub use error::EvidenceError;
pub use key::{KeyError, KeyKind, SigningKey, VerifyingKey};
pub use seal::{Sealed, open, seal};
pub use trusted_keys::TrustedKeys;
