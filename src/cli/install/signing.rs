//! Installs the signing key, and exports its public key.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use kube::Client;

use super::output::{self, install_error};
use crate::cli::error::usage_error;
use crate::cli::key::{PASSPHRASE_VARIABLE, PassphraseSource, random, signing_key};
use crate::cli::{Common, Output};
use crate::evidence::VerifyingKey;
use crate::evidence::key::{KeyKind, is_encrypted};
use crate::install::KEY_SECRET;
use crate::install::key::{self, InstalledKey, KeyAction, NewKey};

/// Reads the key that the user gave.
pub fn read(file: &Path, passphrase_file: Option<PathBuf>) -> anyhow::Result<NewKey> {
    let passphrase = PassphraseSource::new(passphrase_file.clone()).given()?;
    let pem = std::fs::read_to_string(file).map_err(|e| {
        usage_error(&format!(
            "failed to read the key {0}: {e}; generate one with: dayfly key generate {0}",
            file.display()
        ))
    })?;
    if is_encrypted(&pem) && passphrase.is_none() {
        let why = format!(
            "the key {} is encrypted, and runners cannot ask for its passphrase: give --passphrase-file, or set {PASSPHRASE_VARIABLE}",
            file.display()
        );
        return Err(usage_error(&why).into());
    }
    let public = signing_key(file, passphrase_file)?.verifying_key();
    let passphrase = passphrase.filter(|_| is_encrypted(&pem));
    Ok(NewKey { pem: pem.into(), passphrase, public })
}

/// Generates a key for this installation; it exists only in the Secret.
fn generate() -> anyhow::Result<NewKey> {
    let key = random(KeyKind::P256)?;
    let pem = key.to_pem(None).context("failed to generate a key")?;
    Ok(NewKey { pem, passphrase: None, public: key.verifying_key() })
}

/// Performs the decided step; returns the public key of the installation.
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
            let given = given.map_or_else(generate, Ok)?;
            let instead = there.filter(|_| step == KeyAction::Replace);
            key::write(client, &given, instead).await.map_err(|e| install_error(common, &e))?;
            Some(given.public)
        }
    };
    print_change(step, public.as_ref(), false, common);
    Ok(public)
}

/// Prints the change of the Secret.
pub fn print_change(step: KeyAction, public: Option<&VerifyingKey>, dry_run: bool, common: &Common) {
    let word = match step {
        KeyAction::Keep => "unchanged",
        KeyAction::Create => "created",
        KeyAction::Replace => "configured",
    };
    let id = public.map(VerifyingKey::keyid);
    output::print_change(common, word, &format!("Secret {KEY_SECRET}"), id.as_deref(), dry_run);
}

/// Returns the public key as PEM and writes it to the requested file, before waiting for the controller.
pub fn publish(public: Option<&VerifyingKey>, file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let pem = public.map(|p| p.to_pem().context("failed to write the public key")).transpose()?;
    if let (Some(file), Some(pem)) = (file, &pem) {
        std::fs::write(file, pem).with_context(|| format!("failed to write the public key to {}", file.display()))?;
    }
    Ok(pem)
}

/// Prints the key that verifies reports.
pub fn print_public_key(
    public: Option<&VerifyingKey>,
    pem: Option<&str>,
    file: Option<&Path>,
    image: &str,
    common: &Common,
) {
    let id = public.map(VerifyingKey::keyid);
    if common.output == Output::Json {
        let event = serde_json::json!({"event": "installed", "image": image, "keyid": id, "publicKey": pem});
        outln!("{event}");
        return;
    }
    match (file, pem, id) {
        (Some(file), Some(_), Some(id)) => outln!("\nverify reports with {} (key {id})", file.display()),
        (None, Some(pem), Some(id)) => outln!("\nverify reports with this public key, {id}:\n{pem}"),
        _ => errln!("the signing key is encrypted, and Secret {KEY_SECRET} does not hold its public key"),
    }
}
