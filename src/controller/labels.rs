//! Labels of runners' pods.

/// The run.
pub const RUN: &str = "dayfly.dev/run";
/// The uid of the object; as an annotation, its namespace and name.
pub const TEST_ENVIRONMENT: &str = "dayfly.dev/test-environment";
/// Component and container name of runners.
pub const RUNNER: &str = "runner";
