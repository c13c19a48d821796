//! Which versions an advisory affects, by the evaluation rules of the OSV specification. Pure.

use std::cmp::Ordering;

use super::advisory::{Advisory, Event};
use crate::packages::{Ecosystem, Incomparable, Version};

/// A version of a package, parsed once for all its advisories.
pub struct Candidate<'a> {
    ecosystem: &'a Ecosystem,
    text: &'a str,
    version: Result<Version, Incomparable>,
    /// Without its local segment, where it has one: a build of a version has what the version has.
    public: Option<Version>,
}

impl<'a> Candidate<'a> {
    /// Parses a version; one that cannot be compared is still found in lists of versions.
    pub fn new(ecosystem: &'a Ecosystem, text: &'a str) -> Self {
        let version = Version::parse(ecosystem, text);
        let public = version.as_ref().ok().and_then(Version::public);
        Self { ecosystem, text, version, public }
    }

    /// Decides whether an advisory affects the version. An error says why that cannot be decided.
    pub fn is_affected_by(&self, advisory: &Advisory) -> Result<bool, String> {
        if self.is_listed(&advisory.versions) {
            return Ok(true);
        }
        if advisory.only_commits {
            return Err("it names commits only, with which a version cannot be compared".into());
        }
        if advisory.ranges.is_empty() {
            // Neither versions nor ranges: nothing says that any version is safe.
            return Ok(advisory.versions.is_empty());
        }
        // Every range is looked at: one that cannot be compared must not hide another that matches.
        let mut undecided = None;
        for range in &advisory.ranges {
            match self.is_within(range) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(why) => undecided = undecided.or(Some(why)),
            }
        }
        undecided.map_or(Ok(false), Err)
    }

    fn is_listed(&self, versions: &[String]) -> bool {
        let own: Vec<&Version> = self.version.iter().chain(&self.public).collect();
        let is_same = |listed: &String| {
            let listed = || Version::parse(self.ecosystem, listed);
            !own.is_empty() && listed().is_ok_and(|l| own.iter().any(|v| v.compare(&l) == Some(Ordering::Equal)))
        };
        // Parsing is dear, and most lists have the very text.
        versions.iter().any(|v| v == self.text) || versions.iter().any(is_same)
    }

    fn is_within(&self, range: &[Event]) -> Result<bool, String> {
        let own = self.version.as_ref().map_err(ToString::to_string)?;
        let mut ends = vec![];
        let (mut limits, mut below_limit) = (false, false);
        for event in range {
            let end = End::new(self.ecosystem, event)?;
            if let Event::Limit(_) = event {
                limits = true;
                below_limit |= end.order_of(own)? == Ordering::Less || end.text == "*";
            } else {
                ends.push(end);
            }
        }
        sort(&mut ends)?;
        let mut is_affected = false;
        for end in &ends {
            let order = end.order_of(own)?;
            match end.event {
                Event::Introduced(_) if order != Ordering::Less => is_affected = true,
                Event::Fixed(_) if order != Ordering::Less => is_affected = false,
                Event::LastAffected(_) if order == Ordering::Greater && !self.is_build_of(end) => is_affected = false,
                _ => {}
            }
        }
        Ok(is_affected && (!limits || below_limit))
    }

    /// Returns true if the version is the end's with a local segment.
    fn is_build_of(&self, end: &End<'_>) -> bool {
        let (Some(public), Some(end)) = (&self.public, &end.version) else { return false };
        public.compare(end) == Some(Ordering::Equal)
    }

    /// Versions of the same ecosystem, lowest first, each once; those that cannot be compared stay at the end.
    pub fn sorted(&self, versions: impl IntoIterator<Item = String>) -> Vec<String> {
        let parsed = versions.into_iter().map(|text| (Sorted(Version::parse(self.ecosystem, &text).ok()), text));
        let mut all: Vec<(Sorted, String)> = parsed.collect();
        all.sort();
        all.dedup_by(|a, b| a.1 == b.1 || (a.0.0.is_some() && a.0 == b.0));
        all.into_iter().map(|(_, text)| text).collect()
    }

    /// The versions above this one that fix an advisory, lowest first.
    pub fn fixes_of(&self, advisory: &Advisory) -> Vec<String> {
        let Ok(own) = &self.version else { return vec![] };
        let is_above =
            |text: &&str| Version::parse(self.ecosystem, text).is_ok_and(|v| v.compare(own) == Some(Ordering::Greater));
        let fixed = advisory.ranges.iter().flatten().filter_map(|event| match event {
            Event::Fixed(text) => Some(text.as_str()),
            _ => None,
        });
        self.sorted(fixed.filter(is_above).map(str::to_owned))
    }
}

/// The lowest of the versions that fix something which no advisory of the package affects, releases before pre-releases.
/// None if every one of them is affected, or if that cannot be decided.
pub fn lowest_safe(ecosystem: &Ecosystem, fixes: &[String], advisories: &[Advisory]) -> Option<String> {
    let mut parsed: Vec<(Version, &String)> =
        fixes.iter().filter_map(|text| Some((Version::parse(ecosystem, text).ok()?, text))).collect();
    parsed.sort_by(|(a, _), (b, _)| {
        a.is_prerelease().cmp(&b.is_prerelease()).then(a.compare(b).unwrap_or(Ordering::Equal))
    });
    let is_safe = |text: &str| {
        let candidate = Candidate::new(ecosystem, text);
        advisories.iter().all(|a| candidate.is_affected_by(a) == Ok(false))
    };
    parsed.into_iter().map(|(_, text)| text).find(|text| is_safe(text)).cloned()
}

/// A version as a key of a sort.
struct Sorted(Option<Version>);

impl PartialEq for Sorted {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Sorted {}

impl PartialOrd for Sorted {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Sorted {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Some(a), Some(b)) => a.compare(b).unwrap_or(Ordering::Equal),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
}

/// An event with its version; `0` as the beginning is before every version.
struct End<'a> {
    event: &'a Event,
    text: &'a str,
    version: Option<Version>,
}

impl<'a> End<'a> {
    fn new(ecosystem: &Ecosystem, event: &'a Event) -> Result<Self, String> {
        let text = event.version();
        let is_open = match event {
            Event::Introduced(_) => text == "0",
            Event::Limit(_) => text == "*",
            _ => false,
        };
        let parse = || Version::parse(ecosystem, text).map_err(|e| format!("its range cannot be read: {e}"));
        Ok(Self { event, text, version: if is_open { None } else { Some(parse()?) } })
    }

    /// Where a version is, seen from this end.
    fn order_of(&self, own: &Version) -> Result<Ordering, String> {
        match &self.version {
            None => Ok(Ordering::Greater),
            Some(end) => own.compare(end).ok_or_else(|| "its versions cannot be compared".to_owned()),
        }
    }
}

/// Sorts by version. At the same version the order of the record stays: in `fixed 2, introduced 2` the version 2 is affected, and
/// `introduced 2, fixed 2` is empty, as RustSec writes it.
fn sort(ends: &mut [End<'_>]) -> Result<(), String> {
    let mut fault = false;
    ends.sort_by(|a, b| match (&a.version, &b.version) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(x), Some(y)) => {
            let order = x.compare(y);
            fault |= order.is_none();
            order.unwrap_or(Ordering::Equal)
        }
    });
    if fault { Err("its versions cannot be compared".into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
