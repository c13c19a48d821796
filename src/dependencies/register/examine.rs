//! Compares a register with what is asked for. Pure.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{Span, ToSpan as _};
use serde::Serialize;

use super::document::{Entry, Register, Risk, days};
use super::explicit::{Asked, Explicit};
use super::reviews::is_reviewed;
use crate::model::Verdict;
use crate::packages::{Ecosystem, Place};

/// How long an assessment holds, where nothing says so, in days.
const REASSESS_DAYS: i64 = 365;
/// How long before its end an assessment is due, in days.
const DUE_DAYS: i64 = 30;
/// Most reasons that are named one by one.
const MAX_NAMED: usize = 20;

/// What the policy wants of a register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterRules {
    /// The longest time between two assessments in milliseconds; none for the register's own.
    pub reassess_ms: Option<u64>,
    /// Every version must be reviewed.
    pub reviews: bool,
    /// The day.
    pub today: Date,
}

/// The state of a dependency in the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It has no entry.
    Missing,
    /// Its entry leaves something open.
    Incomplete,
    /// Its assessment is too old.
    Stale,
    /// A version is not reviewed.
    Unreviewed,
    /// Nothing asks for it any more.
    Orphaned,
    /// It must be assessed soon.
    Due,
    /// All is well.
    Current,
}

/// A dependency, and what the register says of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Ecosystem.
    pub ecosystem: Ecosystem,
    /// Name.
    pub name: String,
    /// The state that counts most.
    pub state: State,
    /// Versions in lock files.
    pub versions: Vec<String>,
    /// Where it is asked for, or locked.
    pub places: Vec<Place>,
    /// The entry, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
    /// The day on which it must have been assessed again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<String>,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// Something that is wrong, or will be.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What, and what to do.
    pub text: String,
    /// The check fails.
    pub fails: bool,
}

/// The register beside what is asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RegisterReport {
    /// Passed, failed or inconclusive.
    pub verdict: Verdict,
    /// Why it is not passed, one line each.
    pub reasons: Vec<String>,
    /// Dependencies by ecosystem and name.
    pub dependencies: Vec<Row>,
}

/// Compares a register with what is asked for.
pub fn examine(register: &Register, explicit: &Explicit, rules: &RegisterRules) -> RegisterReport {
    let mut rows = vec![];
    let mut known = BTreeSet::new();
    for (i, entry) in register.document.dependencies.iter().enumerate() {
        // A register that was checked has keys.
        let Some(key) = entry.key() else { continue };
        let line = register.lines.get(i).copied();
        let place = Place { file: register.file.clone(), line };
        rows.push(row(&key, entry, explicit.dependencies.get(&key), &place, register, rules));
        known.insert(key);
    }
    for (key, asked) in explicit.dependencies.iter().filter(|(key, _)| !known.contains(*key)) {
        rows.push(missing(key, asked, &register.file));
    }
    rows.sort_by(|a, b| (&a.ecosystem, &a.name).cmp(&(&b.ecosystem, &b.name)));
    let failing = rows.iter().flat_map(|r| &r.problems).filter(|p| p.fails);
    let mut reasons: Vec<String> = failing.map(|p| format!("{}: {}", p.place, p.text)).collect();
    let failures = reasons.len();
    cut(&mut reasons);
    let shown = reasons.len();
    let mut doubts: Vec<String> = explicit.gaps.iter().map(|g| format!("{}: {}", g.place, g.reason)).collect();
    if rows.is_empty() {
        doubts.push("no dependency was found".to_owned());
    }
    cut(&mut doubts);
    reasons.extend(doubts);
    let verdict = match (failures, reasons.len() - shown) {
        (0, 0) => Verdict::Passed,
        (0, _) => Verdict::Inconclusive,
        _ => Verdict::Failed,
    };
    RegisterReport { verdict, reasons, dependencies: rows }
}

fn cut(reasons: &mut Vec<String>) {
    let more = reasons.len().saturating_sub(MAX_NAMED);
    reasons.truncate(MAX_NAMED);
    if more > 0 {
        reasons.push(format!("and {more} more like that"));
    }
}

