//! Patterns of images and namespaces, and the names of registries that are allowed without a policy. Pure.

use std::net::IpAddr;

use crate::model::{ImageRef, registry_host};

/// Ends of host names that lead into a private network or the cluster's own.
const PRIVATE: [&str; 14] = [
    "arpa",
    "corp",
    "default",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
    "svc",
];

/// Returns true if the pattern, a name with at most one `*` at its end, matches a namespace.
pub fn namespace_matches(pattern: &str, namespace: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => namespace.starts_with(start),
        None => pattern == namespace,
    }
}

/// Registry and path of an image, as patterns name them. Names that no registry can have are an error, as a sentence.
pub fn image_name(image: &str) -> Result<String, String> {
    let found = ImageRef::split(image).in_registry()?;
    Ok(format!("{}/{}", found.host, found.repository))
}

/// Returns true if a pattern of `registries` matches an image's name.
pub fn image_matches(pattern: &str, name: &str) -> bool {
    let Some(pattern) = normal(pattern) else { return false };
    match pattern.strip_suffix('*') {
        // It ends in a slash, so that a pattern ends where a part of the path ends.
        Some(folder) => name.starts_with(folder),
        None => pattern == name,
    }
}

/// The pattern as image names are written; none if it is not a pattern.
pub fn normal(pattern: &str) -> Option<String> {
    let (name, end) = pattern.strip_suffix("/*").map_or((pattern, ""), |n| (n, "/*"));
    let (host, path) = name.split_once('/').map_or((name, None), |(host, path)| (host, Some(path)));
    let is_registry = host.contains(['.', ':']) || host == "localhost";
    // The rules for the parts are those of images.
    let probe = path.map_or_else(|| format!("{host}/a/a"), |path| format!("{host}/{path}/a"));
    let sound = ImageRef::split(&probe).in_registry().is_ok() && !name.contains('@');
    let complete = path.is_some() || end == "/*";
    let host = registry_host(host);
    (is_registry && sound && complete)
        .then(|| path.map_or_else(|| format!("{host}{end}"), |path| format!("{host}/{path}{end}")))
}

/// Returns true if an image's name is allowed without a policy: its registry has a public name, or there is none and the
/// image exists only where it was built.
pub fn is_public(name: &str) -> bool {
    let host = name.split('/').next().unwrap_or_default();
    // Without a port: that is how tools name images that were never pushed.
    host == "localhost" || is_public_host(host)
}

fn is_public_host(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    let name = name.trim_end_matches('.');
    if host.starts_with('[') || name.parse::<IpAddr>().is_ok() {
        return false;
    }
    let labels: Vec<&str> = name.split('.').collect();
    let Some(top) = labels.last().filter(|_| labels.len() > 1) else { return false };
    // Short and hexadecimal forms of addresses end in a number; no public domain does, or has a hyphen.
    let is_domain = top.starts_with("xn--") || top.bytes().all(|b| b.is_ascii_alphabetic());
    is_domain && labels.iter().all(|l| !l.is_empty() && *l != "svc") && !PRIVATE.contains(top)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn patterns_end_where_a_part_of_the_path_ends() {
        let matches = |pattern: &str, image: &str| image_name(image).is_ok_and(|name| image_matches(pattern, &name));
        for (pattern, image) in [
            ("registry.example/shop/*", "registry.example/shop/api:1"),
            (
                "registry.example/shop/*",
                "registry.example/shop/team/api@sha256:0000000000000000000000000000000000000000000000000000000000000000",
            ),
            ("registry.example/*", "Registry.Example/shop/api"),
            ("docker.io/library/*", "postgres:17"),
            ("index.docker.io/library/postgres", "docker.io/library/postgres"),
            ("registry.example:5000/shop/api", "registry.example:5000/shop/api:2"),
            ("localhost/*", "localhost/shop:1"),
        ] {
            assert!(matches(pattern, image), "{pattern} {image}");
        }
        for (pattern, image) in [
            ("registry.example/shop/*", "registry.example/shopping/api:1"),
            ("registry.example/shop/*", "registry.example/shop"),
            ("registry.example/shop/*", "registry.example/shop/../secret/api:1"),
            ("registry.example/shop/*", "registry.example:5000/shop/api:1"),
            ("registry.example/shop/*", "registry.example.evil.test/shop/api:1"),
            ("registry.example/shop/api", "registry.example/shop/api2"),
            ("docker.io/library/*", "someone/postgres"),
            ("localhost/*", "localhost:5000/shop:1"),
        ] {
            assert!(!matches(pattern, image), "{pattern} {image}");
        }
    }

    #[test]
    fn refuses_patterns_that_match_more_than_they_show() {
        for pattern in [
            "*",
            "registry.*/x",
            "registry.example*",
            "registry.example/sh*",
            "registry.example",
            "shop/*",
            "https://registry.example/*",
            "registry.example/*/api",
            "registry.example/api:1",
            "registry.example/../*",
            "",
        ] {
            assert_eq!(normal(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn only_public_names_need_no_policy() {
        for image in ["postgres:17", "ghcr.io/a/b", "registry.example:5000/a", "localhost/a:1", "xn--a.xn--p1ai/a"] {
            assert!(is_public(&image_name(image).unwrap()), "{image}");
        }
        for image in [
            "localhost:5000/a",
            "127.0.0.1/a",
            "10.0.0.1:5000/a",
            "[::1]:5000/a",
            "[fd00::1]/a",
            "2130706433:80/a",
            "127.1/a",
            "0x7f.1/a",
            "0x7f.0x1/a",
            "registry:5000/a",
            "kubernetes.default.svc/a",
            "kubernetes.default.svc./a",
            "registry.kube-system.svc.cluster.local/a",
            "registry.kube-system.svc.corp.example/a",
            "registry.kube-system/a",
            "kubernetes.default/a",
            "metadata.google.internal/a",
            "nas.local:443/a",
            "a.localhost/a",
        ] {
            assert!(!is_public(&image_name(image).unwrap()), "{image}");
        }
    }
}
