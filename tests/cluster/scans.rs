//! Suites of kind `dependencies` in a cluster: images are read from their registry, by the digests that the pods report.

use std::fs;

use serde_json::Value;

use crate::in_cluster;
use crate::registry::Registry;
use crate::support::scans;

#[test]
fn scans_of_dependencies_look_at_what_runs() {
    let mut user = in_cluster!();
    let Some(mut registry) = Registry::start() else { return };
    let build = |version: &str, name: &str| {
        let folder = tempfile::tempdir().unwrap();
        scans::writes_image(folder.path(), "localhost/dayfly/python:1", version);
        registry.build(folder.path(), name);
    };
    // The image for the other platform has nothing that fails: it must not be looked at.
    let (own, other) = if std::env::consts::ARCH == "x86_64" { ("amd64", "arm64") } else { ("arm64", "amd64") };
    build("9.0", "web-other");
    build("2.1", "web-own");
    registry.push_index("web", &[("web-other", other), ("web-own", own)]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Containerfile"), "FROM localhost/dayfly/python:1\n").unwrap();
    registry.build(folder.path(), "other");
    registry.push("other");
    scans::writes_bundles(&user);
    fs::write(user.folder.path().join("policy.yaml"), registry.policy()).unwrap();
    user.variables.push(("DAYFLY_POLICY".into(), "policy.yaml".into()));
    user.variables.push(("DAYFLY_PULL_SECRET".into(), registry.credentials()));
    let (web, other) = (format!("{}/team/web:1", registry.host), format!("{}/team/other:1", registry.host));
    let file = scans::describes(&user, "kc-scans", &web, &other);
    user.owns("kc-scans-pr-1");
    let report = scans::fails(&user, "kc-scans", &file, &[]);
    scans::images_never_pass_without_advisories(&user, "kc-scans-pr-1");

    // What is only on the nodes cannot be read.
    let text = fs::read_to_string(user.folder.path().join(&file)).unwrap();
    let nodes = "services:\n  nodes: { image: 'localhost/dayfly/python:1', command: [sleep, infinity] }\n";
    let more = "  nodes-image: { kind: dependencies, scan: { images: [nodes] } }\n";
    fs::write(user.folder.path().join(&file), text.replace("services:\n", nodes) + more).unwrap();
    user.dayfly(&["up", &file, "--pr", "1"]).code(0);
    let tests =
        |suite: &str| user.dayfly(&[&["test", "kc-scans-pr-1", "--suite", suite], &scans::ADVISORIES[..]].concat());
    tests("nodes-image").code(7).says("it is only on the nodes, and in no registry");

    // A layer that the registry serves with other bytes proves nothing, and neither does a registry that is gone.
    let suite = report["suites"].as_array().unwrap().iter().find(|s| s["name"] == "other-image").unwrap();
    let digest = suite["scans"][0]["subject"]["digest"].as_str().unwrap();
    let manifest: Value = serde_json::from_slice(&fs::read(registry.blob(digest)).unwrap()).unwrap();
    let layer = registry.blob(manifest["layers"][0]["digest"].as_str().unwrap());
    let mut bytes = fs::read(&layer).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&layer, bytes).unwrap();
    tests("other-image").code(7).says("blob 1 of").says("what the registry serves is");
    registry.stop();
    tests("other-image").code(7).says("its registry cannot be reached from here");
    user.dayfly(&["down", "kc-scans-pr-1"]).code(0);
}
