//! Packages and a bundle → findings.

use std::collections::{BTreeMap, BTreeSet};

use crate::advisories::advisory::Advisory;
use crate::advisories::aliases::{group, primary};
use crate::advisories::bundle::{Bundle, BundleError, streams};
use crate::advisories::matching::{Candidate, lowest_safe};
use crate::findings::{Finding, Subject, Undecided};
use crate::packages::{Ecosystem, Package};

/// What a bundle knows about packages.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matches {
    /// Findings, not judged yet.
    pub findings: Vec<Finding>,
    /// What could not be decided.
    pub undecided: Vec<Undecided>,
    /// Packages by ecosystem, each version once.
    pub counts: BTreeMap<Ecosystem, usize>,
}

/// Packages that an advisory cannot tell apart.
type Key<'a> = (&'a Ecosystem, &'a str, &'a str);

/// Looks up every package, each version once. Packages of an ecosystem that the bundle lacks are only counted.
pub fn match_packages(subject: &Subject, bundle: &Bundle) -> Result<Matches, BundleError> {
    let mut matches = Matches::default();
    // Sorted as the bundle is, so that neighbours are in the same page.
    let mut by_key: BTreeMap<Key<'_>, Vec<&Package>> = BTreeMap::new();
    for package in &subject.packages {
        by_key
            .entry((&package.ecosystem, package.advisory_name(), package.advisory_version()))
            .or_default()
            .push(package);
    }
    let mut seen = BTreeSet::new();
    for ((ecosystem, name, version), packages) in by_key {
        let mut names: Vec<(&str, &str)> = packages.iter().map(|p| (p.name.as_str(), p.version.as_str())).collect();
        names.sort_unstable();
        names.dedup();
        // One that is looked up by two names is one package.
        let is_new =
            |(name, version): &&(&str, &str)| seen.insert((ecosystem, (*name).to_owned(), (*version).to_owned()));
        *matches.counts.entry(ecosystem.clone()).or_default() += names.iter().filter(is_new).count();
        let mut advisories = vec![];
        for (known, _) in streams(&bundle.header.ecosystems, ecosystem) {
            advisories.extend(bundle.advisories(known, name)?);
        }
        if advisories.is_empty() {
            continue;
        }
        let candidate = Candidate::new(ecosystem, version);
        let (mut hits, mut fixes) = (vec![], vec![]);
        for advisory in &advisories {
            match candidate.is_affected_by(advisory) {
                Ok(true) => {
                    fixes.extend(candidate.fixes_of(advisory));
                    hits.push(advisory.clone());
                }
                Ok(false) => {}
                Err(reason) => matches.undecided.push(Undecided {
                    id: advisory.id.clone(),
                    package: format!("{name} {version} ({ecosystem})"),
                    reason,
                }),
            }
        }
        if hits.is_empty() {
            continue;
        }
        let fixes = candidate.sorted(fixes);
        let safe = lowest_safe(ecosystem, &fixes, &advisories);
        let groups = group(hits);
        for (name, version) in names {
            let same: Vec<&Package> =
                packages.iter().copied().filter(|p| p.name == name && p.version == version).collect();
            matches.findings.extend(groups.iter().filter_map(|g| finding(g, &same, &candidate, safe.as_deref())));
        }
    }
    let mut seen = BTreeSet::new();
    let key = |f: &Finding| (f.id.clone(), f.ecosystem.clone(), f.package.clone(), f.version.clone());
    matches.findings.retain(|f| seen.insert(key(f)));
    Ok(matches)
}

/// One finding of a group of records that name the same thing.
fn finding(
    group: &[Advisory],
    packages: &[&Package],
    candidate: &Candidate<'_>,
    safe: Option<&str>,
) -> Option<Finding> {
    let (package, first) = (packages.first()?, group.first()?);
    let mut ids: Vec<&String> = group.iter().flat_map(|a| std::iter::once(&a.id).chain(&a.aliases)).collect();
    ids.sort_by(|a, b| primary(a).cmp(&primary(b)));
    ids.dedup();
    let worst = group
        .iter()
        .max_by(|a, b| a.rating.cmp(&b.rating).then(a.score.unwrap_or(0.0).total_cmp(&b.score.unwrap_or(0.0))));
    let fixed_in = candidate.sorted(group.iter().flat_map(|a| candidate.fixes_of(a)));
    let mut places: Vec<_> = packages.iter().map(|p| p.place.clone()).collect();
    places.sort();
    places.dedup();
    let mut brought_by: Vec<_> = packages.iter().flat_map(|p| p.brought_by.clone()).collect();
    brought_by.sort();
    brought_by.dedup();
    // A notice beside a vulnerability is that vulnerability.
    let is_notice = group.iter().all(|a| a.notice.is_some());
    Some(Finding {
        id: ids.first().map(|id| (*id).clone())?,
        aliases: ids.iter().skip(1).map(|id| (*id).clone()).collect(),
        severity: worst.map(|a| a.rating).unwrap_or_default(),
        score: worst.and_then(|a| a.score),
        malicious: group.iter().any(Advisory::is_malicious),
        notice: first.notice.clone().filter(|_| is_notice),
        exploited: group.iter().any(|a| a.exploited),
        epss: group.iter().filter_map(|a| a.epss).max_by(f32::total_cmp),
        summary: group.iter().map(|a| &a.summary).find(|s| !s.is_empty()).cloned().unwrap_or_default(),
        published: group.iter().filter_map(|a| a.published).min(),
        ecosystem: package.ecosystem.clone(),
        package: package.name.clone(),
        version: package.version.clone(),
        source: Some(package.advisory_name()).filter(|n| *n != package.name).map(str::to_owned),
        purl: package.purl(),
        places,
        vendored_in: package.vendored_in.clone(),
        brought_by,
        fixed_in,
        fixes_everything: safe.map(str::to_owned),
        fails: false,
        waiver: None,
        ended_waiver: None,
        leeway_until: None,
    })
}
