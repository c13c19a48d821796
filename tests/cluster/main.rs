//! Tests of the command in the cluster that DAYFLY_TEST_KUBECONFIG names, as a user who has only the rights of
//! manifests/install/rbac-cli.yaml. `testing::skip` decides what happens without a cluster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod causes;
mod description;
mod failures;
mod images;
mod install;
mod life;
mod lifecycle;
mod outages;
mod reap;
mod registry;
mod scans;
mod suites;
mod world;
