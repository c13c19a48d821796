//! Signing and verifying keys: P-256 (the default) and Ed25519, as PEM.
//!
//! Private keys are PKCS#8 version 1, with or without a passphrase; public keys are SPKI. Reads and
//! writes no files. `Debug` of a signing key shows only its id.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ed25519_dalek::pkcs8::KeypairBytes;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use pkcs8::der::pem::{LineEnding, PemLabel as _};
use pkcs8::der::zeroize::Zeroizing;
use pkcs8::der::{Decode as _, SecretDocument};
use pkcs8::spki::{DecodePublicKey as _, EncodePublicKey as _, SubjectPublicKeyInfoRef};
use pkcs8::{
    DecodePrivateKey as _, EncodePrivateKey as _, EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef,
};

use crate::model::Digest;

const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The two kinds of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// ECDSA with P-256 and SHA-256, with ASN.1 DER signatures: every verifier we know reads it.
    P256,
    /// Ed25519 over the message itself.
    Ed25519,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 => "ECDSA P-256",
            Self::Ed25519 => "Ed25519",
        })
    }
}

/// An error of reading or creating a key. Messages complete "failed to …".
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// The key is not valid PEM or its content is invalid.
    #[error("read the key: {0}")]
    Unreadable(
        /// Why.
        String,
    ),
    /// The PEM holds something else, or an unsupported kind of key.
    #[error("use the key: {0}")]
    Unsupported(
        /// Why, and what to do.
        String,
    ),
    /// The key is encrypted and no passphrase was given.
    #[error("decrypt the key: it needs a passphrase and none was given")]
    PassphraseMissing,
    /// The passphrase is wrong.
    #[error("decrypt the key: the passphrase is wrong")]
    PassphraseWrong,
    /// Encoding the key as PEM failed.
    #[error("encode the key: {0}")]
    Make(
        /// Why.
        String,
    ),
}

/// A private key.
pub enum SigningKey {
    /// ECDSA P-256.
    P256(p256::ecdsa::SigningKey),
    /// Ed25519.
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.verifying_key().keyid())
    }
}

impl SigningKey {
    /// Creates a key from 32 random bytes; none if they are not a valid key (for P-256 once in 2³² times).
    pub fn from_seed(kind: KeyKind, seed: &[u8; 32]) -> Option<Self> {
        match kind {
            KeyKind::P256 => p256::ecdsa::SigningKey::from_slice(seed).ok().map(Self::P256),
            KeyKind::Ed25519 => Some(Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed)))),
        }
    }

    /// Reads PKCS#8 PEM; the passphrase is used only if the key is encrypted.
    pub fn from_pem(pem: &str, passphrase: Option<&str>) -> Result<Self, KeyError> {
        let (label, der) = SecretDocument::from_pem(pem.trim())
            .map_err(|e| KeyError::Unreadable(format!("it is not a PEM file ({e})")))?;
        match label {
            PrivateKeyInfoRef::PEM_LABEL => Self::from_der(der.as_bytes()),
            EncryptedPrivateKeyInfoRef::PEM_LABEL => {
                let der = decrypt(der.as_bytes(), passphrase.ok_or(KeyError::PassphraseMissing)?)?;
                // A wrong passphrase yields well-padded noise once in a few hundred times.
                PrivateKeyInfoRef::from_der(der.as_bytes()).map_err(|_| KeyError::PassphraseWrong)?;
                Self::from_der(der.as_bytes())
            }
            "PUBLIC KEY" => Err(KeyError::Unsupported("it is a public key; signing needs the private key".into())),
            other => Err(KeyError::Unsupported(format!(
                "its PEM label is {other:?}; convert it with `openssl pkcs8 -topk8 -in KEY -out NEW`, or generate a key with `dayfly key generate`"
            ))),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let info =
            PrivateKeyInfoRef::from_der(der).map_err(|e| KeyError::Unreadable(format!("it is not PKCS#8 ({e})")))?;
        match info.algorithm.oid {
            EC => p256::ecdsa::SigningKey::from_pkcs8_der(der).map(Self::P256).map_err(|_| other_curve()),
            ED25519 => ed25519_dalek::SigningKey::from_pkcs8_der(der)
                .map(|k| Self::Ed25519(Box::new(k)))
                .map_err(|e| KeyError::Unreadable(e.to_string())),
            oid => Err(other_kind(oid)),
        }
    }

    /// PKCS#8 version 1 PEM, encrypted (PBES2: scrypt, AES-256-CBC) when a passphrase is given.
    ///
    /// Version 1 carries no public key beside the private one; OpenSSL 3.0 and Python cannot read version 2.
    pub fn to_pem(&self, passphrase: Option<&str>) -> Result<Zeroizing<String>, KeyError> {
        let der = match self {
            Self::P256(k) => k.to_pkcs8_der(),
            Self::Ed25519(k) => KeypairBytes { secret_key: k.to_bytes(), public_key: None }.to_pkcs8_der(),
        };
        let der = der.map_err(|e| KeyError::Make(e.to_string()))?;
        let (label, der) = match passphrase {
            None => (PrivateKeyInfoRef::PEM_LABEL, der),
            Some(words) => {
                let info = PrivateKeyInfoRef::from_der(der.as_bytes()).map_err(|e| KeyError::Make(e.to_string()))?;
                (EncryptedPrivateKeyInfoRef::PEM_LABEL, info.encrypt(words).map_err(|e| KeyError::Make(e.to_string()))?)
            }
        };
        der.to_pem(label, LineEnding::LF).map_err(|e| KeyError::Make(e.to_string()))
    }

    /// The public half.
    pub fn verifying_key(&self) -> VerifyingKey {
        match self {
            Self::P256(k) => VerifyingKey::P256(*k.verifying_key()),
            Self::Ed25519(k) => VerifyingKey::Ed25519(k.verifying_key()),
        }
    }

    /// Signs the bytes, deterministically with both kinds.
    pub fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::P256(k) => {
                let signature: p256::ecdsa::DerSignature = k.sign(bytes);
                signature.as_bytes().to_vec()
            }
            Self::Ed25519(k) => k.sign(bytes).to_bytes().to_vec(),
        }
    }
}

