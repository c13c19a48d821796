//! The forms of a private key that must not be published. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Shortest line of a key's body that is searched for, in characters; a shorter one occurs by chance.
const MIN_LINE: usize = 16;

/// Returns the PEM text of a key, its DER, and the lines of its body, except those that the certificate publishes: the end
/// of a key may be the public key.
pub(super) fn forms(pem: &[u8], certificate: &[u8]) -> Vec<Vec<u8>> {
    let public = der(certificate);
    let is_secret = |line: &&str| {
        let bytes = STANDARD.decode(line).unwrap_or_default();
        line.len() >= MIN_LINE && (bytes.is_empty() || !public.windows(bytes.len()).any(|w| w == bytes))
    };
    let lines = body(pem).into_iter().filter(is_secret).map(|line| line.as_bytes().to_vec());
    [pem.trim_ascii().to_vec(), der(pem)].into_iter().chain(lines).collect()
}

fn der(pem: &[u8]) -> Vec<u8> {
    STANDARD.decode(body(pem).concat()).unwrap_or_default()
}

fn body(pem: &[u8]) -> Vec<&str> {
    let text = str::from_utf8(pem).unwrap_or_default();
    text.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::authority::Authority;

    #[test]
    fn a_key_is_its_text_its_der_and_its_secret_lines() {
        let Ok((certificate, pem)) = Authority::new("a", 60).and_then(|a| a.issue("web")) else { unreachable!() };
        let forms = forms(pem.as_bytes(), certificate.as_bytes());
        assert_eq!(forms[0], pem.trim().as_bytes());
        assert_eq!(STANDARD.encode(&forms[1]), body(pem.as_bytes()).concat());
        // The third line holds nothing but the public key.
        assert_eq!(forms[2..], body(pem.as_bytes())[..2].iter().map(|l| l.as_bytes().to_vec()).collect::<Vec<_>>());
    }
}
