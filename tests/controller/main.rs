//! Tests of the controller in a real cluster, installed from the manifests as a platform team installs it. `testing::skip`
//! decides what happens without a cluster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;
#[path = "../cluster/world.rs"]
mod world;

mod installed;
mod objects;
mod policy_undisturbed;
mod queue;
mod submit;
mod team;
mod trust;
mod undisturbed;
