//! Lists of trusted keys (`keys.yaml`): which key may sign what, from when until when, and which ones were revoked. Pure.
//!
//! The list is pinned like a public key: whoever verifies has it from a place that nobody who is verified can write. A signature over it
//! would only move the question to the key that made it.

mod check;
mod document;
mod key;
mod list;

pub use document::{KeyUse, KeysDocument, schema};
pub use key::{KeyRefusal, PublicKey, SignedAt, TrustedKey};
pub use list::TrustedKeys;
