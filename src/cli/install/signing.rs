//! The signing key on its way into the cluster, and its public half on its way out.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kube::Client;

use super::super::key::{PASSPHRASE_VARIABLE, PassphraseSource, random};
use super::super::{Common, Output, connect, wiring};
use super::{say, told};
use crate::evidence::VerifyingKey;
use crate::evidence::key::{KeyKind, is_encrypted};
use crate::install::KEY_SECRET;
use crate::install::key::{self, InstalledKey, KeyAction, NewKey};

/// The key that the user named.
pub fn given(file: &Path, passphrase_file: Option<PathBuf>) -> anyhow::Result<NewKey> {
    let passphrase = PassphraseSource::new(passphrase_file.clone()).given()?;
    let pem = std::fs::read_to_string(file).map_err(|e| {
        let how = format!("make one with: dayfly key generate {}", file.display());
        connect::usage(&format!("failed to read the key {}: {e}; {how}", file.display()))
    })?;
    if is_encrypted(&pem) && passphrase.is_none() {
        let how = format!("give --passphrase-file, or set {PASSPHRASE_VARIABLE}");
        let why = format!("{} is encrypted, and nobody could type its passphrase for runners: {how}", file.display());
        return Err(connect::usage(&why).into());
    }
    let public = wiring::signing_key(file, passphrase_file)?.verifying_key();
    let passphrase = passphrase.filter(|_| is_encrypted(&pem));
    Ok(NewKey { pem: pem.into(), passphrase, public })
}

/// A key of its own for this installation; it is nowhere but in the Secret.
fn made() -> anyhow::Result<NewKey> {
    let key = random(KeyKind::P256)?;
    let pem = key.to_pem(None).context("failed to make a key")?;
    Ok(NewKey { pem, passphrase: None, public: key.verifying_key() })
}

/// Does what was decided; returns the public half of the key that is there now.
pub async fn put(
    client: &Client,
    given: Option<NewKey>,
    there: Option<&InstalledKey>,
    step: KeyAction,
    common: &Common,
) -> anyhow::Result<Option<VerifyingKey>> {
    let public = match step {
        KeyAction::Keep => there.and_then(|k| k.public),
        KeyAction::Create | KeyAction::Replace => {
            let given = given.map_or_else(made, Ok)?;
            let instead = there.filter(|_| step == KeyAction::Replace);
            key::write(client, &given, instead).await.map_err(|e| told(common, &e))?;
            Some(given.public)
        }
    };
    tell(step, public.as_ref(), false, common);
    Ok(public)
}

/// One line for the Secret.
pub fn tell(step: KeyAction, public: Option<&VerifyingKey>, trial: bool, common: &Common) {
    let word = match step {
        KeyAction::Keep => "unchanged",
        KeyAction::Create => "created",
        KeyAction::Replace => "configured",
    };
    let id = public.map(VerifyingKey::keyid);
    say(common, word, &format!("Secret {KEY_SECRET}"), id.as_deref(), trial);
}

/// The public key as PEM, written to the file that was asked for: also when the controller does not become available.
pub fn publish(public: Option<&VerifyingKey>, file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let pem = public.map(|p| p.to_pem().context("failed to write the public key")).transpose()?;
    if let (Some(file), Some(pem)) = (file, &pem) {
        std::fs::write(file, pem).with_context(|| format!("failed to write the public key to {}", file.display()))?;
    }
    Ok(pem)
}

/// What others need to know: with which key to verify.
pub fn finish(public: Option<&VerifyingKey>, pem: Option<&str>, file: Option<&Path>, image: &str, common: &Common) {
    let id = public.map(VerifyingKey::keyid);
    if common.output == Output::Json {
        let event = serde_json::json!({"event": "installed", "image": image, "keyid": id, "publicKey": pem});
        outln!("{event}");
        return;
    }
    match (file, pem, id) {
        (Some(file), Some(_), Some(id)) => outln!("\nreports are verified with {} (key {id})", file.display()),
        (None, Some(pem), Some(id)) => outln!("\nreports are verified with this public key, {id}:\n{pem}"),
        _ => errln!("the signing key is encrypted, and its public half is not in Secret {KEY_SECRET}"),
    }
}
