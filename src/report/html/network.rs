//! Allowed connections, confinement of units, and images.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::sanitize;
use crate::plan::Confinement;
use crate::report::display;
use crate::report::facts::{Facts, SuiteFact, UnitFact};

#[derive(Serialize)]
pub(super) struct Network {
    /// Possible callees.
    to: Vec<String>,
    from: Vec<From>,
}

#[derive(Serialize)]
struct From {
    name: String,
    kind: &'static str,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Cell {
    allowed: bool,
    itself: bool,
    /// The only ports that are permitted, if these are not all.
    ports: Option<String>,
    /// The cell in words.
    says: String,
}

#[derive(Serialize)]
pub(super) struct Confined {
    name: String,
    kind: &'static str,
    /// None for a suite, which has neither copies nor limits here.
    copies: Option<u8>,
    user: String,
    memory: String,
    cpu: String,
    pids: Option<u32>,
    departures: Vec<String>,
    reason: String,
}

#[derive(Serialize)]
pub(super) struct Image {
    reference: String,
    digest: String,
    platform: String,
    user: String,
    /// Units that ran it, with the digest read back where it differs.
    units: Vec<(String, String)>,
}

pub(super) fn network(facts: &Facts) -> Network {
    let allowed: BTreeSet<(&str, &str)> = facts.access.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    let mut to: Vec<&str> = facts.units.iter().map(|u| u.name.as_str()).collect();
    let others = facts.suites.iter().map(|s| (s.name.as_str(), "suite"));
    let mut from: Vec<(&str, &'static str)> =
        facts.units.iter().map(|u| (u.name.as_str(), u.kind.noun())).chain(others).collect();
    for (caller, called) in &allowed {
        if !from.iter().any(|(name, _)| name == caller) {
            from.push((caller, "caller"));
        }
        if !to.contains(called) {
            to.push(called);
        }
    }
    let cell = |from: &str, to: &str| {
        let (yes, itself) = (allowed.contains(&(from, to)), from == to);
        let verb = if itself {
            "is"
        } else if yes {
            "may reach"
        } else {
            "may not reach"
        };
        let ports = facts.access_ports.iter().find(|(f, t, _)| f == from && t == to).map(|(.., ports)| ports);
        let ports = ports.map(|ports| ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", "));
        let only = ports.as_ref().map(|ports| format!(" on port {ports} only")).unwrap_or_default();
        let says = sanitize::one_line(&format!("{from} {verb} {to}{only}"), 200);
        Cell { allowed: yes, itself, says, ports }
    };
    let row = |(name, kind): (&str, &'static str)| From {
        name: sanitize::one_line(name, 60),
        kind,
        cells: to.iter().map(|t| cell(name, t)).collect(),
    };
    Network { from: from.into_iter().map(row).collect(), to: to.iter().map(|t| sanitize::one_line(t, 60)).collect() }
}

/// The confinement of a container suite; none for a list of cases.
pub(super) fn confined_suite(suite: &SuiteFact) -> Option<Confined> {
    let c = suite.confinement.as_ref()?;
    Some(Confined {
        name: sanitize::one_line(&suite.name, 60),
        kind: "suite",
        copies: None,
        user: user(c),
        memory: String::new(),
        cpu: String::new(),
        pids: None,
        departures: display::departures(c),
        reason: reason(c),
    })
}

fn user(c: &Confinement) -> String {
    c.user.as_deref().map_or("from the image".into(), |u| sanitize::one_line(u, 60))
}

fn reason(c: &Confinement) -> String {
    sanitize::block(c.reason.as_deref().unwrap_or("no reason given"), 1000)
}

pub(super) fn confined(unit: &UnitFact) -> Confined {
    let c = &unit.confinement;
    Confined {
        name: sanitize::one_line(&unit.name, 60),
        kind: unit.kind.noun(),
        copies: Some(unit.replicas),
        user: user(c),
        memory: memory(unit.limits.memory),
        cpu: format!("{}.{:02}", unit.limits.cpu_millis / 1000, unit.limits.cpu_millis % 1000 / 10),
        pids: Some(unit.limits.pids),
        departures: display::departures(c),
        reason: reason(c),
    }
}

fn memory(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if bytes >= 10 * 1024 * MIB { format!("{} GiB", bytes / 1024 / MIB) } else { format!("{} MiB", bytes / MIB) }
}

pub(super) fn images(facts: &Facts) -> Vec<Image> {
    let known = facts.images.iter().map(|(reference, i)| {
        (reference.as_str(), i.digest.as_str(), i.platform.as_str(), i.user.as_deref().unwrap_or("unknown"))
    });
    let units = facts.units.iter().filter(|u| !facts.images.contains_key(&u.image));
    let missing: BTreeSet<&str> = units.map(|u| u.image.as_str()).collect();
    let missing = missing.into_iter().map(|reference| (reference, "", "", "–"));
    known
        .chain(missing)
        .map(|(reference, digest, platform, user)| image(facts, reference, digest, platform, user))
        .collect()
}

fn image(facts: &Facts, reference: &str, digest: &str, platform: &str, user: &str) -> Image {
    let differs = |u: &UnitFact| {
        u.running_digest.clone().filter(|d| d != digest).map_or(String::new(), |d| sanitize::one_line(&d, 120))
    };
    let units = facts
        .units
        .iter()
        .filter(|u| u.image == reference)
        .map(|u| (sanitize::one_line(&u.name, 60), differs(u)))
        .collect();
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { sanitize::one_line(text, 300) };
    Image {
        reference: sanitize::one_line(reference, 300),
        digest: or(digest, "not found"),
        platform: or(platform, "–"),
        user: or(user, "root"),
        units,
    }
}
