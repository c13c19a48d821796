//! Metadata of installed Python packages: `METADATA` and `PKG-INFO`. Pure.

use super::named::Named;

/// Folders with copies of other packages, and the package that has them where its name differs from that of its module.
const OWNERS: [(&str, &str); 1] = [("pkg_resources", "setuptools")];

/// Parses the headers before the first empty line.
pub(super) fn parse(bytes: &[u8]) -> Result<Named, String> {
    let text = String::from_utf8_lossy(bytes);
    let (mut name, mut version) = (None, None);
    for line in text.trim_start_matches('\u{feff}').lines() {
        if line.trim().is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            continue;
        }
        let Some((field, value)) = line.split_once(':') else { continue };
        let slot = match field.to_ascii_lowercase().as_str() {
            "name" => &mut name,
            "version" => &mut version,
            _ => continue,
        };
        // As Python's own reader, which takes the first.
        slot.get_or_insert_with(|| value.trim().to_owned());
    }
    match (name, version) {
        (Some(name), Some(version)) => Ok(Named { name, version }),
        (None, _) => Err("the metadata of a Python package has no name".into()),
        (Some(_), None) => Err("the metadata of a Python package has no version".into()),
    }
}

/// The package that carries the one at this path as a copy.
pub(super) fn vendor(path: &str) -> Option<String> {
    let before = path.split_once("/_vendor/").or_else(|| path.split_once("/_vendored/")).map(|(before, _)| before)?;
    let module = before.rsplit('/').next()?;
    let owner = OWNERS.iter().find(|(name, _)| *name == module).map_or(module, |(_, owner)| owner);
    Some(owner.chars().filter(char::is_ascii_graphic).take(100).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_only_the_headers() {
        let text = "Metadata-Version: 2.1\nName: Jinja2\nVersion: 3.1.2\nLicense: a\n  Version: 9\n\nName: other\n";
        assert_eq!(parse(text.as_bytes()).unwrap(), Named { name: "Jinja2".into(), version: "3.1.2".into() });
        assert!(parse(b"Name: a\n\nVersion: 1\n").unwrap_err().contains("no version"));
        assert!(parse(b"").unwrap_err().contains("no name"));
    }

    #[test]
    fn copies_belong_to_their_owner() {
        let at = |folder: &str| vendor(&format!("usr/lib/site-packages/{folder}/wheel-0.43.0.dist-info/METADATA"));
        assert_eq!(at("setuptools/_vendor").as_deref(), Some("setuptools"));
        assert_eq!(at("pkg_resources/_vendor").as_deref(), Some("setuptools"));
        assert_eq!(at("."), None);
    }
}
