//! SHA-256 digests and hexadecimal text.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use ring::digest::{Context, SHA256, digest};

/// Bytes read at once.
const CHUNK: usize = 1 << 16;

/// A SHA-256 digest; displayed as `sha256:…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The text is not `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `sha256:` and 64 hexadecimal digits")]
pub struct InvalidDigest;

impl Digest {
    /// Computes the digest of bytes.
    pub fn compute(bytes: impl AsRef<[u8]>) -> Self {
        Self::of(&digest(&SHA256, bytes.as_ref()))
    }

    /// Computes the digest of JSON text without spaces, keys sorted.
    pub fn compute_json(value: &serde_json::Value) -> Self {
        Self::compute(value.to_string())
    }

    /// Computes the digest of everything that a reader gives, with little memory.
    pub fn compute_from_reader(reader: &mut impl Read) -> io::Result<Self> {
        // In assembly: a debug build's own program has 100 MB, and other code would take seconds for it.
        let mut hash = Context::new(&SHA256);
        let mut chunk = vec![0; CHUNK];
        loop {
            match reader.read(&mut chunk)? {
                0 => return Ok(Self::of(&hash.finish())),
                n => hash.update(&chunk[..n]),
            }
        }
    }

    fn of(computed: &ring::digest::Digest) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(computed.as_ref());
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 lower-case hexadecimal digits.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let digits = text.strip_prefix("sha256:").filter(|d| is_hex(d, 64)).ok_or(InvalidDigest)?;
        let mut bytes = [0; 32];
        for (n, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&digits[2 * n..2 * n + 2], 16).map_err(|_| InvalidDigest)?;
        }
        Ok(Self(bytes))
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns true if `text` is `length` lower- or upper-case hexadecimal digits.
pub fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ABC: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn computes_sha256_of_bytes_readers_and_json() {
        assert_eq!(Digest::compute("abc").to_string(), ABC);
        assert_eq!(Digest::compute_from_reader(&mut &b"abc"[..]).unwrap(), Digest::compute("abc"));
        let empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(Digest::compute_json(&serde_json::json!({})).hex(), empty);
    }

    #[test]
    fn json_keys_are_sorted_whatever_their_order_was() {
        let value: serde_json::Value = serde_json::from_str(r#"{"b":1,"a":{"d":2,"c":3}}"#).unwrap();
        assert_eq!(Digest::compute_json(&value), Digest::compute(r#"{"a":{"c":3,"d":2},"b":1}"#));
    }

    #[test]
    fn parses_what_it_displays_in_either_case_of_digits() {
        assert_eq!(ABC.parse(), Ok(Digest::compute("abc")));
        assert_eq!(format!("sha256:{}", ABC[7..].to_uppercase()).parse(), Ok(Digest::compute("abc")));
    }

    #[test]
    fn refuses_other_algorithms_lengths_and_letters() {
        for text in ["", "sha256:", "sha256:12", &ABC[7..], &ABC.replace("sha256", "sha512"), &ABC.replace('b', "+")] {
            assert_eq!(text.parse::<Digest>(), Err(InvalidDigest), "{text}");
        }
    }
}
