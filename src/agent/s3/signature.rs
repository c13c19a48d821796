//! Signatures of requests to S3: AWS Signature Version 4, with the digest of the body. Pure.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha2::Sha256;

use crate::model::{Digest, hex};

/// The keys that sign.
pub(super) struct Keys {
    pub access: String,
    pub secret: String,
}

/// What is signed of a request.
pub(super) struct Signed<'a> {
    pub method: &'a str,
    pub host: &'a str,
    /// Encoded.
    pub path: &'a str,
    /// Encoded and sorted.
    pub query: &'a str,
    pub content_type: Option<&'a str>,
    pub body: &'a [u8],
}

/// The headers that sign a request.
pub(super) fn headers(of: &Signed<'_>, keys: &Keys, region: &str, now: Timestamp) -> Vec<(&'static str, String)> {
    let time = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = time.get(..8).unwrap_or_default();
    let digest = Digest::compute(of.body).hex();
    let content_type = of.content_type.map(|text| ("content-type", text));
    let rest = [("host", of.host), ("x-amz-content-sha256", digest.as_str()), ("x-amz-date", time.as_str())];
    let all: Vec<(&str, &str)> = content_type.into_iter().chain(rest).collect();
    let signed = all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: String = all.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let canonical = format!("{}\n{}\n{}\n{lines}\n{signed}\n{digest}", of.method, of.path, of.query);
    let scope = format!("{day}/{region}/s3/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", Digest::compute(canonical).hex());
    let first = code(format!("AWS4{}", keys.secret).as_bytes(), day);
    let key = [region, "s3", "aws4_request"].iter().fold(first, |key, part| code(&key, part));
    let signature = hex(&code(&key, &text));
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}", keys.access);
    vec![("x-amz-content-sha256", digest), ("x-amz-date", time), ("authorization", authorization)]
}

fn code(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes keys of any length.
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(key) else { return vec![] };
    code.update(text.as_bytes());
    code.finalize().into_bytes().to_vec()
}

/// A path in the form that is signed and sent: everything but letters, digits, `-._~` and slashes is encoded.
pub(super) fn encoded_path(path: &str) -> String {
    encoded(path, true)
}

/// A query in the form that is signed and sent: encoded and sorted.
pub(super) fn encoded_query(pairs: &[(&str, String)]) -> String {
    let mut pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encoded(name, false), encoded(value, false))).collect();
    pairs.sort();
    pairs.join("&")
}

fn encoded(text: &str, keeps_slashes: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b'/' if keeps_slashes => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The example of AWS for a list request: "Signature Calculations for the Authorization Header".
    #[test]
    fn a_signature_is_that_of_the_example_of_aws() {
        let keys =
            Keys { access: "AKIAIOSFODNN7EXAMPLE".into(), secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into() };
        let query = encoded_query(&[("prefix", "J".into()), ("max-keys", "2".into())]);
        let signed = Signed {
            method: "GET",
            host: "examplebucket.s3.amazonaws.com",
            path: "/",
            query: &query,
            content_type: None,
            body: b"",
        };
        let now = "2013-05-24T00:00:00Z".parse().unwrap();
        let headers = headers(&signed, &keys, "us-east-1", now);
        assert_eq!(
            headers[2].1,
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
             Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
    }

    #[test]
    fn names_are_encoded_as_they_are_signed() {
        assert_eq!(encoded_path("/b/a b+ü/..%2f"), "/b/a%20b%2B%C3%BC/..%252f");
        assert_eq!(
            encoded_query(&[("prefix", "a/b=".into()), ("list-type", "2".into())]),
            "list-type=2&prefix=a%2Fb%3D"
        );
    }
}
