//! Tests of the local engine on a real socket, podman or Docker, found by DOCKER_HOST or at the usual places.
//! Without a socket they are skipped and counted; with DAYFLY_REQUIRE_ENGINE=1 they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod doctor;
mod lifecycle;
mod reaping;
mod running;
mod suites;
mod world;
