//! Images from a registry: digests are pinned before anything is made, credentials and a mirror are one setting each.

use crate::in_cluster;
use crate::registry::Registry;
use crate::support::{User, repository, sources};
use crate::world::object;

/// `dayfly up` of hello with both images by this reference.
fn up(user: &User, reference: &str, more: &[&str]) -> crate::support::Ended {
    let hello = repository().join("environments/hello");
    let (greeter, web) = (format!("greeter={reference}"), format!("web={reference}"));
    let fixed = ["up", hello.to_str().unwrap(), "--pr", "441", "--image", &greeter, "--image", &web];
    user.dayfly(&[&fixed[..], more].concat())
}

#[test]
fn pins_tags_to_digests_and_pulls_with_credentials_through_the_mirror() {
    let user = in_cluster!();
    let Some(registry) = Registry::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let made = format!("FROM localhost/dayfly/hello:1\n{}", sources::LABELS);
    std::fs::write(folder.path().join("Containerfile"), made).unwrap();
    registry.build(folder.path(), "hello");
    registry.push("hello");
    user.owns("hello-pr-441");
    std::fs::write(user.folder.path().join("policy.yaml"), registry.policy()).unwrap();
    let policy = ["--policy", "policy.yaml"];
    let own = format!("{}/team/hello:1", registry.host);
    up(&user, &own, &[]).code(2).says("is not allowed");
    up(&user, &own, &policy).code(4).says("the registry refuses it").says("--pull-secret");
    let credentials = registry.credentials();
    let pull = ["--policy", "policy.yaml", "--pull-secret", credentials.as_str()];
    let absent = format!("{}/team/hello:nope", registry.host);
    up(&user, &absent, &pull).code(4).says("the registry does not have it");
    user.finds_nothing_of("hello-pr-441");
    // By a name that is nowhere, through the mirror.
    let mirrored = [&pull[..], &["--registry-mirror", registry.host.as_str()]].concat();
    up(&user, "docker.io/team/hello:1", &mirrored).code(0);
    let pod = object("hello-pr-441", "pod", "web");
    let image = pod["spec"]["containers"][0]["image"].as_str().unwrap();
    let pinned = format!("{}/team/hello@sha256:", registry.host);
    assert!(image.starts_with(&pinned), "{image}");
    let ran = pod["status"]["containerStatuses"][0]["imageID"].as_str().unwrap();
    assert!(ran.ends_with(&image[image.find("@sha256:").unwrap()..]), "{ran} is not {image}");
    let status = user.dayfly(&["status", "hello-pr-441"]).code(0);
    status.says("docker.io/team/hello:1");
    user.dayfly(&["down", "hello-pr-441"]).code(0);
    let hello = repository().join("environments/hello");
    user.owns("hello-pr-442");
    // What is said of `other` is said of the greeter here.
    let flags = sources::FLAGS.map(|flag| flag.replace("other=", "greeter="));
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let image = ["--image", "web=docker.io/team/hello:1"];
    user.runs(hello.to_str().unwrap(), "442", &[&mirrored[..], &image, &flags].concat()).code(0);
    sources::are_named(&user, "hello-pr-442", "greeter");
}
