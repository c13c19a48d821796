//! What is installed in a cluster: generated parts are as the code has them.

use std::path::PathBuf;

fn manifest(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("manifests/install").join(name)
}

#[test]
fn the_definition_of_testenvironments_is_the_one_that_the_code_generates() {
    let generated = dayfly::controller::crd::definition().unwrap();
    if std::env::var_os("DAYFLY_REGENERATE").is_some() {
        std::fs::write(manifest("crd.yaml"), &generated).unwrap();
    }
    let committed = std::fs::read_to_string(manifest("crd.yaml")).unwrap_or_default();
    assert!(
        committed == generated,
        "manifests/install/crd.yaml is out of date: DAYFLY_REGENERATE=1 cargo test --test offline_install"
    );
}
