//! The signing key in a Secret of a cluster. Pure.

use k8s_openapi::api::core::v1::Secret;
use pkcs8::der::zeroize::Zeroizing;

use super::key::{KeyError, SigningKey};

/// Entry of the private key, as PEM.
pub const KEY: &str = "key.pem";
/// Entry of the public key.
pub const PUBLIC: &str = "key.pem.pub";
/// Entry of the passphrase, if the private key is encrypted.
pub const PASSPHRASE: &str = "passphrase";

/// Reads an entry of a Secret as text.
pub fn text(secret: &Secret, name: &str) -> Option<Zeroizing<String>> {
    let bytes = secret.data.as_ref()?.get(name)?;
    Some(Zeroizing::new(String::from_utf8_lossy(&bytes.0).into_owned()))
}

/// Reads the signing key; none if the Secret has no `key.pem`.
pub fn signing_key(secret: &Secret) -> Option<Result<SigningKey, KeyError>> {
    let pem = text(secret, KEY)?;
    let passphrase = text(secret, PASSPHRASE);
    Some(SigningKey::from_pem(&pem, passphrase.as_ref().map(|p| p.lines().next().unwrap_or_default())))
}
