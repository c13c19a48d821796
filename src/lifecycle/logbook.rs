//! The logbook of a run: the logs of its units, followed from their first lines.
//!
//! Every line is searched for secrets as it comes, and the recent and the telling ones are kept. What is kept is bounded; what
//! was searched is not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use tokio::sync::watch;

use super::logged::{CopyLog, GAPS, Provoked};
use super::telling;
use crate::engine::{Engine, LogEvent, LogLine};
use crate::model::Redactor;

/// Maximum number of provoked refusals that are noted.
const NOTES: usize = 10_000;

/// The logbook. Clones share it.
#[derive(Clone)]
pub struct Logbook(Arc<Shared>);

struct Shared {
    redactor: Redactor,
    copies: Mutex<BTreeMap<String, CopyLog>>,
    provoked: Mutex<Vec<Provoked>>,
    changed: watch::Sender<()>,
}

impl Logbook {
    /// An empty logbook that searches for the secrets of this redactor.
    pub fn new(redactor: Redactor) -> Self {
        let (copies, provoked) = Default::default();
        Self(Arc::new(Shared { redactor, copies, provoked, changed: watch::channel(()).0 }))
    }

    fn copies(&self) -> MutexGuard<'_, BTreeMap<String, CopyLog>> {
        lock(&self.0.copies)
    }

    /// Notes that a suite provoked a refusal.
    pub fn note_provoked(&self, provoked: Provoked) {
        let mut all = lock(&self.0.provoked);
        if all.len() < NOTES {
            all.push(provoked);
        }
    }

    /// The refusals that suites provoked.
    pub fn provoked(&self) -> Vec<Provoked> {
        lock(&self.0.provoked).clone()
    }

    /// Follows the log of a unit until its containers are gone.
    pub async fn follow(self, engine: Arc<dyn Engine>, environment: String, unit: String) {
        let mut events = match engine.follow_log(&environment, &unit).await {
            Ok(events) => events,
            Err(e) => return self.gap(&unit, &unit, format!("failed to {e}")),
        };
        let mut readers: BTreeMap<String, telling::Reader> = BTreeMap::new();
        while let Some(event) = events.next().await {
            match event {
                LogEvent::Line(line) => {
                    let telling = readers.entry(line.unit.clone()).or_default().read(&line.text);
                    self.add(&unit, &line, |log| log.keep(&line, telling, Timestamp::now()));
                }
                LogEvent::Again(line) => self.add(&unit, &line, |_| ()),
                LogEvent::Gap { unit: copy, why } => self.gap(&unit, &copy, why),
            }
        }
    }

    fn add(&self, unit: &str, line: &LogLine, keep: impl FnOnce(&mut CopyLog)) {
        let secrets = self.0.redactor.find(line.text.as_bytes());
        let mut copies = self.copies();
        let log = entry(&mut copies, unit, &line.unit);
        log.secrets.extend(secrets.into_iter().map(str::to_owned));
        log.cut |= line.cut;
        keep(log);
        drop(copies);
        self.0.changed.send_replace(());
    }

    fn gap(&self, unit: &str, copy: &str, why: String) {
        let mut copies = self.copies();
        let gaps = &mut entry(&mut copies, unit, copy).gaps;
        if gaps.len() < GAPS {
            gaps.insert(why);
        }
    }

    /// Applies `view` to the logs of all copies, by their names.
    pub fn view<T>(&self, view: impl FnOnce(&BTreeMap<String, CopyLog>) -> T) -> T {
        view(&self.copies())
    }

    /// Notes that a part of the log of a unit's first copy was not read.
    pub fn note_gap(&self, unit: &str, why: &str) {
        self.gap(unit, unit, why.to_owned());
    }

    /// Waits until these lines were read, or later ones of the same copies; false after `limit`.
    pub async fn reaches(&self, lines: &[LogLine], limit: Duration) -> bool {
        let mut changed = self.0.changed.subscribe();
        let waiting = async {
            while !self.view(|logs| lines.iter().all(|line| logs.get(&line.unit).is_some_and(|log| log.has(line)))) {
                // The sender lives as long as the logbook.
                let _ = changed.changed().await;
            }
        };
        tokio::time::timeout(limit, waiting).await.is_ok()
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

fn entry<'a>(copies: &'a mut BTreeMap<String, CopyLog>, unit: &str, copy: &str) -> &'a mut CopyLog {
    copies.entry(copy.to_owned()).or_insert_with(|| CopyLog { unit: unit.to_owned(), ..CopyLog::default() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::lifecycle::logged::{RECENT, TELLING};

    fn line(second: i64, text: &str) -> LogLine {
        let at = Timestamp::from_second(second).ok();
        LogLine { unit: "api-2".into(), text: text.into(), cut: false, at }
    }

    fn logbook(secret: &str, lines: &[LogLine]) -> Logbook {
        #[allow(clippy::unwrap_used)]
        let redactor = Redactor::new([("key".to_owned(), secret.as_bytes().to_vec())]).unwrap();
        let logbook = Logbook::new(redactor);
        for line in lines {
            let telling = telling::telling(&line.text);
            logbook.add("api", line, |log| log.keep(line, telling, Timestamp::UNIX_EPOCH));
        }
        logbook
    }

    #[test]
    fn remembers_a_secret_that_a_flood_has_pushed_out() {
        let mut lines = vec![line(1, "key=s3cr3t-value"), line(1, "ERROR: first")];
        lines.extend((0..5000).map(|n| line(2, &format!("noise {n}"))));
        logbook("s3cr3t-value", &lines).view(|logs| {
            let log = &logs["api-2"];
            assert_eq!((log.unit.as_str(), log.lines, log.dropped()), ("api", 5002, 5002 - RECENT as u64));
            assert_eq!(log.secrets, BTreeSet::from(["key".to_owned()]));
            assert_eq!(log.telling.iter().map(|e| e.text.as_str()).collect::<Vec<_>>(), ["ERROR: first"]);
        });
    }

    #[test]
    fn keeps_the_first_and_the_last_of_many_telling_lines() {
        let lines: Vec<_> = (0..1000).map(|n| line(n, &format!("ERROR {n}"))).collect();
        logbook("s3cr3t-value", &lines).view(|logs| {
            let telling = &logs["api-2"].telling;
            assert_eq!(telling.len(), TELLING);
            assert_eq!((telling[0].text.as_str(), telling[TELLING - 1].text.as_str()), ("ERROR 0", "ERROR 999"));
        });
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_is_reached_when_it_or_a_later_one_was_read() {
        let logbook = logbook("s3cr3t-value", &[line(1, "one"), line(2, "two")]);
        let reaches = async |second, text| logbook.reaches(&[line(second, text)], Duration::from_secs(1)).await;
        assert!(reaches(1, "rotated away").await);
        assert!(reaches(2, "two").await);
        assert!(!reaches(2, "three").await);
        assert!(!reaches(3, "four").await);
    }
}
