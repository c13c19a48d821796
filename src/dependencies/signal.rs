//! What a reviewer should look at in the packages that a change brings. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::change::{Effect, PackageChange, Signal, SignalKind};
use super::compare::{by_name, has_other_content, is_other};
use super::look_alike::LookAlikes;
use super::side::Side;
use crate::packages::{Ecosystem, Locked, Origin, Package};
use crate::policy::{DependencyLimits, Reaction};

/// Registries that everybody uses.
const PUBLIC: [(&str, &str); 5] = [
    ("PyPI", "pypi.org/simple"),
    ("npm", "registry.npmjs.org"),
    ("npm", "registry.yarnpkg.com"),
    ("crates.io", "github.com/rust-lang/crates.io-index"),
    ("crates.io", "index.crates.io"),
];
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What signals depend on besides the packages.
pub struct Context<'a> {
    /// Of the policy.
    pub limits: &'a DependencyLimits,
    /// The time.
    pub now: Timestamp,
    /// Packages of which the change fixes a known vulnerability.
    pub fixing: BTreeSet<(Ecosystem, String)>,
    /// Popular names by ecosystem, where they are known.
    pub popular: BTreeMap<Ecosystem, Vec<String>>,
}

/// The signals of the packages that differ.
pub fn signals(changes: &[PackageChange], base: &Side, head: &Side, context: &Context<'_>) -> Vec<Signal> {
    let changed: BTreeSet<(&Ecosystem, &str)> = changes.iter().map(|c| (&c.ecosystem, c.name.as_str())).collect();
    let before = by_name(base.packages());
    let registries = registries(base);
    let alike: BTreeMap<&Ecosystem, LookAlikes<'_>> =
        context.popular.iter().map(|(e, names)| (e, LookAlikes::new(names, &context.limits.known_names))).collect();
    let mut found = vec![];
    let mut seen = BTreeSet::new();
    for new in head.packages().filter(|p| changed.contains(&(&p.ecosystem, p.name.as_str()))) {
        let old = before.get(&(&new.ecosystem, new.name.as_str())).map_or(&[][..], Vec::as_slice);
        let is_known = old.iter().any(|o| o.version == new.version);
        if is_known && !is_other(old, new) {
            continue;
        }
        let empty = Locked::default();
        let of = One {
            new,
            locked: new.locked.as_deref().unwrap_or(&empty),
            old_locked: old.iter().filter_map(|o| o.locked.as_deref()).collect(),
            old,
            is_known,
            context,
            alike: alike.get(&new.ecosystem),
        };
        for signal in of.signals(&registries) {
            if seen.insert((
                signal.kind,
                new.ecosystem.clone(),
                new.name.clone(),
                new.version.clone(),
                signal.text.clone(),
            )) {
                found.push(signal);
            }
        }
    }
    found.sort_by(|a, b| {
        (a.effect, a.kind, &a.ecosystem, &a.package).cmp(&(b.effect, b.kind, &b.ecosystem, &b.package))
    });
    found
}

/// The registries from which the base has packages, by ecosystem, and those that everybody uses.
fn registries(base: &Side) -> BTreeSet<(String, String)> {
    let public = PUBLIC.map(|(ecosystem, at)| (ecosystem.to_owned(), at.to_owned()));
    let own = base.packages().filter_map(|p| match p.locked.as_ref()?.origin.as_ref()? {
        Origin::Registry(at) => Some((p.ecosystem.to_string(), at.clone())),
        _ => None,
    });
    public.into_iter().chain(own).collect()
}

/// A package that is new, or different, and those of its name in the base.
struct One<'a> {
    new: &'a Package,
    locked: &'a Locked,
    old: &'a [&'a Package],
    old_locked: Vec<&'a Locked>,
    is_known: bool,
    context: &'a Context<'a>,
    alike: Option<&'a LookAlikes<'a>>,
}

