//! Time limits inside an environment.

use std::time::Duration;

/// Time limit of a connection attempt inside an environment, so that a silent peer never blocks polling.
pub(super) const CONNECT: Duration = Duration::from_secs(2);
/// Time limit of a readiness attempt and of an answer of the broker.
pub(super) const ATTEMPT: Duration = Duration::from_secs(5);
