//! `package.json` of installed packages of Node.js. Pure.

use serde::Deserialize;

use super::named::Named;

#[derive(Deserialize)]
struct Manifest {
    name: Option<String>,
    version: Option<String>,
}

/// Parses name and version.
pub(super) fn parse(bytes: &[u8]) -> Result<Named, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let manifest: Manifest =
        serde_json::from_slice(bytes).map_err(|e| format!("it is not a package of Node.js: {e}"))?;
    match (manifest.name, manifest.version) {
        (Some(name), Some(version)) => Ok(Named { name, version }),
        (None, _) => Err("a package of Node.js has no name".into()),
        (Some(_), None) => Err("a package of Node.js has no version".into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn needs_a_name_and_a_version() {
        let of = |text: &str| parse(text.as_bytes());
        assert_eq!(of("\u{feff}{\"name\":\"@a/b\",\"version\":\"1.0.0\",\"x\":[{}]}").unwrap().name, "@a/b");
        assert!(of("{\"name\":\"a\"}").unwrap_err().contains("no version"));
        assert!(of("{\"version\":\"1\"}").unwrap_err().contains("no name"));
        assert!(of(&"[".repeat(100_000)).is_err());
    }
}
