//! Image references as people write them, and through a mirror. Pure.

/// A reference with registry and path written out.
pub fn qualified(reference: &str) -> String {
    let (first, rest) = reference.split_once('/').unwrap_or((reference, ""));
    match (rest.is_empty(), first.contains(['.', ':']) || first == "localhost") {
        (true, _) => format!("docker.io/library/{reference}"),
        (false, true) => reference.to_owned(),
        (false, false) => format!("docker.io/{reference}"),
    }
}

/// The reference by which it is pulled: through the mirror, where there is one.
pub fn pulled_as(reference: &str, mirror: Option<&str>) -> String {
    let full = qualified(reference);
    match (mirror, full.split_once('/')) {
        (Some(mirror), Some((_, path))) if !full.starts_with("localhost/") => {
            format!("{}/{path}", mirror.trim_end_matches('/'))
        }
        _ => full,
    }
}

/// Name and tag, or name and digest; `latest` when there is neither.
pub fn parts(reference: &str) -> (String, String) {
    if let Some((name, digest)) = reference.split_once('@') {
        // A tag beside a digest says nothing more.
        let name =
            if name.rfind(':') > name.rfind('/') { name.rsplit_once(':').map_or(name, |(n, _)| n) } else { name };
        return (name.to_owned(), digest.to_owned());
    }
    match reference.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name.to_owned(), tag.to_owned()),
        _ => (reference.to_owned(), "latest".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_mean_docker_hub() {
        assert_eq!(qualified("rabbitmq:4"), "docker.io/library/rabbitmq:4");
        assert_eq!(qualified("a/b"), "docker.io/a/b");
        assert_eq!(qualified("ghcr.io/a/b@sha256:12"), "ghcr.io/a/b@sha256:12");
        assert_eq!(qualified("localhost/x:1"), "localhost/x:1");
    }

    #[test]
    fn a_mirror_stands_in_for_every_registry_but_localhost() {
        assert_eq!(
            pulled_as("docker.io/library/rabbitmq:4", Some("mirror.test:5000/hub")),
            "mirror.test:5000/hub/library/rabbitmq:4"
        );
        assert_eq!(pulled_as("localhost/x:1", Some("mirror.test")), "localhost/x:1");
        assert_eq!(pulled_as("rabbitmq:4", None), "docker.io/library/rabbitmq:4");
    }

    #[test]
    fn tags_ports_and_digests_are_told_apart() {
        let own = |(a, b): (&str, &str)| (a.to_owned(), b.to_owned());
        assert_eq!(parts("r:5000/a"), own(("r:5000/a", "latest")));
        assert_eq!(parts("r:5000/a:1"), own(("r:5000/a", "1")));
        assert_eq!(parts("r:5000/a:1@sha256:9"), own(("r:5000/a", "sha256:9")));
    }
}
