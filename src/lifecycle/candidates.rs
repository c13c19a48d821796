//! Lists the log lines that may explain why a case did not pass. Pure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::logged::{CopyLog, Entry, Provoked};
use super::telling::Telling;
use crate::plan::Plan;
use crate::report::facts::UnitEnd;

/// How long before a case its cause may have been logged.
const BEFORE: SignedDuration = SignedDuration::from_secs(10);
/// Tolerance for engines that give times in whole seconds, and for the time until a line is written.
const AROUND: SignedDuration = SignedDuration::from_secs(1);

/// What is asked about a case.
pub struct Question<'a> {
    /// The plan of the environment.
    pub plan: &'a Plan,
    /// The units that it involved, the closest first.
    pub units: &'a [String],
    /// When it began.
    pub from: Timestamp,
    /// When it ended.
    pub until: Timestamp,
    /// Ends of units that no step asked for.
    pub ends: &'a [UnitEnd],
    /// Refusals that suites provoked.
    pub provoked: &'a [Provoked],
}

/// A line that may explain something.
pub(super) struct Candidate<'a> {
    pub copy: &'a str,
    pub unit: &'a str,
    pub entry: &'a Entry,
    pub telling: Telling,
    /// Logged in the time of the case.
    pub in_time: bool,
    /// Place of its unit among those of the question.
    pub distance: usize,
}

/// The ends in the time of the case of units that it involved.
pub(super) fn ends<'a>(question: &Question<'a>) -> Vec<&'a UnitEnd> {
    let in_time = |at| is_between(at, question.from, question.until, BEFORE);
    question.ends.iter().filter(|e| question.units.contains(&e.unit) && in_time(e.at)).collect()
}

/// Lines of the time of the case, and of each unit without such lines the latest before it; the most telling first.
pub(super) fn candidates<'a>(logs: &'a BTreeMap<String, CopyLog>, question: &Question) -> Vec<Candidate<'a>> {
    let mut all = vec![];
    for (copy, log) in logs {
        let Some(distance) = question.units.iter().position(|u| *u == log.unit) else { continue };
        let entries: BTreeMap<u64, &Entry> = log
            .telling
            .iter()
            .chain(log.recent.iter().filter(|e| e.telling.is_some()))
            .map(|e| (e.number, e))
            .collect();
        let of_copy = entries.into_values().filter(|e| !is_provoked(&log.unit, e, question)).filter_map(|entry| {
            let in_time = is_between(entry.at, question.from, question.until, BEFORE);
            Some(Candidate { copy, unit: &log.unit, entry, telling: entry.telling?, in_time, distance })
        });
        let (now, before): (Vec<_>, Vec<_>) =
            of_copy.filter(|c| c.in_time || c.entry.at < question.from).partition(|c| c.in_time);
        if now.is_empty() {
            // Clients say at their start that they reach nobody, and are silent from then on.
            let strongest = before.iter().map(|c| c.telling).max();
            all.extend(before.into_iter().rfind(|c| Some(c.telling) == strongest && c.telling > Telling::Warning));
        } else {
            all.extend(now);
        }
    }
    all.sort_by_key(|c| (!c.in_time, std::cmp::Reverse(c.telling), c.distance, c.entry.at, c.entry.number));
    all
}

fn is_provoked(unit: &str, entry: &Entry, question: &Question) -> bool {
    let quoted = |name: &str| [format!("'{name}'"), format!("\"{name}\"")].iter().any(|q| entry.text.contains(q));
    question.provoked.iter().any(|p| {
        p.unit == unit
            && is_between(entry.at, p.from, p.until, AROUND)
            && !users(question.plan, unit).any(|user| *user != p.user && quoted(user))
    })
}

/// The users of a broker, or the roles of a database.
pub(super) fn users<'a>(plan: &'a Plan, unit: &str) -> impl Iterator<Item = &'a String> {
    let of_broker = plan.broker.iter().filter(move |b| b.name == unit).flat_map(|b| b.users.keys());
    of_broker.chain(plan.databases.get(unit).into_iter().flat_map(|d| &d.roles))
}

fn is_between(at: Timestamp, from: Timestamp, until: Timestamp, before: SignedDuration) -> bool {
    let earliest = from.saturating_sub(before).unwrap_or(from);
    let latest = until.saturating_add(AROUND).unwrap_or(until);
    earliest <= at && at <= latest
}
