//! What users do with the command in a real cluster: the one that DAYFLY_TEST_KUBECONFIG names, as a user who has the
//! rights of manifests/install/rbac-cli.yaml and no others. Without a cluster the stories are skipped, loudly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod failures;
mod images;
mod install;
mod lifecycle;
mod outages;
mod reap;
mod suites;
mod world;