/// A public key. Verifiers pin it and never take it from the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyingKey {
    /// ECDSA P-256.
    P256(p256::ecdsa::VerifyingKey),
    /// Ed25519.
    Ed25519(ed25519_dalek::VerifyingKey),
}

impl VerifyingKey {
    /// Reads SPKI PEM.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let (label, der) = SecretDocument::from_pem(pem.trim())
            .map_err(|e| KeyError::Unreadable(format!("it is not a PEM file ({e})")))?;
        if label.ends_with("PRIVATE KEY") {
            return Err(KeyError::Unsupported(
                "it is a private key; verification needs the public key (the `.pub` file)".into(),
            ));
        }
        let spki = SubjectPublicKeyInfoRef::from_der(der.as_bytes()).map_err(|_| {
            KeyError::Unsupported(format!(
                "its PEM label is {label:?}; a public key begins with `-----BEGIN PUBLIC KEY-----`"
            ))
        })?;
        match spki.algorithm.oid {
            EC => p256::ecdsa::VerifyingKey::from_public_key_der(der.as_bytes())
                .map(Self::P256)
                .map_err(|_| other_curve()),
            ED25519 => ed25519_dalek::VerifyingKey::from_public_key_der(der.as_bytes())
                .map(Self::Ed25519)
                .map_err(|e| KeyError::Unreadable(e.to_string())),
            oid => Err(other_kind(oid)),
        }
    }

    /// SPKI PEM.
    pub fn to_pem(&self) -> Result<String, KeyError> {
        match self {
            Self::P256(k) => k.to_public_key_pem(LineEnding::LF),
            Self::Ed25519(k) => k.to_public_key_pem(LineEnding::LF),
        }
        .map_err(|e| KeyError::Make(e.to_string()))
    }

    /// The key alone, without its kind: 32 bytes for Ed25519, a point for P-256.
    pub fn raw(&self) -> Vec<u8> {
        match self {
            Self::P256(k) => k.to_sec1_point(true).as_bytes().to_vec(),
            Self::Ed25519(k) => k.as_bytes().to_vec(),
        }
    }

    /// Its kind.
    pub fn kind(&self) -> KeyKind {
        match self {
            Self::P256(_) => KeyKind::P256,
            Self::Ed25519(_) => KeyKind::Ed25519,
        }
    }

    /// `SHA256:` and the unpadded base64 of the SHA-256 of the key in SSH encoding, as `ssh-keygen -l` shows it.
    pub fn keyid(&self) -> String {
        let mut wire = Vec::new();
        match self {
            Self::P256(k) => {
                let point = k.to_sec1_point(false);
                [b"ecdsa-sha2-nistp256".as_slice(), b"nistp256", point.as_bytes()]
                    .iter()
                    .for_each(|part| put(&mut wire, part));
            }
            Self::Ed25519(k) => [b"ssh-ed25519".as_slice(), k.as_bytes()].iter().for_each(|part| put(&mut wire, part)),
        }
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Digest::compute(&wire).as_bytes()))
    }

    /// Returns true if `signature` is a valid signature of `bytes` by this key.
    pub fn accepts(&self, bytes: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(k) => {
                p256::ecdsa::DerSignature::from_bytes(signature).is_ok_and(|s| k.verify(bytes, &s).is_ok())
            }
            // `verify_strict` also refuses small-order keys and points that several implementations judge differently.
            Self::Ed25519(k) => {
                ed25519_dalek::Signature::from_slice(signature).is_ok_and(|s| k.verify_strict(bytes, &s).is_ok())
            }
        }
    }
}

/// Returns true if the PEM needs a passphrase.
pub fn is_encrypted(pem: &str) -> bool {
    pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
}

fn decrypt(der: &[u8], passphrase: &str) -> Result<SecretDocument, KeyError> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der)
        .map_err(|e| KeyError::Unsupported(format!("its encryption is not PBES2 with a known cipher ({e})")))?;
    info.decrypt(passphrase).map_err(|e| match e {
        pkcs8::Error::EncryptedPrivateKey(pkcs8::pkcs5::Error::UnsupportedAlgorithm { oid }) => {
            KeyError::Unsupported(format!("its encryption ({oid}) is not supported"))
        }
        _ => KeyError::PassphraseWrong,
    })
}

/// Appends an SSH string: a length of four bytes, then the bytes.
fn put(wire: &mut Vec<u8>, part: &[u8]) {
    wire.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    wire.extend_from_slice(part);
}

fn other_curve() -> KeyError {
    KeyError::Unsupported("it is an elliptic-curve key on another curve; use P-256 or Ed25519".into())
}

fn other_kind(oid: ObjectIdentifier) -> KeyError {
    let name = if oid.to_string() == "1.2.840.113549.1.1.1" {
        "an RSA key".into()
    } else {
        format!("a key with algorithm {oid}")
    };
    KeyError::Unsupported(format!("it is {name}; use P-256 or Ed25519"))
}
