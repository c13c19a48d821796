//! Names the likely cause of a failure, where a log names it. Pure.

use super::candidates::{Candidate, users};
use super::telling::Telling;
use crate::model::sanitize;
use crate::plan::{Plan, Unit, UnitKind};
use crate::report::facts::UnitEnd;
use crate::spec::backing::KindName;

/// Maximum length of a sentence, in characters.
const LONGEST: usize = 300;

/// The cause, if the lines name exactly one: a refusal of a server, else the end of a process, else what a unit says of itself.
/// Lines of the time of the case count more than earlier ones.
pub(super) fn cause(plan: &Plan, candidates: &[Candidate], ends: &[&UnitEnd]) -> Option<String> {
    let refusals = |in_time| only(candidates.iter().filter(|c| c.in_time == in_time), |c| refusal(plan, c));
    let own = |in_time| only(candidates.iter().filter(|c| c.in_time == in_time), |c| own_trouble(plan, c));
    let end = || match ends {
        [end] if end.allowed_by.is_none() => Some(self::end(end, candidates)),
        _ => None,
    };
    let found = refusals(true).or_else(|| own(true)).or_else(end).or_else(|| refusals(false)).or_else(|| own(false));
    found.map(|text| sanitize::one_line(&text, LONGEST))
}

/// The sentence on which all that give one agree.
fn only<'a, 'b: 'a>(
    candidates: impl Iterator<Item = &'a Candidate<'b>>,
    sentence: impl Fn(&Candidate<'b>) -> Option<String>,
) -> Option<String> {
    let mut found = candidates.filter_map(sentence);
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

/// How a unit ended, with its last words.
pub(super) fn end(end: &UnitEnd, candidates: &[Candidate]) -> String {
    let at = end.at.strftime("%H:%M:%S");
    let words = candidates.iter().filter(|c| c.unit == end.unit && c.in_time && c.telling >= Telling::Error);
    let words = words.max_by_key(|c| (c.telling, c.entry.number)).map(|c| format!(": {}", c.entry.text.trim()));
    format!("{}: {} at {at}{}", end.unit, end.what, words.unwrap_or_default())
}

/// What a broker or database says that it refused, and to whom.
fn refusal(plan: &Plan, candidate: &Candidate) -> Option<String> {
    let (server, text) = (plan.unit(candidate.unit)?, candidate.entry.text.as_str());
    match server.kind {
        UnitKind::Broker => broker_refusal(&server.name, text),
        UnitKind::Database => database_refusal(&server.name, text),
        // These say nothing; their clients do.
        UnitKind::Backing(_) => None,
        UnitKind::Service | UnitKind::Job => backing_refusal(plan, server, text),
    }
    // Logs are written by what clients send: only names that the description knows are repeated.
    .filter(|(user, _)| user.as_ref().is_none_or(|user| users(plan, &server.name).any(|known| known == user)))
    .map(|(_, sentence)| sentence)
}

/// What a client says that a backing service refused: the only one of its kind that it may call.
fn backing_refusal(plan: &Plan, client: &Unit, text: &str) -> Option<(Option<String>, String)> {
    let lower = text.to_lowercase();
    let why = |kind: KindName| kind.about().refusals.iter().find(|(said, _)| lower.contains(said)).map(|(_, why)| *why);
    let (kind, why) = KindName::ALL.into_iter().find_map(|kind| Some((kind, why(kind)?)))?;
    let mut servers = plan.reachable_by(&client.name).filter(|u| u.kind == UnitKind::Backing(kind));
    let (server, None) = (servers.next()?, servers.next()) else { return None };
    Some((None, format!("{} refused {}: {why}", server.name, client.name)))
}

/// The refused user, where it is named, and the sentence.
fn broker_refusal(mq: &str, text: &str) -> Option<(Option<String>, String)> {
    if let Some(reason) = between(text, " login refused: user '", "'") {
        let why = text.rsplit_once(" - ").map_or("login refused", |(_, why)| why).trim_matches(['"', '.', ' ']);
        return Some((Some(reason.to_owned()), format!("{mq} refused {reason}: {why}")));
    }
    if let Some(user) = between(text, "refused for user '", "'") {
        let vhost = between(text, "vhost '", "'")?;
        let sentence = ["exchange", "queue"].iter().find_map(|kind| {
            let name = between(text, &format!("access to {kind} '"), "'")?;
            let right = right(text, kind).map(|r| format!("{r} ")).unwrap_or_default();
            Some(format!("{mq} refused {user}: {right}access to {kind} {name} in vhost {vhost}"))
        });
        let sentence = sentence.unwrap_or_else(|| format!("{mq} refused {user}: access to vhost {vhost}"));
        return Some((Some(user.to_owned()), sentence));
    }
    for kind in ["exchange", "queue"] {
        if let (Some(name), Some(vhost)) = (between(text, &format!("no {kind} '"), "'"), between(text, "vhost '", "'"))
        {
            return Some((None, format!("{mq} has no {kind} {name} in vhost {vhost}")));
        }
    }
    let precondition = text.split_once("precondition_failed: ")?.1;
    Some((None, format!("{mq} refused a client: PRECONDITION_FAILED - {}", precondition.trim_matches('"'))))
}

/// The right that was missing: newer brokers name it, and the operation implies it.
fn right(text: &str, kind: &str) -> Option<&'static str> {
    let named = ["configure", "write", "read"].into_iter().find(|r| text.contains(&format!("{r} access to ")));
    let operation = between(text, "operation ", " ")?;
    named.or(match (operation, kind) {
        ("basic.publish", _) | ("queue.bind" | "queue.unbind", "queue") => Some("write"),
        ("basic.consume" | "basic.get" | "queue.purge", _) | ("queue.bind" | "queue.unbind", "exchange") => {
            Some("read")
        }
        (other, _) if other.ends_with(".declare") || other.ends_with(".delete") => Some("configure"),
        _ => None,
    })
}

