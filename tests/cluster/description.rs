//! Keys of descriptions in a cluster: the same stories as on a container engine, and what only a cluster shows.

use crate::in_cluster;
use crate::support::secrets;
use crate::world::kubectl;

#[test]
fn secrets_reach_programs_in_variables_and_files() {
    let user = in_cluster!();
    let values = secrets::reach_programs(&user, "kc-secrets");
    let shown = ["pods", "configmaps", "services", "jobs", "events"]
        .map(|kind| kubectl(&["-n", "kc-secrets-pr-1", "get", kind, "-o", "json"]))
        .concat();
    assert!(shown.contains("env.api") && shown.contains("files.api"), "{shown}");
    secrets::hold_no_secret(&shown, &values);
    secrets::hold_no_secret(&kubectl(&["get", "namespace", "kc-secrets-pr-1", "-o", "json"]), &values);
}
