//! Collects records into the values of a bundle. Of records with the same id, the one that was changed last counts. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::lists::{Epss, Kev};
use crate::advisories::advisory::Advisory;
use crate::advisories::bundle::{Contents, Counts, EcosystemFacts, Key};
use crate::advisories::record::Record;
use crate::packages::Ecosystem;

/// Values as JSON, by the id of their record.
type ById = BTreeMap<String, Box<[u8]>>;

/// What was collected so far.
#[derive(Default)]
pub(super) struct Merge {
    kev: Kev,
    epss: Epss,
    records: BTreeMap<String, Stored>,
    /// The advisories of each package.
    packages: BTreeMap<(Ecosystem, String), ById>,
    snapshots: BTreeMap<Ecosystem, Timestamp>,
}

struct Stored {
    modified: Option<Timestamp>,
    aliases: Vec<String>,
    is_withdrawn: bool,
    is_malicious: bool,
    packages: Vec<(Ecosystem, String)>,
    summary: Box<[u8]>,
}

/// What the records of one source say about time.
#[derive(Debug, Default)]
pub(super) struct SourceFacts {
    /// The last change of a record.
    pub newest: Option<Timestamp>,
    /// The ecosystems of its records.
    pub ecosystems: BTreeSet<Ecosystem>,
}

impl Merge {
    pub(super) fn new(kev: Kev, epss: Epss) -> Self {
        Self { kev, epss, ..Self::default() }
    }

    /// Adds a record.
    pub(super) fn add(&mut self, record: Record, source: &mut SourceFacts) -> Result<(), String> {
        let parts = record.parts()?;
        let (id, modified) = (parts.summary.id.clone(), parts.summary.modified);
        source.newest = source.newest.max(modified);
        source.ecosystems.extend(parts.advisories.iter().map(|(e, ..)| e.clone()));
        if let Some(before) = self.records.get(&id) {
            if before.modified >= modified {
                return Ok(());
            }
            for package in before.packages.clone() {
                self.packages.entry(package).and_modify(|all| drop(all.remove(&id)));
            }
        }
        let json =
            |value: serde_json::Result<Vec<u8>>| value.map(Vec::into_boxed_slice).map_err(|e| format!("{id}: {e}"));
        let mut packages = vec![];
        let mut is_malicious = false;
        for (ecosystem, name, advisory) in parts.advisories {
            let advisory = self.rated(advisory);
            is_malicious |= advisory.is_malicious();
            let value = json(serde_json::to_vec(&advisory))?;
            self.packages.entry((ecosystem.clone(), name.clone())).or_default().insert(id.clone(), value);
            packages.push((ecosystem, name));
        }
        let stored = Stored {
            modified,
            aliases: parts.summary.aliases.clone(),
            is_withdrawn: parts.summary.withdrawn.is_some(),
            is_malicious,
            packages,
            summary: json(serde_json::to_vec(&parts.summary))?,
        };
        self.records.insert(id, stored);
        Ok(())
    }

    /// Adds what the lists say about its ids.
    fn rated(&self, advisory: Advisory) -> Advisory {
        let ids = || std::iter::once(&advisory.id).chain(&advisory.aliases);
        let exploited = ids().any(|id| self.kev.ids.contains(id));
        let epss = ids().filter_map(|id| self.epss.scores.get(id).copied()).max_by(f32::total_cmp);
        Advisory { exploited, epss, ..advisory }
    }

    /// Notes when the source of some ecosystems was taken; of several sources, the oldest counts.
    pub(super) fn note_snapshot(&mut self, source: &SourceFacts, snapshot: Timestamp) {
        for ecosystem in &source.ecosystems {
            let noted = self.snapshots.entry(ecosystem.clone()).or_insert(snapshot);
            *noted = snapshot.min(*noted);
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let count = |is: fn(&Stored) -> bool| self.records.values().filter(|s| is(s)).count();
        Counts {
            total: count(|s| !s.is_withdrawn),
            malicious: count(|s| s.is_malicious),
            withdrawn: count(|s| s.is_withdrawn),
        }
    }

    /// Facts of each ecosystem with a record in force.
    pub(super) fn ecosystems(&self) -> BTreeMap<Ecosystem, EcosystemFacts> {
        let mut facts: BTreeMap<Ecosystem, EcosystemFacts> = BTreeMap::new();
        for record in self.records.values() {
            let of_record: BTreeSet<&Ecosystem> = record.packages.iter().map(|(e, _)| e).collect();
            for ecosystem in of_record {
                let snapshot = self.snapshots.get(ecosystem).copied().unwrap_or(Timestamp::UNIX_EPOCH);
                let entry = facts.entry(ecosystem.clone());
                let entry = entry.or_insert(EcosystemFacts { records: 0, packages: 0, snapshot, newest: None });
                entry.records += 1;
                entry.newest = entry.newest.max(record.modified);
            }
        }
        for ((ecosystem, _), advisories) in &self.packages {
            if let Some(entry) = facts.get_mut(ecosystem).filter(|_| !advisories.is_empty()) {
                entry.packages += 1;
            }
        }
        facts
    }

    /// The values of a bundle.
    pub(super) fn contents(self) -> Contents {
        let mut contents = Contents::new();
        let mut aliases: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (id, record) in self.records {
            for alias in record.aliases {
                aliases.entry(alias).or_default().push(id.clone());
            }
            contents.insert(Key::Record(&id).bytes(), record.summary.into_vec());
        }
        for (alias, ids) in aliases {
            contents.insert(Key::Alias(&alias).bytes(), serde_json::json!(ids).to_string().into_bytes());
        }
        for ((ecosystem, name), advisories) in self.packages {
            let all: Vec<Box<[u8]>> = advisories.into_values().collect();
            if !all.is_empty() {
                contents.insert(
                    Key::Package(&ecosystem, &name).bytes(),
                    [b"[", all.join(&b","[..]).as_slice(), b"]"].concat(),
                );
            }
        }
        contents
    }
}
