//! The limits of one subject, each with the line that set it. Pure.

use super::model::{Departure, Leeway, LimitSet, PolicyDocument, Reaction};
use crate::spec::document::SourceText;
use crate::spec::model::Severity;
use crate::spec::quantity;

/// A limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceiling<T> {
    /// The most that is allowed, or everything that is allowed.
    pub value: T,
    /// Line of the policy that set it; none for a built-in limit.
    pub line: Option<usize>,
}

/// Limits of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Departures from the secure defaults.
    pub departures: Ceiling<Vec<Departure>>,
    /// Capabilities.
    pub capabilities: Ceiling<Vec<String>>,
    /// Patterns of images; none for every registry with a public name.
    pub registries: Ceiling<Option<Vec<String>>>,
    /// Bytes of memory of all containers of an environment together.
    pub memory: Ceiling<u64>,
    /// Thousandths of a processor of all containers of an environment together.
    pub cpu_millis: Ceiling<u64>,
    /// Copies of one service.
    pub replicas: Ceiling<u8>,
    /// Lifetime of an environment in milliseconds.
    pub ttl_ms: Ceiling<u64>,
    /// Environments of one owner that exist at the same time, kept ones included.
    pub environments: Ceiling<u16>,
    /// What a scan of dependencies accepts.
    pub dependencies: DependencyLimits,
}

/// What a scan of dependencies accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependencyLimits {
    /// Lowest severity that fails.
    pub fail_on: Severity,
    /// What a vulnerability without a severity does.
    pub unknown_severity: Reaction,
    /// What a notice does.
    pub notices: Reaction,
    /// Longest age of the advisories in milliseconds.
    pub max_age_ms: u64,
    /// Advisories must have a signature that was verified.
    pub signed: bool,
    /// What a change does that touches dependencies and code.
    pub mixed: Reaction,
    /// How long a new version must have been public, in milliseconds.
    pub cooldown_ms: u64,
    /// What a new version without a time of upload does; none for inconclusive.
    pub unknown_age: Option<Reaction>,
    /// What another publisher does.
    pub publisher_changed: Reaction,
    /// What another source does.
    pub source_changed: Reaction,
    /// What new code at installation does.
    pub install_code: Reaction,
    /// Names that look like popular ones, and are known to be right.
    pub known_names: Vec<String>,
    /// Longest time between two assessments in milliseconds; none for that of the register.
    pub reassess_ms: Option<u64>,
    /// What an explicit dependency does whose version nobody reviewed.
    pub reviews: Reaction,
    /// How long after its publication a vulnerability does not fail yet.
    pub leeway: LeewayLimits,
}

/// A duration in milliseconds for each severity; 0 for none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeewayLimits {
    /// Of low severity.
    pub low_ms: u64,
    /// Of medium severity.
    pub medium_ms: u64,
    /// Of high severity.
    pub high_ms: u64,
    /// Of critical severity.
    pub critical_ms: u64,
}

impl Default for DependencyLimits {
    fn default() -> Self {
        Self {
            fail_on: Severity::Low,
            unknown_severity: Reaction::Fail,
            notices: Reaction::Pass,
            max_age_ms: 7 * DAY_MS,
            signed: false,
            mixed: Reaction::Pass,
            cooldown_ms: 0,
            unknown_age: None,
            publisher_changed: Reaction::Fail,
            source_changed: Reaction::Fail,
            install_code: Reaction::Pass,
            known_names: vec![],
            reassess_ms: None,
            reviews: Reaction::Pass,
            leeway: LeewayLimits::default(),
        }
    }
}

/// Built-in limit of memory: enough for a dozen services, two databases and a broker of the default sizes.
const MEMORY: u64 = 8 << 30;
/// Built-in limit of processors, in thousandths.
const CPU_MILLIS: u64 = 16_000;
/// Built-in limit of copies.
const REPLICAS: u8 = 3;
/// Built-in limit of the lifetime.
const TTL_MS: u64 = 24 * 60 * 60 * 1000;
/// Built-in limit of environments.
const ENVIRONMENTS: u16 = 10;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Longest age of advisories.
const LONGEST_AGE_MS: u64 = 366 * DAY_MS;

