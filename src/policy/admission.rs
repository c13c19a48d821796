//! The most that any subject of a policy may have, for the admission policy of the cluster. Pure.

use super::limits::Limits;
use super::model::Departure;
use super::valid::Policy;
use crate::model::PodSecurity;

impl Policy {
    /// The laxest Pod Security level that some rule, or `default`, allows: admission knows a namespace, but not who asked for it.
    pub fn pod_security(&self) -> PodSecurity {
        let rules = (0..self.document.rules.len()).map(Some);
        let limits = rules.chain([None]).map(|rule| Limits::new(&self.document, rule, None));
        let levels = limits
            .map(|l| PodSecurity::strictest(l.departures.value.contains(&Departure::Root), &l.capabilities.value));
        levels.max().unwrap_or(PodSecurity::Restricted)
    }
}
