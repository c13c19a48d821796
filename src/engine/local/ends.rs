//! Tells reports of one end of a process from those of another. Pure.
//!
//! An engine tells of an end twice: in an event, and in the state of the container. Either may come first, the event may come
//! when the container runs again already, and a stream of events that is opened again repeats some.

use std::collections::BTreeMap;

/// Longest time between an end as the state tells it and as the event does, in nanoseconds.
pub const APART: i64 = 5_000_000_000;
/// Time for which ends are remembered, in nanoseconds.
const MEMORY: i64 = 60_000_000_000;

/// An end, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    /// The time of its event.
    event: Option<i64>,
    /// The time that the state of the container told.
    state: Option<i64>,
}

impl End {
    fn at(&self) -> i64 {
        self.event.or(self.state).unwrap_or_default()
    }
}

/// The ends that were reported, by container.
#[derive(Debug, Default)]
pub struct Ends(BTreeMap<String, Vec<End>>);

impl Ends {
    /// Notes an end by the time of its event, and by what the state tells now; returns true if it is new.
    pub fn event(&mut self, container: &str, at: i64, state: Option<i64>) -> bool {
        // A process that ends later than the event is another one: its own event follows.
        let state = state.filter(|ended| *ended <= at);
        self.note(container, End { event: Some(at), state })
    }

    /// Notes an end that the state of a container tells; returns true if it is new. The events from `since` on follow: no event
    /// tells of an end before.
    pub fn state(&mut self, container: &str, ended: i64, since: i64) -> bool {
        let event = (ended < since).then_some(ended);
        self.note(container, End { event, state: Some(ended) })
    }

    fn note(&mut self, container: &str, end: End) -> bool {
        let known = self.0.entry(container.to_owned()).or_default();
        let same = |a: Option<i64>, b: Option<i64>| a.is_some() && a == b;
        let close = |a: Option<i64>, b: Option<i64>| a.zip(b).is_some_and(|(a, b)| (a - b).abs() < APART);
        let is_it = |k: &&mut End| same(k.event, end.event) || same(k.state, end.state);
        // Two events, or two states, are never of one end.
        let may_be = |k: &&mut End| match (k.event, k.state, end.event, end.state) {
            (None, told, event, None) => close(told, event),
            (event, None, None, told) => close(event, told),
            _ => false,
        };
        let found = match known.iter_mut().find(is_it) {
            Some(found) => Some(found),
            None => known.iter_mut().find(may_be),
        };
        if let Some(found) = found {
            found.event = found.event.or(end.event);
            found.state = found.state.or(end.state);
            return false;
        }
        // The last one stays, because the state of a container that has ended tells of it at any time.
        let oldest = end.at() - MEMORY;
        let last = known.len().saturating_sub(1);
        let mut place = 0..;
        known.retain(|k| place.next() == Some(last) || k.at() > oldest);
        known.push(end);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn an_end_is_new_once_whatever_tells_of_it_first() {
        let mut ends = Ends::default();
        assert!(ends.event("a", 10 * SECOND, Some(9 * SECOND)));
        assert!(!ends.event("a", 10 * SECOND, None) && !ends.state("a", 9 * SECOND, 0), "repeated");
        assert!(ends.state("b", 10 * SECOND, 0), "the state first");
        assert!(!ends.event("b", 11 * SECOND, None), "its event, when the container runs again");
        assert!(ends.event("b", 12 * SECOND, None), "the next one");
        assert!(ends.event("c", 10 * SECOND, None), "the event first, while the state lags");
        assert!(!ends.state("c", 9 * SECOND, 0));
        assert!(ends.state("c", 11 * SECOND, 0), "the next one");
    }

    #[test]
    fn processes_that_end_shortly_one_after_the_other_are_told_apart() {
        let mut ends = Ends::default();
        // The state is that of the second already, when the event of the first comes.
        assert!(ends.event("a", 100, Some(200)));
        assert!(ends.event("a", 250, Some(200)));
        assert!(!ends.state("a", 200, 0));
        for n in 0..10 {
            assert!(ends.event("b", n * SECOND + 10, Some(n * SECOND)), "{n}");
        }
    }

    #[test]
    fn an_end_before_the_events_takes_no_event_of_another() {
        let mut ends = Ends::default();
        assert!(ends.state("a", 9 * SECOND, 10 * SECOND));
        assert!(ends.event("a", 11 * SECOND, None), "it was started again, and ended again");
        assert!(!ends.state("a", 9 * SECOND, 20 * SECOND), "another inspection");
    }

    #[test]
    fn forgets_old_ends_but_the_last() {
        let mut ends = Ends::default();
        for n in 0..1_000 {
            assert!(ends.event("a", n * SECOND + 10, Some(n * SECOND)));
        }
        assert!(ends.0["a"].len() < 70);
        assert!(!ends.state("a", 999 * SECOND, 0));
        assert!(ends.event("a", 9_999 * SECOND, None));
        assert_eq!(ends.0["a"].len(), 2);
    }
}
