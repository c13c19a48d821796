//! How old advisories may be. Pure.

use jiff::Timestamp;

use crate::packages::Ecosystem;
use crate::policy::DependencyLimits;

/// How far a clock may be behind that of the importer, in milliseconds.
const CLOCK_MS: i64 = 60 * 60 * 1000;

/// Why advisories of an ecosystem that were taken at `snapshot` prove nothing at `now`, if they do not.
pub fn outdated(
    ecosystem: &Ecosystem,
    snapshot: Timestamp,
    limits: &DependencyLimits,
    now: Timestamp,
) -> Option<String> {
    let age = now.as_millisecond() - snapshot.as_millisecond();
    if age < -CLOCK_MS {
        return Some(format!(
            "the advisories of {ecosystem} are of {snapshot}, which is in the future; check the clock"
        ));
    }
    let most = i64::try_from(limits.max_age_ms).unwrap_or(i64::MAX);
    (age > most)
        .then(|| format!("the advisories of {ecosystem} are {} old; the policy allows {}", span(age), span(most)))
}

/// Days or hours.
fn span(ms: i64) -> String {
    let hours = ms / 3_600_000;
    if hours >= 48 { format!("{} days", hours / 24) } else { format!("{hours} hours") }
}
