//! The signing key in its Secret: which one is there, and what is to be done about it. `decide` and `known` are pure.
//!
//! A key is never replaced unless that was asked for, and nothing here shows one: only its id and its public half.

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

/// A key to be installed.
pub struct NewKey {
    /// The private key as PEM, encrypted or not.
    pub pem: Zeroizing<String>,
    /// The passphrase, where it is encrypted.
    pub passphrase: Option<Zeroizing<String>>,
    /// Its public half.
    pub public: VerifyingKey,
}

/// The key that is there.
pub struct InstalledKey {
    /// Its public half; none where the Secret does not tell.
    pub public: Option<VerifyingKey>,
    /// The Secret's version.
    version: Option<String>,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAction {
    /// Nothing: it is there.
    Keep,
    /// Make the Secret.
    Create,
    /// Put the given key in place of the one that is there.
    Replace,
}

/// What is to be done, given the key that is there, the one that the user named, and whether it may be replaced.
pub fn decide(
    there: Option<&InstalledKey>,
    given: Option<&VerifyingKey>,
    replace: bool,
) -> Result<KeyAction, InstallError> {
    let id = |key: Option<&VerifyingKey>| key.map_or("whose id it does not tell".to_owned(), VerifyingKey::keyid);
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

/// Which key a Secret holds.
pub fn from_secret(secret: &Secret) -> Result<InstalledKey, InstallError> {
    let private = signing_key(secret).ok_or_else(|| InstallError::BrokenKey(format!("it holds no {KEY}")))?;
    let encrypted = text(secret, KEY).is_some_and(|pem| is_encrypted(&pem));
    // The private key decides; the public half beside it is for those who look, and counts where nothing else tells.
    let public = match private {
        Ok(key) => Some(key.verifying_key()),
        // Without its passphrase an encrypted key cannot be read here, and may still be the one that was meant.
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

/// The key that is there.
pub async fn installed(client: &Client) -> Result<Option<InstalledKey>, InstallError> {
    let found = api(client).get_opt(KEY_SECRET).await;
    let found = found.map_err(failed(format!("look for Secret {NAMESPACE}/{KEY_SECRET}")))?;
    found.as_ref().map(from_secret).transpose()
}

/// Makes the Secret, or puts another key into it; what somebody else did to it meanwhile is not overwritten.
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
    put.map(drop).map_err(failed(format!("make Secret {NAMESPACE}/{KEY_SECRET}")))
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
    fn a_key_is_kept_unless_another_is_given_and_may_replace_it() {
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
    fn the_key_in_a_secret_is_known_with_and_without_a_passphrase() {
        for given in [key(3, None), key(3, Some("words"))] {
            let known = from_secret(&secret(&given).unwrap()).unwrap();
            assert!(known.public == Some(given.public));
        }
    }

    #[test]
    fn a_secret_that_was_made_by_hand_needs_only_the_private_key() {
        let mut by_hand = secret(&key(4, None)).unwrap();
        by_hand.data.as_mut().unwrap().remove(PUBLIC);
        assert!(from_secret(&by_hand).unwrap().public == Some(key(4, None).public));
        by_hand.data.as_mut().unwrap().remove(KEY);
        assert!(from_secret(&by_hand).err().unwrap().to_string().contains("key.pem"));
    }
}
