//! The timeline of units and suites, as bars in percent of the run time.

use jiff::Timestamp;
use serde::Serialize;

use super::badge::badge;
use crate::model::{Verdict, sanitize};
use crate::report::facts::{CaseFact, Facts, SuiteFact, UnitFact};
use crate::report::{display, time};

/// Most cases that have a bar in the row of their suite.
const MAX_BARS: usize = 1000;

/// Distances between marks of the axis, in milliseconds.
const STEPS: [u64; 16] = [
    100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000,
    3_600_000,
];

#[derive(Serialize)]
pub(super) struct Timeline {
    marks: Vec<Mark>,
    units: Vec<Row>,
    suites: Vec<Row>,
}

#[derive(Serialize)]
struct Mark {
    x: String,
    label: String,
    /// Anchor of the label: `start`, `middle` or `end`.
    anchor: &'static str,
}

#[derive(Serialize)]
struct Row {
    name: String,
    class: &'static str,
    mark: &'static str,
    /// Units it waited for; true marks the last one to become ready.
    after: Vec<(String, bool)>,
    bars: Vec<Bar>,
    /// The bars in words.
    says: String,
    took: String,
}

/// A rectangle: percent across, pixels down.
#[derive(Clone, Serialize)]
pub(super) struct Bar {
    x: String,
    width: String,
    y: u8,
    height: u8,
    class: &'static str,
    says: String,
}

/// A time span that fills the whole width.
pub(super) struct Scale {
    from: Timestamp,
    span: u64,
}

impl Scale {
    pub(super) fn new(from: Timestamp, to: Timestamp) -> Self {
        Self { from, span: time::ms_between(from, to).max(1) }
    }

    fn percent(&self, at: Timestamp) -> f64 {
        (time::ms_between(self.from, at) as f64 / self.span as f64 * 100.0).clamp(0.0, 100.0)
    }

    fn bar(&self, from: Timestamp, to: Timestamp, (y, height): (u8, u8), class: &'static str, says: String) -> Bar {
        let x = self.percent(from).min(99.6);
        let width = (self.percent(to) - x).max(0.4);
        Bar { x: format!("{x:.2}%"), width: format!("{width:.2}%"), y, height, class, says }
    }

    /// A case as a bar; worse verdicts are taller.
    pub(super) fn case(&self, case: &CaseFact) -> Option<Bar> {
        let start = case.started?;
        let word = display::verdict(case.verdict);
        let class = badge(word).0;
        let room = match class {
            "good" => (6, 8),
            "bad" => (0, 20),
            _ => (3, 14),
        };
        let says = sanitize::one_line(&format!("{} {word}, {}", case.id, time::duration(case.took_ms)), 200);
        Some(self.bar(start, after(start, case.took_ms), room, class, says))
    }
}

fn after(at: Timestamp, ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(at.as_millisecond().saturating_add(ms)).unwrap_or(at)
}

pub(super) fn timeline(facts: &Facts) -> Timeline {
    let end = end(facts);
    let scale = Scale::new(facts.started, end);
    Timeline {
        marks: marks(scale.span),
        units: facts.units.iter().map(|u| unit(facts, u, &scale, end)).collect(),
        suites: facts.suites.iter().map(|s| suite(s, &scale, end)).collect(),
    }
}

/// The end of the run, or its last known time.
fn end(facts: &Facts) -> Timestamp {
    let units = facts.units.iter().flat_map(|u| [u.started, u.ready]).flatten();
    let suites = facts.suites.iter().flat_map(|s| [Some(s.started), s.finished]).flatten();
    let cases = facts.suites.iter().flat_map(|s| &s.cases).filter_map(|c| c.started.map(|at| after(at, c.took_ms)));
    let last = units.chain(suites).chain(cases).chain(facts.events.iter().map(|e| e.at)).max();
    facts.finished.or(last).unwrap_or(facts.started).max(facts.started)
}