fn missing(key: &(Ecosystem, String), asked: &Asked, file: &str) -> Row {
    let (ecosystem, name) = key.clone();
    let place = asked.places.first().cloned().unwrap_or_else(|| Place { file: file.to_owned(), line: None });
    let text = format!("{name} ({ecosystem}) has no entry in {file}; `dayfly deps draft` writes one");
    Row {
        state: State::Missing,
        versions: asked.versions.iter().cloned().collect(),
        places: asked.places.iter().cloned().collect(),
        entry: None,
        due: None,
        problems: vec![Problem { place, text, fails: true }],
        ecosystem,
        name,
    }
}

fn row(
    key: &(Ecosystem, String),
    entry: &Entry,
    asked: Option<&Asked>,
    place: &Place,
    register: &Register,
    rules: &RegisterRules,
) -> Row {
    let mut problems: Vec<(State, Problem)> = vec![];
    let (ecosystem, name) = key;
    let mut add = |state: State, fails: bool, text: String| {
        problems.push((state, Problem { place: place.clone(), text: format!("{name} ({ecosystem}) {text}"), fails }));
    };
    if asked.is_none() {
        add(State::Orphaned, true, "is asked for by no manifest or lock file any more; remove its entry".to_owned());
    }
    let open = open(entry);
    if !open.is_empty() {
        add(State::Incomplete, true, format!("leaves open: {}", open.join(", ")));
    }
    let due = entry.assessed.as_ref().and_then(|a| due(&a.on, entry, register, rules));
    if let Some(assessed) = &entry.assessed {
        let on = &assessed.on;
        match due {
            _ if on.parse::<Date>().is_ok_and(|d| d > rules.today) => {
                add(State::Stale, true, format!("was assessed on {on}, which is in the future"));
            }
            None => add(State::Stale, true, format!("was assessed on {on}, and it is unknown how long that holds")),
            Some(due) if due < rules.today => {
                add(State::Stale, true, format!("was assessed on {on}, and had to be assessed again by {due}"));
            }
            Some(due) if rules.today.saturating_add(DUE_DAYS.days()) >= due => {
                add(State::Due, false, format!("must be assessed again by {due}"));
            }
            Some(_) => {}
        }
    }
    let versions: Vec<String> = asked.into_iter().flat_map(|a| a.versions.iter().cloned()).collect();
    for version in versions.iter().filter(|_| rules.reviews) {
        if !is_reviewed(ecosystem, entry, version) {
            add(State::Unreviewed, true, format!("has no review of version {version}, or of the steps to it"));
        }
    }
    Row {
        ecosystem: ecosystem.clone(),
        name: name.clone(),
        state: problems.iter().map(|(state, _)| *state).min().unwrap_or(State::Current),
        versions,
        places: asked.into_iter().flat_map(|a| a.places.iter().cloned()).collect(),
        entry: Some(entry.clone()),
        due: due.map(|d| d.to_string()),
        problems: problems.into_iter().map(|(_, p)| p).collect(),
    }
}

/// The questions that an entry leaves open.
fn open(entry: &Entry) -> Vec<&'static str> {
    let is_open = |text: &Option<String>| text.as_ref().is_none_or(|t| t.trim().is_empty());
    let mut open = vec![];
    for (name, is_open) in [
        ("purpose", is_open(&entry.purpose)),
        ("owner", is_open(&entry.owner)),
        ("risk", entry.risk.is_none()),
        ("alternatives", is_open(&entry.alternatives)),
        ("assessed", entry.assessed.as_ref().is_none_or(|a| a.by.trim().is_empty())),
    ] {
        if is_open {
            open.push(name);
        }
    }
    open
}

/// The last day of an assessment.
fn due(on: &str, entry: &Entry, register: &Register, rules: &RegisterRules) -> Option<Date> {
    let own = entry.reassess.as_ref().or(register.document.reassess.as_ref());
    let own = own.map_or(Some(REASSESS_DAYS), |text| days(text).ok())?;
    let most = rules.reassess_ms.map(|ms| i64::try_from(ms.div_ceil(24 * 60 * 60 * 1000)).unwrap_or(i64::MAX));
    let span: Span = Span::new().try_days(own.min(most.unwrap_or(i64::MAX))).ok()?;
    on.parse::<Date>().ok()?.checked_add(span).ok()
}

impl Risk {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl State {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Incomplete => "incomplete",
            Self::Stale => "stale",
            Self::Unreviewed => "unreviewed",
            Self::Orphaned => "orphaned",
            Self::Due => "due",
            Self::Current => "current",
        }
    }
}
