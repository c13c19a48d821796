//! Lists of trusted keys.

use std::path::Path;

use dayfly::evidence::TrustedKeys;
use dayfly::evidence::trusted_keys::{KeyUse, SignedAt};
use jiff::Timestamp;

use super::{key, require_inert};

/// Nothing makes a key trusted that the list does not have, for another use, or after its revocation without a witness.
pub fn keys(bytes: &[u8]) {
    let list = match TrustedKeys::parse(Path::new("keys.yaml"), bytes) {
        Ok(list) => list,
        Err(diagnostics) => return require_inert(&diagnostics.render(false)),
    };
    let now: Timestamp = "2026-12-01T00:00:00Z".parse().expect("the time is valid");
    let signed = SignedAt { claimed: (now, now), exists_since: None };
    let stranger = key().1.keyid();
    for used in [KeyUse::Run, KeyUse::Removal, KeyUse::Gate, KeyUse::Log] {
        let is_listed = list.keys.iter().any(|key| key.id == stranger);
        assert!(is_listed || list.judge(&stranger, used, signed).is_err(), "an unknown key is trusted");
        for key in &list.keys {
            match list.judge(&key.id, used, signed) {
                Ok(found) => assert!(found.used == used && found.revoked.is_none() && found.valid_from <= now),
                Err(refusal) => require_inert(&refusal.to_string()),
            }
        }
    }
    serde_json::to_vec(&list.keys).expect("lists are JSON");
}