fn database_refusal(pg: &str, text: &str) -> Option<(Option<String>, String)> {
    if let Some(role) = between(text, "password authentication failed for user \"", "\"") {
        return Some((Some(role.to_owned()), format!("{pg} refused user {role}: password authentication failed")));
    }
    if let Some((_, what)) = text.split_once("ERROR:  permission denied for ") {
        return Some((None, format!("{pg} refused a role: permission denied for {what}")));
    }
    let what = text.split_once("ERROR:  ").or_else(|| text.split_once("FATAL:  "))?.1;
    let (what, _) = what.split_once(" does not exist")?;
    Some((None, format!("{pg}: {what} does not exist")))
}

/// What a service says about itself that explains a failure without doubt.
fn own_trouble(plan: &Plan, candidate: &Candidate) -> Option<String> {
    let (unit, text) = (plan.unit(candidate.unit)?, candidate.entry.text.as_str());
    let lower = text.to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|p| lower.contains(p));
    let name = &unit.name;
    if says(&[
        "name or service not known",
        "name resolution",
        "no such host",
        "could not translate host name",
        "enotfound",
        "gaierror",
    ]) {
        let callee = unreachable_peer(plan, unit, text)?;
        return Some(format!(
            "{name} cannot reach {callee}: it may not call it; add {callee} to the `needs` of {name}"
        ));
    }
    let resources = [
        ("read-only file system", "may not write there: read-only file system; see `writable`"),
        ("no space left", "has no space left on its file system"),
        ("address already in use", "wanted a port that is in use"),
        ("cannot allocate memory", "had no memory left; raise `resources.memory`"),
        ("memoryerror", "had no memory left; raise `resources.memory`"),
    ];
    let (_, means) = resources.iter().find(|(phrase, _)| lower.contains(phrase))?;
    matches!(unit.kind, UnitKind::Service | UnitKind::Job).then(|| format!("{name} {means}"))
}

/// The only unit that this one names, or has a password of, and may not call.
fn unreachable_peer<'a>(plan: &'a Plan, unit: &Unit, text: &str) -> Option<&'a str> {
    let forbidden = plan.units.iter().filter(|u| u.name != unit.name && !u.callers.contains(&unit.name));
    let words: Vec<&str> = text.split(|c: char| !(c.is_alphanumeric() || c == '-')).collect();
    let (named, by_secret): (Vec<_>, Vec<_>) = forbidden
        .filter(|u| {
            words.contains(&u.name.as_str()) || unit.secrets.iter().any(|s| s.starts_with(&format!("{}.", u.name)))
        })
        .partition(|u| words.contains(&u.name.as_str()));
    match (named.as_slice(), by_secret.as_slice()) {
        ([only], _) | ([], [only]) => Some(&only.name),
        _ => None,
    }
}

/// The text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(inside, _)| inside)
}
