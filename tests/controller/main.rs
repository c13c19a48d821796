//! What a platform's users do with the controller in a real cluster, installed from the manifests as they would. Without a
//! cluster the stories are skipped, loudly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;
#[path = "../cluster/world.rs"]
mod world;

mod installed;
mod objects;
mod queue;
mod submit;
mod team;
mod undisturbed;
