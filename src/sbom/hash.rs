//! Hashes of lock files as CycloneDX writes them. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::{hex, is_hex};

/// Algorithms, by the names of lock files and of CycloneDX, and the length of their hashes in hexadecimal digits.
const ALGORITHMS: [(&str, &str, usize); 5] = [
    ("md5", "MD5", 32),
    ("sha1", "SHA-1", 40),
    ("sha256", "SHA-256", 64),
    ("sha384", "SHA-384", 96),
    ("sha512", "SHA-512", 128),
];

/// Algorithm and lower-case hexadecimal digits of a hash of a file; none for others, such as Go's of folders.
///
/// Lock files write `sha256:HEX` (Python), `sha512-BASE64` (npm), or 64 digits alone (Cargo).
pub(super) fn parse(text: &str) -> Option<(&'static str, String)> {
    let of = |name: &str, digits: String| {
        let (_, algorithm, length) = ALGORITHMS.into_iter().find(|(known, ..)| known.eq_ignore_ascii_case(name))?;
        let digits = digits.to_ascii_lowercase();
        is_hex(&digits, length).then_some((algorithm, digits))
    };
    if let Some((name, digits)) = text.split_once(':') {
        return of(name, digits.to_owned());
    }
    match text.split_once('-') {
        Some((name, encoded)) => of(name, hex(&STANDARD.decode(encoded).ok()?)),
        None => of("sha256", text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_forms_of_lock_files_and_no_others() {
        let digits = "ab".repeat(32);
        let sha256 = Some(("SHA-256", digits.clone()));
        assert_eq!(parse(&digits), sha256);
        assert_eq!(parse(&format!("sha256:{}", digits.to_uppercase())), sha256);
        assert_eq!(
            parse("sha1-C+7Hteo/D9vJXQ3UfzxbwnXaijM="),
            Some(("SHA-1", "0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33".into()))
        );
        for wrong in ["", "h1:C+7Hteo=", "sha256:abc", "sha512-not base64", "md5:\u{1b}", "sha256-", &digits[1..]] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
