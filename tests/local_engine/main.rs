//! The local engine against a real socket: podman or Docker, whichever DOCKER_HOST or the usual places lead to.
//! Without one they are skipped, loudly; DAYFLY_REQUIRE_ENGINE=1 makes that a failure.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod doctor;
mod lifecycle;
mod reaping;
mod running;
mod suites;
mod world;
