#![allow(clippy::unwrap_used)]
use super::*;

fn qualified(text: &str) -> String {
    ImageRef::split(text).qualified().to_string()
}

fn pulled(text: &str, mirror: Option<&str>) -> String {
    ImageRef::split(text).pulled_through(mirror).to_string()
}

fn located(text: &str) -> (String, String, String) {
    let image = ImageRef::split(text).in_registry().unwrap();
    (image.host, image.repository, image.version.to_string())
}

fn parts(host: &str, repository: &str, version: &str) -> (String, String, String) {
    (host.into(), repository.into(), version.into())
}

#[test]
fn expands_short_names_to_docker_hub() {
    assert_eq!(qualified("rabbitmq:4"), "docker.io/library/rabbitmq:4");
    assert_eq!(qualified("a/b"), "docker.io/a/b");
    assert_eq!(qualified("ghcr.io/a/b@sha256:12"), "ghcr.io/a/b@sha256:12");
    assert_eq!(qualified("localhost/x:1"), "localhost/x:1");
    assert_eq!(located("rabbitmq:4"), parts(HUB, "library/rabbitmq", "4"));
    assert_eq!(located("docker.io/rabbitmq"), parts(HUB, "library/rabbitmq", "latest"));
    assert_eq!(located("docker.io/library/rabbitmq:4"), parts(HUB, "library/rabbitmq", "4"));
    assert_eq!(located("index.docker.io/team/app"), parts(HUB, "team/app", "latest"));
    assert_eq!(located("team/app:1.2"), parts(HUB, "team/app", "1.2"));
}

#[test]
fn replaces_every_registry_but_localhost_by_the_mirror() {
    assert_eq!(
        pulled("docker.io/library/rabbitmq:4", Some("mirror.test:5000/hub/")),
        "mirror.test:5000/hub/library/rabbitmq:4"
    );
    assert_eq!(pulled("localhost/x:1", Some("mirror.test")), "localhost/x:1");
    assert_eq!(pulled("rabbitmq:4", None), "docker.io/library/rabbitmq:4");
}

#[test]
fn tells_ports_tags_and_digests_apart() {
    let split = |text: &str| {
        let image = ImageRef::split(text);
        assert_eq!(image.to_string(), text);
        (image.name().to_owned(), image.version().to_owned())
    };
    let own = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(split("r:5000/a"), own("r:5000/a", "latest"));
    assert_eq!(split("r:5000/a:1"), own("r:5000/a", "1"));
    assert_eq!(split("r:5000/a:1@sha256:9"), own("r:5000/a", "sha256:9"));
    let digest = format!("sha256:{}", "0a".repeat(32));
    assert_eq!(located("127.0.0.1:5000/a"), parts("127.0.0.1:5000", "a", "latest"));
    assert_eq!(located("[::1]:5000/a/b:x"), parts("[::1]:5000", "a/b", "x"));
    assert_eq!(located("localhost/a:1"), parts("localhost", "a", "1"));
    assert_eq!(located("GHCR.io/a/b_c-d:v1.0_x"), parts("ghcr.io", "a/b_c-d", "v1.0_x"));
    assert_eq!(located(&format!("ghcr.io/a/b@{digest}")), parts("ghcr.io", "a/b", &digest));
    let both = ImageRef::split(&format!("r.test:5000/a:1@{digest}")).in_registry().unwrap();
    assert_eq!(both.version, ImageVersion::Digest(digest.parse().unwrap()));
}

#[test]
fn refuses_parts_that_would_leave_their_place_in_a_url() {
    for text in [
        "",
        ":1",
        "a:",
        "r.test/",
        "r.test/../x",
        "r.test/a//b",
        "r.test/a?b",
        "r.test/A",
        "r.test:x/a",
        "u@r.test/a",
        "a:-x",
        "a:b c",
        "a@sha256:12",
        "a@sha512:00",
        "[zz]:1/a",
        "r.test/.a",
        "a@b@c",
        "r.t#st.x/a",
        "ä/b",
    ] {
        assert!(ImageRef::split(text).in_registry().is_err(), "{text}");
    }
    assert!(ImageRef::split(&"a".repeat(300)).in_registry().is_err());
    assert!(ImageRef::split(&format!("a@sha256:{}", "0A".repeat(32))).in_registry().is_err());
}

#[test]
fn a_description_may_contain_ids_and_upper_case_but_no_other_characters() {
    for text in ["a", "GHCR.io/A/b", "3f0c2b", "r:5000/a:1", "sha256:12", &"a".repeat(501)] {
        assert_eq!(text.parse::<ImageRef>().unwrap().to_string(), text);
    }
    for text in ["", "not an image", "-a", "/a", "a?b", "ä", "a\n", "{{tag}}", &"a".repeat(502)] {
        assert_eq!(text.parse::<ImageRef>(), Err(InvalidImageRef), "{text}");
    }
}
