//! The signing key in a Secret of a cluster: under which names its parts lie there, and what they amount to. Pure.

use k8s_openapi::api::core::v1::Secret;
use pkcs8::der::zeroize::Zeroizing;

use super::key::{KeyError, SigningKey};

/// The private key as PEM.
pub const KEY: &str = "key.pem";
/// Its public half, for those who look.
pub const PUBLIC: &str = "key.pem.pub";
/// The passphrase of the private key, where it is encrypted.
pub const PASSPHRASE: &str = "passphrase";

/// A text in a Secret.
pub fn text(secret: &Secret, name: &str) -> Option<Zeroizing<String>> {
    let bytes = secret.data.as_ref()?.get(name)?;
    Some(Zeroizing::new(String::from_utf8_lossy(&bytes.0).into_owned()))
}

/// The key that signs; none when there is no `key.pem` in it.
pub fn signing_key(secret: &Secret) -> Option<Result<SigningKey, KeyError>> {
    let pem = text(secret, KEY)?;
    let passphrase = text(secret, PASSPHRASE);
    Some(SigningKey::from_pem(&pem, passphrase.as_ref().map(|p| p.lines().next().unwrap_or_default())))
}
