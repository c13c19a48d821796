//! Time limits inside an environment.

use std::time::Duration;

/// Longest time for one connection attempt inside an environment, so that a silent peer never blocks polling.
pub(super) const CONNECT: Duration = Duration::from_secs(2);
/// Longest time for one attempt of a readiness question, and for one answer of the broker.
pub(super) const ATTEMPT: Duration = Duration::from_secs(5);
