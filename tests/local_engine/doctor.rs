//! `dayfly doctor` as users run it.

use std::process::Command;

use dayfly::engine::Engine;
use serde_json::Value;

use crate::world;

#[tokio::test(flavor = "multi_thread")]
async fn doctor_passes_and_leaves_nothing_behind() {
    let Some(engine) = world::engine().await else { return };
    let ended = Command::new(env!("CARGO_BIN_EXE_dayfly")).args(["doctor", "--output", "json"]).output().unwrap();
    let said: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let failed: Vec<&Value> = said["checks"].as_array().unwrap().iter().filter(|c| c["passed"] != true).collect();
    assert!(failed.is_empty() && ended.status.code() == Some(0), "{failed:#?}");
    let names: Vec<&str> = said["checks"].as_array().unwrap().iter().map(|c| c["what"].as_str().unwrap()).collect();
    for name in [
        "container engine",
        "dayfly's own image",
        "containers start",
        "networks and names",
        "no way out",
        "no neighbour",
        "confinement",
        "limits",
        "removal",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(!engine.list().await.unwrap().iter().any(|o| o.environment.starts_with("dayfly-doctor-")));
}

#[test]
fn doctor_without_an_engine_gives_advice_and_exits_with_4() {
    let ended = Command::new(env!("CARGO_BIN_EXE_dayfly"))
        .arg("doctor")
        .env("DOCKER_HOST", "unix:///nowhere/engine.sock")
        .output()
        .unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(4), "{said}");
    assert!(
        said.contains("✗ container engine")
            && said.contains("unix:///nowhere/engine.sock (from DOCKER_HOST): no such file")
            && said.contains("→ correct the address"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_does_not_judge_an_image_that_is_absent() {
    let Some(_engine) = world::engine().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("environment.yaml");
    let text = "apiVersion: dayfly.dev/v1alpha1\nkind: Environment\nname: absent\nservices: { web: { image: localhost/dayfly/nowhere:1 } }\n";
    std::fs::write(&file, text).unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_dayfly")).arg("doctor").arg(&file).output().unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(4), "{said}");
    assert!(said.contains("localhost/dayfly/nowhere:1: not here yet") && !said.contains("runs as root"), "{said}");
}
