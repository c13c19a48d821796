//! The signing key in its Secret. `decide` and `from_secret` are pure.
//!
//! A key is replaced only on request, and only its id and its public key are ever shown.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use pkcs8::der::zeroize::Zeroizing;

use super::{InstallError, KEY_SECRET, MANAGER, NAMESPACE, failed};
use crate::evidence::VerifyingKey;
use crate::evidence::key::is_encrypted;
use crate::evidence::key_secret::{KEY, PASSPHRASE, PUBLIC, signing_key, text};

/// A key to install.
pub struct NewKey {
    /// The private key as PEM, encrypted or not.
    pub pem: Zeroizing<String>,
    /// The passphrase of an encrypted key.
    pub passphrase: Option<Zeroizing<String>>,
    /// The public key.
    pub public: VerifyingKey,
}

/// The installed key.
pub struct InstalledKey {
    /// The public key, if the Secret reveals it.
    pub public: Option<VerifyingKey>,
    /// Resource version of the Secret.
    version: Option<String>,
}

/// The action for the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAction {
    /// Keep the installed key.
    Keep,
    /// Create the Secret.
    Create,
    /// Replace the installed key.
    Replace,
}

/// Decides from the installed key, the given key and --replace-key.
pub fn decide(
    there: Option<&InstalledKey>,
    given: Option<&VerifyingKey>,
    replace: bool,
) -> Result<KeyAction, InstallError> {
    let id = |key: Option<&VerifyingKey>| key.map_or("whose id is unknown".to_owned(), VerifyingKey::keyid);
    match (there, given) {
        (None, _) => Ok(KeyAction::Create),
        (Some(_), None) => Ok(KeyAction::Keep),
        (Some(there), Some(given)) if there.public.as_ref() == Some(given) => Ok(KeyAction::Keep),
        (Some(_), Some(_)) if replace => Ok(KeyAction::Replace),
        (Some(there), Some(given)) => {
            Err(InstallError::OtherKey { there: id(there.public.as_ref()), given: id(Some(given)) })
        }
    }
}

/// Reads the key in a Secret.
pub fn from_secret(secret: &Secret) -> Result<InstalledKey, InstallError> {
    let private = signing_key(secret).ok_or_else(|| InstallError::BrokenKey(format!("it holds no {KEY}")))?;
    let encrypted = text(secret, KEY).is_some_and(|pem| is_encrypted(&pem));
    // The private key decides; the public key beside it counts only if the private key cannot be read.
    let public = match private {
        Ok(key) => Some(key.verifying_key()),
        // An encrypted key without its passphrase is unreadable here, and may still be the right one.
        Err(e) if !encrypted || text(secret, PASSPHRASE).is_some() => {
            return Err(InstallError::BrokenKey(format!("failed to {e}")));
        }
        Err(_) => text(secret, PUBLIC).and_then(|pem| VerifyingKey::from_pem(&pem).ok()),
    };
    Ok(InstalledKey { public, version: secret.metadata.resource_version.clone() })
}

fn api(client: &Client) -> Api<Secret> {
    Api::namespaced(client.clone(), NAMESPACE)
}

/// Reads the installed key.
pub async fn installed(client: &Client) -> Result<Option<InstalledKey>, InstallError> {
    let found = api(client).get_opt(KEY_SECRET).await;
    let found = found.map_err(failed(format!("read Secret {NAMESPACE}/{KEY_SECRET}")))?;
    found.as_ref().map(from_secret).transpose()
}

/// Creates the Secret, or replaces its key unless the Secret changed meanwhile.
pub async fn write(client: &Client, given: &NewKey, instead: Option<&InstalledKey>) -> Result<(), InstallError> {
    let mut secret = secret(given)?;
    let params = PostParams { field_manager: Some(MANAGER.into()), dry_run: false };
    let put = match instead {
        None => api(client).create(&params, &secret).await,
        Some(known) => {
            secret.metadata.resource_version.clone_from(&known.version);
            api(client).replace(KEY_SECRET, &params, &secret).await
        }
    };
    put.map(drop).map_err(failed(format!("write Secret {NAMESPACE}/{KEY_SECRET}")))
}

fn secret(given: &NewKey) -> Result<Secret, InstallError> {
    let public = given.public.to_pem().map_err(|e| InstallError::BrokenKey(format!("failed to {e}")))?;
    let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
    let mut data: BTreeMap<String, ByteString> =
        [(KEY.to_owned(), bytes(&given.pem)), (PUBLIC.to_owned(), bytes(&public))].into();
    if let Some(passphrase) = &given.passphrase {
        data.insert(PASSPHRASE.to_owned(), bytes(passphrase));
    }
    let labels = [("app.kubernetes.io/name".to_owned(), "dayfly".to_owned())].into();
    Ok(Secret {
        metadata: ObjectMeta { name: Some(KEY_SECRET.into()), labels: Some(labels), ..ObjectMeta::default() },
        type_: Some("Opaque".into()),
        data: Some(data),
        ..Secret::default()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::evidence::{KeyKind, SigningKey};

    fn key(seed: u8, passphrase: Option<&str>) -> NewKey {
        let key = SigningKey::from_seed(KeyKind::P256, &[seed; 32]).unwrap();
        let passphrase = passphrase.map(|p| Zeroizing::new(p.to_owned()));
        let pem = key.to_pem(passphrase.as_ref().map(|p| p.as_str())).unwrap();
        NewKey { pem, passphrase, public: key.verifying_key() }
    }

    #[test]
    fn replaces_the_key_only_on_request() {
        let (one, other) = (key(1, None), key(2, None));
        let there = from_secret(&secret(&one).unwrap()).unwrap();
        assert_eq!(decide(None, None, false).unwrap(), KeyAction::Create);
        assert_eq!(decide(Some(&there), None, true).unwrap(), KeyAction::Keep);
        assert_eq!(decide(Some(&there), Some(&one.public), true).unwrap(), KeyAction::Keep);
        assert_eq!(decide(Some(&there), Some(&other.public), true).unwrap(), KeyAction::Replace);
        let refused = decide(Some(&there), Some(&other.public), false).unwrap_err().to_string();
        assert!(refused.contains(&one.public.keyid()) && refused.contains("--replace-key"), "{refused}");
    }

    #[test]
    fn reads_keys_with_and_without_a_passphrase() {
        for given in [key(3, None), key(3, Some("words"))] {
            let known = from_secret(&secret(&given).unwrap()).unwrap();
            assert!(known.public == Some(given.public));
        }
    }

    #[test]
    fn reads_a_secret_with_only_the_private_key() {
        let mut by_hand = secret(&key(4, None)).unwrap();
        by_hand.data.as_mut().unwrap().remove(PUBLIC);
        assert!(from_secret(&by_hand).unwrap().public == Some(key(4, None).public));
        by_hand.data.as_mut().unwrap().remove(KEY);
        assert!(from_secret(&by_hand).err().unwrap().to_string().contains("key.pem"));
    }
}