impl One<'_> {
    fn signals(&self, registries: &BTreeSet<(String, String)>) -> Vec<Signal> {
        let limits = self.context.limits;
        let all = [
            (SignalKind::ContentChanged, effect(limits.source_changed), self.content()),
            (SignalKind::SourceChanged, effect(limits.source_changed), self.source(registries)),
            (SignalKind::PublisherChanged, effect(limits.publisher_changed), self.publisher()),
            (SignalKind::InstallCode, effect(limits.install_code), self.install_code()),
            (SignalKind::LookAlike, Effect::Shown, self.look_alike()),
            (SignalKind::Deprecated, effect(limits.notices), self.deprecated()),
        ];
        let found = all.into_iter().filter_map(|(kind, effect, text)| Some(self.signal(kind, effect, text?)));
        found.chain(self.age()).collect()
    }

    fn signal(&self, kind: SignalKind, effect: Effect, text: String) -> Signal {
        let Package { ecosystem, name, version, place, .. } = self.new;
        let (ecosystem, place) = (ecosystem.clone(), place.clone());
        Signal { kind, effect, ecosystem, package: name.clone(), version: version.clone(), place, text }
    }

    fn content(&self) -> Option<String> {
        let mut same =
            self.old.iter().filter(|o| o.version == self.new.version).filter_map(|o| o.locked.as_deref()).peekable();
        same.peek()?;
        let text = "the same version has other hashes than before; find out why before anything else";
        same.all(|o| has_other_content(o, self.locked)).then(|| text.to_owned())
    }

    fn source(&self, registries: &BTreeSet<(String, String)>) -> Option<String> {
        let origin = self.locked.origin.as_ref()?;
        let before: BTreeSet<&Origin> = self.old_locked.iter().filter_map(|o| o.origin.as_ref()).collect();
        if before.contains(origin) {
            return None;
        }
        if !before.is_empty() {
            let before: Vec<String> = before.into_iter().map(ToString::to_string).collect();
            return Some(format!("it comes from {origin}, and came from {}", before.join(" and ")));
        }
        match origin {
            Origin::Registry(at) if registries.contains(&(self.new.ecosystem.to_string(), at.clone())) => None,
            Origin::Registry(_) => Some(format!("it comes from {origin}, as no package did before")),
            _ => Some(format!("it comes from {origin}, and from no registry")),
        }
    }

    fn publisher(&self) -> Option<String> {
        let before: BTreeSet<&String> = self.old_locked.iter().flat_map(|o| &o.publishers).collect();
        let after: BTreeSet<&String> = self.locked.publishers.iter().collect();
        let list = |of: &BTreeSet<&String>| of.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(", ");
        if before.is_empty() || before == after {
            return None;
        }
        Some(match after.is_empty() {
            true => format!("nobody attests it; before, it was {}", list(&before)),
            false => format!("it is attested by {}; before, it was {}", list(&after), list(&before)),
        })
    }

    fn install_code(&self) -> Option<String> {
        let is_new = self.locked.install_code && !self.old_locked.iter().any(|o| o.install_code);
        is_new.then(|| "it runs code when it is installed, which is new".to_owned())
    }

    fn look_alike(&self) -> Option<String> {
        let alike = self.alike.filter(|_| self.old.is_empty())?.of(&self.new.name)?;
        Some(format!(
            "its name looks like {alike}, which is popular; if it is right, add it to knownNames of the policy"
        ))
    }

    fn deprecated(&self) -> Option<String> {
        let why = self.locked.deprecated.as_ref()?;
        (!self.old_locked.iter().any(|o| o.deprecated.is_some()))
            .then(|| format!("its authors advise against it: {why}"))
    }

    fn age(&self) -> Option<Signal> {
        let Context { limits, now, fixing, .. } = self.context;
        let most = i64::try_from(limits.cooldown_ms).unwrap_or(i64::MAX);
        if most == 0 || self.is_known {
            return None;
        }
        let days = limits.cooldown_ms.div_ceil(DAY_MS.unsigned_abs());
        let Some(uploaded) = self.locked.uploaded else {
            let effect = limits.unknown_age.map_or(Effect::Inconclusive, effect);
            let text = format!("the lock file does not say when it was uploaded; the policy wants {days} day(s)");
            return Some(self.signal(SignalKind::UnknownAge, effect, text));
        };
        // A time in the future is the word of somebody who may not be trusted.
        let age = now.as_millisecond().saturating_sub(uploaded.as_millisecond());
        if age >= most {
            return None;
        }
        let (name, at) = ((self.new.ecosystem.clone(), self.new.name.clone()), uploaded.strftime("%Y-%m-%d"));
        let old = age.max(0) / DAY_MS;
        let text = format!("it was uploaded on {at}, {old} day(s) ago; the policy wants {days}");
        Some(match fixing.contains(&name) {
            true => self.signal(
                SignalKind::TooYoung,
                Effect::Shown,
                format!("{text}, waived because it fixes a known vulnerability"),
            ),
            false => self.signal(SignalKind::TooYoung, Effect::Fails, text),
        })
    }
}

fn effect(reaction: Reaction) -> Effect {
    match reaction {
        Reaction::Fail => Effect::Fails,
        Reaction::Pass => Effect::Shown,
    }
}