fn unit(facts: &Facts, unit: &UnitFact, scale: &Scale, end: Timestamp) -> Row {
    let (class, mark) = match (&unit.failure, unit.ready) {
        (Some(_), _) => ("bad", "✗"),
        (None, Some(_)) => ("good", "✓"),
        (None, None) => ("none", "–"),
    };
    let mut bars = Vec::new();
    let took = match (unit.started, unit.ready) {
        (Some(started), Some(ready)) => {
            bars.push(scale.bar(facts.started, started, (9, 2), "wait", "waiting".into()));
            bars.push(scale.bar(started, ready, (3, 14), "start", "starting".into()));
            bars.push(scale.bar(ready, end, (8, 4), "life", "ready".into()));
            time::duration(time::ms_between(started, ready))
        }
        (Some(started), None) => {
            bars.push(scale.bar(facts.started, started, (9, 2), "wait", "waiting".into()));
            bars.push(scale.bar(started, end, (3, 14), class, "not ready".into()));
            "not ready".into()
        }
        _ => "not started".into(),
    };
    Row {
        name: sanitize::one_line(&unit.name, 60),
        class,
        mark,
        after: waited_for(facts, unit),
        bars,
        says: says(facts, unit),
        took,
    }
}

fn waited_for(facts: &Facts, unit: &UnitFact) -> Vec<(String, bool)> {
    let ready = |name: &String| facts.units.iter().find(|u| u.name == *name).and_then(|u| u.ready);
    let last = unit.needs.iter().filter_map(|n| ready(n).map(|at| (at, n))).max().map(|(_, n)| n);
    let several = unit.needs.len() > 1;
    unit.needs.iter().map(|n| (sanitize::one_line(n, 60), several && Some(n) == last)).collect()
}

fn says(facts: &Facts, unit: &UnitFact) -> String {
    let at = |t: Timestamp| time::duration(time::ms_between(facts.started, t));
    match (unit.started, unit.ready) {
        (Some(started), Some(ready)) => format!("started after {}, ready after {}", at(started), at(ready)),
        (Some(started), None) => format!("started after {}, not ready", at(started)),
        _ => "not started".into(),
    }
}

fn suite(suite: &SuiteFact, scale: &Scale, end: Timestamp) -> Row {
    let word = display::suite_verdict(suite);
    let (class, mark) = badge(word);
    let took = time::elapsed(suite.started, suite.finished);
    let mut bars =
        vec![scale.bar(suite.started, suite.finished.unwrap_or(end), (0, 20), "back", format!("{word}, {took}"))];
    // The bars of more cases are narrower than a pixel.
    let few = suite.cases.len() <= MAX_BARS;
    let shown = suite.cases.iter().filter(|c| few || c.verdict != Some(Verdict::Passed)).take(MAX_BARS);
    bars.extend(shown.filter_map(|c| scale.case(c)));
    let says =
        format!("{word}, began after {}, took {took}", time::duration(time::ms_between(scale.from, suite.started)));
    Row { name: sanitize::one_line(&suite.name, 60), class, mark, after: vec![], bars, says, took }
}

fn marks(span: u64) -> Vec<Mark> {
    let step = STEPS.into_iter().find(|s| span / s <= 7).unwrap_or(span / 7 / 3_600_000 * 3_600_000 + 3_600_000);
    (0..=span / step).map(|i| mark(i * step, span)).collect()
}

fn mark(at: u64, span: u64) -> Mark {
    let (h, min, s) = (at / 3_600_000, at / 60_000 % 60, at / 1000 % 60);
    let label = match (at, span) {
        (0, _) => "0".into(),
        (_, 0..2000) => format!("{at} ms"),
        (_, 0..60_000) => format!("{s} s"),
        (_, 0..3_600_000) => format!("{min}:{s:02}"),
        _ => format!("{h}:{min:02} h"),
    };
    let x = at as f64 / span as f64 * 100.0;
    let anchor = if at == 0 {
        "start"
    } else if x > 96.0 {
        "end"
    } else {
        "middle"
    };
    Mark { x: format!("{x:.2}%"), label, anchor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_has_one_to_eight_marks_for_any_span() {
        for span in [1, 99, 250, 1000, 7001, 65_000, 190_000, 3_000_000, 90_000_000, 900_000_000] {
            let marks = marks(span);
            assert!((1..=8).contains(&marks.len()), "{span}: {}", marks.len());
            assert_eq!(marks[0].x, "0.00%");
        }
    }

    #[test]
    fn bars_stay_inside_their_row() {
        let at = |s| Timestamp::from_second(s).unwrap_or_default();
        let scale = Scale::new(at(100), at(200));
        let before = scale.bar(at(0), at(50), (0, 1), "x", String::new());
        let behind = scale.bar(at(300), at(250), (0, 1), "x", String::new());
        assert_eq!((before.x.as_str(), before.width.as_str()), ("0.00%", "0.40%"));
        assert_eq!((behind.x.as_str(), behind.width.as_str()), ("99.60%", "0.40%"));
    }
}
