//! Checks a list of keys as it is written. Pure.

use std::collections::BTreeMap;

use super::document::{Entry, KeyUse, KeysDocument};
use super::key::{PublicKey, TrustedKey};
use crate::evidence::key::VerifyingKey;
use crate::spec::diagnostic::DiagnosticSink;
use crate::spec::moment::{End, moment};
use crate::spec::span::FieldPath;
use crate::tlog::LogKey;
use crate::tlog::note::KeyUse as NoteUse;

/// The keys that can be used; a diagnostic says why one cannot.
pub(super) fn checked(document: &KeysDocument, diagnostics: &mut DiagnosticSink) -> Vec<TrustedKey> {
    let root = FieldPath::root().key("keys");
    if document.keys.is_empty() {
        diagnostics.add(&root, "there is no key", "a list without keys trusts nobody");
    }
    let mut seen = BTreeMap::new();
    let mut all = vec![];
    for (i, entry) in document.keys.iter().enumerate() {
        let at = root.index(i);
        let found = key(&at, entry, diagnostics);
        // One key for two uses would sign removals as soon as it is stolen from a runner.
        if let Some((_, raw)) = &found
            && let Some(first) = seen.insert(raw.clone(), i)
        {
            let help = "each use needs a key of its own; generate one with `dayfly key generate`";
            diagnostics.add(&at.key("publicKey"), format!("this is the key of keys[{first}] again"), help);
        }
        let from = moment(&at.key("validFrom"), &entry.valid_from, End::First, diagnostics);
        let to = entry.valid_to.as_ref().map(|t| moment(&at.key("validTo"), t, End::Last, diagnostics));
        let revoked = entry.revoked_at.as_ref().map(|t| moment(&at.key("revokedAt"), t, End::First, diagnostics));
        if let (Some(from), Some(Some(to))) = (from, to)
            && to <= from
        {
            diagnostics.add(&at.key("validTo"), "the key ends before it begins", "write a time after `validFrom`");
        }
        let reason = entry.reason.as_deref().map(str::trim).filter(|r| !r.is_empty());
        match (&entry.revoked_at, reason) {
            (Some(_), None) => diagnostics.add(&at, "the key is revoked without a reason", "say why in `reason`"),
            (None, Some(_)) => {
                diagnostics.add(&at.key("reason"), "the key has a reason and is not revoked", "add `revokedAt`");
            }
            _ => {}
        }
        if let (Some((key, _)), Some(valid_from)) = (found, from) {
            let revoked = revoked.flatten().zip(reason.map(str::to_owned));
            all.push(TrustedKey {
                id: entry.id.clone(),
                key,
                used: entry.used,
                valid_from,
                valid_to: to.flatten(),
                revoked,
            });
        }
    }
    all
}

/// The key, and what makes it the same key in another form.
fn key(at: &FieldPath, entry: &Entry, diagnostics: &mut DiagnosticSink) -> Option<(PublicKey, Vec<u8>)> {
    let text = entry.public_key.trim();
    let at_key = at.key("publicKey");
    let (key, id, raw) = if entry.used == KeyUse::Log {
        let key = LogKey::parse(text).and_then(|key| match key.used() {
            NoteUse::Log => Ok(key),
            NoteUse::Witness => Err("it is the key of a witness".to_owned()),
        });
        match key {
            Ok(key) => (PublicKey::Log(key.clone()), key.id_text(), key.raw().to_vec()),
            Err(why) => {
                let help = "copy the line that `dayfly log create` wrote to the `.vkey` file";
                diagnostics.add(&at_key, format!("this is not the public key of a log: {why}"), help);
                return None;
            }
        }
    } else {
        match VerifyingKey::from_pem(text) {
            Ok(key) => (PublicKey::Statements(key), key.keyid(), key.raw()),
            Err(e) => {
                let help = "copy the `.pub` file of `dayfly key generate` after `publicKey: |`";
                diagnostics.add(&at_key, format!("this is not a public key: failed to {e}"), help);
                return None;
            }
        }
    };
    if id != entry.id {
        diagnostics.add(&at.key("id"), "the id is not that of the key", format!("the key has the id `{id}`"));
        return None;
    }
    Some((key, raw))
}