impl Limits {
    /// The limits of a policy for the subjects of a rule, or for everybody else.
    pub(super) fn new(document: &PolicyDocument, rule: Option<usize>, source: Option<&SourceText>) -> Self {
        let mut sets = vec![("default".to_owned(), &document.default)];
        if let Some((i, rule)) = rule.and_then(|i| Some((i, document.rules.get(i)?))) {
            sets.insert(0, (format!("rules[{i}].allow"), &rule.allow));
        }
        let locations = source.map(SourceText::locations).unwrap_or_default();
        let pick = Pick { sets, line: |path: &str| locations.get(path).map(|(line, _)| *line) };
        Self {
            departures: pick.first("departures", |s| s.departures.clone(), vec![]),
            capabilities: pick.first("capabilities", |s| s.capabilities.clone(), vec![]),
            registries: pick.first("registries", |s| s.registries.clone().map(Some), None),
            // A valid policy has only quantities that can be read.
            memory: pick.first("memory", |s| s.memory.as_ref().map(|t| quantity::memory_bytes(t).unwrap_or(0)), MEMORY),
            cpu_millis: pick.first("cpu", |s| s.cpu.as_ref().map(|t| quantity::cpu_millis(t).unwrap_or(0)), CPU_MILLIS),
            replicas: pick.first("replicas", |s| s.replicas, REPLICAS),
            ttl_ms: pick.first("ttl", |s| s.ttl.as_ref().map(|t| life(t).unwrap_or(0)), TTL_MS),
            environments: pick.first("environments", |s| s.environments, ENVIRONMENTS),
            dependencies: dependencies(&pick.sets),
        }
    }
}

/// Each field from the first set that has it.
fn dependencies(sets: &[(String, &LimitSet)]) -> DependencyLimits {
    let rules = || sets.iter().filter_map(|(_, set)| set.dependencies.as_ref());
    let built_in = DependencyLimits::default();
    DependencyLimits {
        fail_on: rules().find_map(|r| r.fail_on).unwrap_or(built_in.fail_on),
        unknown_severity: rules().find_map(|r| r.unknown_severity).unwrap_or(built_in.unknown_severity),
        notices: rules().find_map(|r| r.notices).unwrap_or(built_in.notices),
        // A valid policy has only durations that can be read.
        max_age_ms: rules().find_map(|r| r.max_age.as_ref()).map_or(built_in.max_age_ms, |t| age(t).unwrap_or(0)),
        signed: rules().find_map(|r| r.signed).unwrap_or(built_in.signed),
        mixed: rules().find_map(|r| r.mixed).unwrap_or(built_in.mixed),
        cooldown_ms: rules().find_map(|r| r.cooldown.as_ref()).map_or(0, |t| age(t).unwrap_or(u64::MAX)),
        unknown_age: rules().find_map(|r| r.unknown_age),
        publisher_changed: rules().find_map(|r| r.publisher_changed).unwrap_or(built_in.publisher_changed),
        source_changed: rules().find_map(|r| r.source_changed).unwrap_or(built_in.source_changed),
        install_code: rules().find_map(|r| r.install_code).unwrap_or(built_in.install_code),
        reassess_ms: rules().find_map(|r| r.reassess.as_ref()).map(|t| age(t).unwrap_or(0)),
        reviews: rules().find_map(|r| r.reviews).unwrap_or(built_in.reviews),
        leeway: rules().find_map(|r| r.leeway.as_ref()).map(leeway).unwrap_or_default(),
        known_names: rules().find_map(|r| r.known_names.clone()).unwrap_or_default(),
    }
}

fn leeway(of: &Leeway) -> LeewayLimits {
    let ms = |text: &Option<String>| text.as_ref().map_or(0, |t| age(t).unwrap_or(0));
    LeewayLimits {
        low_ms: ms(&of.low),
        medium_ms: ms(&of.medium),
        high_ms: ms(&of.high),
        critical_ms: ms(&of.critical),
    }
}

/// An age in milliseconds.
pub(super) fn age(text: &str) -> Result<u64, String> {
    quantity::duration_ms(text, LONGEST_AGE_MS)
}

/// A lifetime in milliseconds.
pub(super) fn life(text: &str) -> Result<u64, String> {
    quantity::duration_ms(text, quantity::LONGEST_LIFE_MS)
}

/// Finds each field in the first set that has it.
struct Pick<'a, L: Fn(&str) -> Option<usize>> {
    sets: Vec<(String, &'a LimitSet)>,
    line: L,
}

impl<L: Fn(&str) -> Option<usize>> Pick<'_, L> {
    fn first<T>(&self, field: &str, of: impl Fn(&LimitSet) -> Option<T>, built_in: T) -> Ceiling<T> {
        let found = self.sets.iter().find_map(|(path, set)| Some((path, of(set)?)));
        match found {
            Some((path, value)) => Ceiling { value, line: (self.line)(&format!("{path}.{field}")) },
            None => Ceiling { value: built_in, line: None },
        }
    }
}
