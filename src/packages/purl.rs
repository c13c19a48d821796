//! Package URLs. Pure.

use super::ecosystem::{Ecosystem, Scheme};

/// The package URL of a name and a version; none for ecosystems without a type.
pub(super) fn of(ecosystem: &Ecosystem, name: &str, version: &str) -> Option<String> {
    let vendor = ecosystem.base().to_ascii_lowercase().replace(' ', "-");
    // `Debian:12` is the distribution `debian-12`.
    let distro = ecosystem.release().map(|r| format!("distro={}", encode(&format!("{vendor}-{r}"))));
    let (kind, version, qualifiers) = match (ecosystem.base(), ecosystem.scheme()) {
        ("PyPI", _) => (format!("pypi/{}", encode(name)), version, vec![]),
        ("npm", _) => (format!("npm/{}", path(name)), version, vec![]),
        ("crates.io", _) => (format!("cargo/{}", encode(name)), version, vec![]),
        ("Go", _) => (format!("golang/{}", path(name)), version, vec![]),
        (_, Some(Scheme::Dpkg)) => (format!("deb/{vendor}/{}", encode(name)), version, vec![distro]),
        (_, Some(Scheme::Rpm)) => {
            let (epoch, rest) = match version.split_once(':') {
                Some((epoch, rest)) => (Some(format!("epoch={}", encode(epoch))), rest),
                None => (None, version),
            };
            (format!("rpm/{vendor}/{}", encode(name)), rest, vec![distro, epoch])
        }
        _ => return None,
    };
    let qualifiers: Vec<String> = qualifiers.into_iter().flatten().collect();
    let qualifiers = if qualifiers.is_empty() { String::new() } else { format!("?{}", qualifiers.join("&")) };
    Some(format!("pkg:{kind}@{}{qualifiers}", encode(version)))
}

/// A name of several parts; one with parts that readers leave out is a single part.
fn path(name: &str) -> String {
    if name.split('/').any(|part| ["", ".", ".."].contains(&part)) {
        return encode(name);
    }
    name.split('/').map(encode).collect::<Vec<_>>().join("/")
}

/// Percent-encodes all but letters, digits and `.-_~:`, as package URLs do.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b if b.is_ascii_alphanumeric() || b".-_~:".contains(&b) => out.push(char::from(b)),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}
