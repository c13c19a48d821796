//! The public keys of an issuer, as a JSON Web Key Set (RFC 7517). Pure.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;

/// Most keys of a set; issuers publish a handful.
const MOST_KEYS: usize = 64;

/// A set of public keys.
#[derive(Debug, Clone)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

/// One key.
#[derive(Debug, Clone)]
struct Jwk {
    id: Option<String>,
    material: Material,
}

/// The two kinds of key that forges use.
#[derive(Debug, Clone)]
enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// Uncompressed point.
    P256(Vec<u8>),
}

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<RawKey>,
}

#[derive(Deserialize)]
struct RawKey {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwks {
    /// Parses a set. Keys of other kinds, and keys for encryption, are left out; a set without a usable key is an error.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let raw: RawSet = serde_json::from_slice(json).map_err(|e| format!("it is not a JSON Web Key Set: {e}"))?;
        if raw.keys.len() > MOST_KEYS {
            return Err(format!("it has more than {MOST_KEYS} keys"));
        }
        let keys: Vec<Jwk> = raw.keys.into_iter().filter_map(usable).collect();
        if keys.is_empty() {
            return Err("it has no RSA or P-256 key for signatures".into());
        }
        Ok(Self { keys })
    }

    /// True if a key of this id, and of the kind that the algorithm requires, signed the message.
    pub(super) fn verifies(&self, id: Option<&str>, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let named = self.keys.iter().filter(|k| id.is_none() || k.id.as_deref() == id);
        named.into_iter().any(|k| k.material.verifies(algorithm, message, signature))
    }
}

/// The accepted algorithms. `none` and the symmetric ones are not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Es256,
}

impl Material {
    fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match (self, algorithm) {
            (Self::Rsa { modulus: n, exponent: e }, Algorithm::Rs256) => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            (Self::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            _ => false,
        }
    }
}

fn usable(raw: RawKey) -> Option<Jwk> {
    if raw.usage.is_some_and(|u| u != "sig") {
        return None;
    }
    let bytes = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
    let material = match (raw.kty.as_str(), raw.crv.as_deref()) {
        ("RSA", _) => Material::Rsa { modulus: unsigned(bytes(raw.n)?), exponent: unsigned(bytes(raw.e)?) },
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes(raw.x)?, bytes(raw.y)?);
            if x.len() != 32 || y.len() != 32 {
                return None;
            }
            Material::P256([&[4], x.as_slice(), y.as_slice()].concat())
        }
        _ => return None,
    };
    Some(Jwk { id: raw.kid, material })
}

/// Without leading zeros, as `ring` requires.
fn unsigned(bytes: Vec<u8>) -> Vec<u8> {
    bytes.into_iter().skip_while(|b| *b == 0).collect()
}
