//! Remembers when the API server, or a node, was away: what failed meanwhile proves nothing about a service.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// Outages that are remembered.
const REMEMBERED: usize = 16;
/// Failures that are no farther apart belong to one outage, unless an answer came between them.
const GAP: Duration = Duration::from_secs(45);

/// The outages that a client has met. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Outages(Arc<Mutex<Vec<Outage>>>);

#[derive(Debug, Clone)]
struct Outage {
    what: Part,
    /// First and last sight of it.
    first: (Instant, Timestamp),
    last: (Instant, Timestamp),
    over: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    ApiServer,
    Node(String),
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.first.1.strftime("%H:%M:%S"), self.last.1.strftime("%H:%M:%S"));
        match &self.what {
            Part::ApiServer => write!(f, "the cluster's API server did not answer between {from} and {to} UTC"),
            Part::Node(said) => write!(f, "a node of the cluster was not ready at {from} UTC: {said}"),
        }
    }
}

impl Outages {
    fn all(&self) -> MutexGuard<'_, Vec<Outage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request found no API server, or it did not answer.
    pub fn api_server_is_away(&self) {
        self.record(Part::ApiServer, Instant::now(), Timestamp::now());
    }

    /// A request was answered.
    pub fn api_server_answers(&self) {
        self.all().iter_mut().filter(|o| o.what == Part::ApiServer).for_each(|o| o.over = true);
    }

    /// The cluster said so many seconds ago that a node was not ready.
    pub fn node_was_not_ready(&self, ago: Duration, said: &str) {
        let now = Instant::now();
        let since = Timestamp::now().saturating_sub(jiff::SignedDuration::try_from(ago).unwrap_or_default());
        self.record(Part::Node(said.to_owned()), now.checked_sub(ago).unwrap_or(now), since.unwrap_or_default());
    }

    fn record(&self, what: Part, at: Instant, time: Timestamp) {
        let mut all = self.all();
        let same = |o: &&mut Outage| o.what == what && !o.over && at.saturating_duration_since(o.last.0) < GAP;
        if let Some(outage) = all.iter_mut().rev().find(same) {
            outage.last = outage.last.max((at, time));
            return;
        }
        all.push(Outage { what, first: (at, time), last: (at, time), over: false });
        let surplus = all.len().saturating_sub(REMEMBERED);
        all.drain(..surplus);
    }

    /// The last outage that was seen at this moment or later, in words.
    pub fn since(&self, moment: Instant) -> Option<String> {
        self.all().iter().rev().find(|o| o.last.0 >= moment).map(Outage::to_string)
    }

    /// Returns true if a request found no API server after this moment.
    pub fn api_server_was_away_since(&self, moment: Instant) -> bool {
        self.all().iter().any(|o| o.what == Part::ApiServer && o.last.0 > moment)
    }

    /// Returns how long the API server has been away without an answer, if it is.
    pub fn api_server_is_away_for(&self) -> Option<Duration> {
        let all = self.all();
        let outage = all.iter().rfind(|o| o.what == Part::ApiServer)?;
        (!outage.over && outage.last.0.elapsed() < GAP).then(|| outage.last.0 - outage.first.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outage_lasts_until_an_answer() {
        let outages = Outages::default();
        assert_eq!(outages.api_server_is_away_for(), None);
        for _ in 0..4 {
            outages.api_server_is_away();
            tokio::time::advance(Duration::from_secs(30)).await;
        }
        assert_eq!(outages.api_server_is_away_for(), Some(Duration::from_secs(90)));
        outages.api_server_answers();
        assert_eq!(outages.api_server_is_away_for(), None);
        outages.api_server_is_away();
        assert_eq!(outages.api_server_is_away_for(), Some(Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn tells_what_was_away_since_a_moment() {
        let outages = Outages::default();
        outages.api_server_is_away();
        tokio::time::advance(Duration::from_secs(5)).await;
        let later = Instant::now();
        assert_eq!(outages.since(later), None);
        assert!(outages.since(later - Duration::from_secs(5)).is_some_and(|text| text.contains("API server")));
        outages.node_was_not_ready(Duration::ZERO, "Node is not ready");
        assert!(outages.since(later).is_some_and(|text| text.contains("Node is not ready")));
        assert!(!outages.api_server_was_away_since(later));
    }

    #[test]
    fn remembers_only_the_last_outages() {
        let outages = Outages::default();
        for _ in 0..100 {
            outages.api_server_is_away();
            outages.api_server_answers();
        }
        assert_eq!(outages.all().len(), REMEMBERED);
    }
}
