//! Key pairs for tokens: generated for an environment, or for one step.
//!
//! Private keys are PKCS#8 version 1 in PEM, as OpenSSL and Python read them; public keys are SPKI in PEM.

use ed25519_dalek::pkcs8::KeypairBytes;
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::signature::Signer;
use pkcs8::der::pem::LineEnding;
use pkcs8::spki::EncodePublicKey;
use pkcs8::{DecodePrivateKey, EncodePrivateKey, SecretDocument};
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use sha2::Sha256;

use super::error::SecretsError;
use crate::spec::model::KeyAlgorithm;

/// Size of an RSA key in bits.
const RSA_BITS: usize = 2048;
/// A P-256 key is no random number once in 2³² times.
const ATTEMPTS: u8 = 8;

/// A private key that signs tokens.
pub struct KeyPair(Key);

enum Key {
    P256(p256::ecdsa::SigningKey),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    Rsa { pem: String, public: String, signing: Box<RsaKeyPair> },
}

impl KeyPair {
    /// Generates a key. For RSA, this takes up to some seconds of one processor.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, SecretsError> {
        let failed = |why: String| SecretsError::Key { algorithm: algorithm.name(), why };
        if algorithm == KeyAlgorithm::Rs256 {
            let key = rsa::PrivateKey::new(&mut getrandom::SysRng, RSA_BITS).map_err(|e| failed(e.to_string()))?;
            return Self::rsa(&key).map_err(failed);
        }
        for _ in 0..ATTEMPTS {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed)?;
            match algorithm {
                KeyAlgorithm::EdDsa => return Ok(Self(Key::Ed25519(Box::new((&seed).into())))),
                _ => {
                    if let Ok(key) = p256::ecdsa::SigningKey::from_slice(&seed) {
                        return Ok(Self(Key::P256(key)));
                    }
                }
            }
        }
        Err(failed("the random numbers are no keys".into()))
    }

    /// Reads a key that [`private_pem`](Self::private_pem) wrote; none if it is none of this algorithm.
    pub fn from_pem(algorithm: KeyAlgorithm, pem: &str) -> Option<Self> {
        match algorithm {
            KeyAlgorithm::Es256 => p256::ecdsa::SigningKey::from_pkcs8_pem(pem).ok().map(|k| Self(Key::P256(k))),
            KeyAlgorithm::EdDsa => {
                ed25519_dalek::SigningKey::from_pkcs8_pem(pem).ok().map(|k| Self(Key::Ed25519(Box::new(k))))
            }
            KeyAlgorithm::Rs256 => Self::rsa(&rsa::PrivateKey::from_pkcs8_pem(pem).ok()?).ok(),
        }
    }

    fn rsa(key: &rsa::PrivateKey) -> Result<Self, String> {
        let document = key.to_pkcs8_der().map_err(|e| e.to_string())?;
        let signing = RsaKeyPair::from_pkcs8(document.as_bytes()).map_err(|e| e.to_string())?;
        let public = key.to_public_key().to_public_key_pem(LineEnding::LF).map_err(|e| e.to_string())?;
        Ok(Self(Key::Rsa { pem: pem(document)?, public, signing: Box::new(signing) }))
    }

    /// The private key.
    pub fn private_pem(&self) -> Result<String, SecretsError> {
        let document = match &self.0 {
            Key::P256(key) => key.to_pkcs8_der(),
            // With the public key, it would be version 2.
            Key::Ed25519(key) => KeypairBytes { secret_key: key.to_bytes(), public_key: None }.to_pkcs8_der(),
            Key::Rsa { pem, .. } => return Ok(pem.clone()),
        };
        document.map_err(|e| e.to_string()).and_then(pem).map_err(|why| self.failed(why))
    }

    /// The public key.
    pub fn public_pem(&self) -> Result<String, SecretsError> {
        let pem = match &self.0 {
            Key::P256(key) => key.verifying_key().to_public_key_pem(LineEnding::LF),
            Key::Ed25519(key) => key.verifying_key().to_public_key_pem(LineEnding::LF),
            Key::Rsa { public, .. } => return Ok(public.clone()),
        };
        pem.map_err(|e| self.failed(e.to_string()))
    }

    /// Signs a message as a JSON Web Signature does (RFC 7518).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SecretsError> {
        match &self.0 {
            Key::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                Ok(signature.to_bytes().to_vec())
            }
            Key::Ed25519(key) => Ok(key.sign(message).to_bytes().to_vec()),
            Key::Rsa { signing, .. } => {
                let mut signature = vec![0; signing.public().modulus_len()];
                let random = ring::rand::SystemRandom::new();
                let signed = signing.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature);
                signed.map(|()| signature).map_err(|e| self.failed(e.to_string()))
            }
        }
    }

    fn failed(&self, why: String) -> SecretsError {
        let algorithm = match self.0 {
            Key::P256(_) => KeyAlgorithm::Es256,
            Key::Ed25519(_) => KeyAlgorithm::EdDsa,
            Key::Rsa { .. } => KeyAlgorithm::Rs256,
        };
        SecretsError::Key { algorithm: algorithm.name(), why }
    }
}

fn pem(document: SecretDocument) -> Result<String, String> {
    document.to_pem("PRIVATE KEY", LineEnding::LF).map(|text| text.to_string()).map_err(|e| e.to_string())
}

/// The HMAC-SHA-256 of a message with a shared secret.
pub fn shared_signature(secret: &[u8], message: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(secret) else { return vec![] };
    code.update(message);
    code.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    /// The public key in the form in which ring reads it: the end of the SPKI.
    fn raw(public: &str, length: usize) -> Vec<u8> {
        let (_, document) = pkcs8::Document::from_pem(public).unwrap();
        document.as_bytes()[document.as_bytes().len() - length..].to_vec()
    }

    #[test]
    fn every_algorithm_signs_what_another_library_verifies_and_survives_its_pem() {
        for (algorithm, verification, length) in [
            (KeyAlgorithm::Es256, &ECDSA_P256_SHA256_FIXED as &dyn ring::signature::VerificationAlgorithm, 65),
            (KeyAlgorithm::EdDsa, &ED25519, 32),
            (KeyAlgorithm::Rs256, &RSA_PKCS1_2048_8192_SHA256, 270),
        ] {
            let made = KeyPair::generate(algorithm).unwrap();
            let read = KeyPair::from_pem(algorithm, &made.private_pem().unwrap()).unwrap();
            let public = made.public_pem().unwrap();
            assert_eq!(public, read.public_pem().unwrap());
            let key = UnparsedPublicKey::new(verification, raw(&public, length));
            key.verify(b"message", &read.sign(b"message").unwrap()).unwrap();
            assert!(key.verify(b"other", &read.sign(b"message").unwrap()).is_err());
            assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\n"));
        }
        let other = KeyPair::generate(KeyAlgorithm::Es256).unwrap().private_pem().unwrap();
        assert!(KeyPair::from_pem(KeyAlgorithm::EdDsa, &other).is_none());
    }

    #[test]
    fn a_shared_signature_is_that_of_rfc_4231() {
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(crate::model::hex(&shared_signature(b"Jefe", b"what do ya want for nothing?")), expected);
    }
}
