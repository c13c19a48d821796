//! One waiver, and its state on a day. Pure.

use jiff::ToSpan as _;
use jiff::civil::Date;

use crate::findings::Finding;
use crate::findings::WaiverState;
use crate::packages::{Ecosystem, Place};

/// How long before its end a waiver warns, in days.
const WARN_DAYS: i64 = 14;

/// The justifications of OpenVEX.
pub const JUSTIFICATIONS: [&str; 5] = [
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
];

/// A finding that somebody accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// An id of the advisory, or an alias.
    pub id: String,
    /// Packages that it is for.
    pub products: Products,
    /// Why.
    pub reason: String,
    /// Name of the person who accepts it.
    pub approver: String,
    /// The first day; none for any.
    pub effective_on: Option<Date>,
    /// The last day; none only where the format knows no end.
    pub expires: Option<Date>,
    /// A justification of OpenVEX: the finding does not affect the product.
    pub justification: Option<String>,
    /// Where it stands.
    pub place: Place,
    /// Why it cannot be used.
    pub invalid: Option<String>,
}

/// Packages of a waiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Products {
    /// Every package that the advisory names.
    Any,
    /// A package by its normalised name, in these versions or in all.
    Package {
        /// Ecosystem; none for any.
        ecosystem: Option<Ecosystem>,
        /// Name as it is written.
        name: String,
        /// Versions; empty for all.
        versions: Vec<String>,
    },
    /// Package URLs; without a version for all versions.
    Purls(Vec<String>),
}

impl Waiver {
    /// The state on a day.
    pub fn state(&self, today: Date) -> WaiverState {
        let ends = self.expires;
        if self.invalid.is_some() {
            WaiverState::Invalid
        } else if ends.is_some_and(|d| d < today) {
            WaiverState::Expired
        } else if self.effective_on.is_some_and(|d| d > today) {
            WaiverState::Pending
        } else if ends.is_some_and(|d| d <= today.saturating_add(WARN_DAYS.days())) {
            WaiverState::Expiring
        } else {
            WaiverState::Active
        }
    }

    /// Returns true if it is for a finding.
    pub fn covers(&self, finding: &Finding) -> bool {
        let is_id = std::iter::once(&finding.id).chain(&finding.aliases).any(|id| *id == self.id);
        is_id
            && match &self.products {
                Products::Any => true,
                Products::Package { ecosystem, name, versions } => {
                    ecosystem.as_ref().is_none_or(|e| *e == finding.ecosystem)
                        && finding.ecosystem.normalise(name) == finding.package
                        && (versions.is_empty() || versions.contains(&finding.version))
                }
                Products::Purls(purls) => {
                    finding.purl.as_ref().is_some_and(|own| purls.iter().any(|purl| is_same(purl, own)))
                }
            }
    }
}

/// The same package, and the same version if the first has one.
fn is_same(purl: &str, own: &str) -> bool {
    let ((name, version), (own_name, own_version)) = (parts(purl), parts(own));
    name == own_name && version.is_none_or(|v| Some(v) == own_version)
}

/// Name and version of a package URL, decoded, without qualifiers and subpath.
fn parts(purl: &str) -> (String, Option<String>) {
    let purl = purl.split(['?', '#']).next().unwrap_or_default();
    let at = purl.rfind('@').filter(|at| purl[*at..].find('/').is_none() && purl[..*at].contains('/'));
    // The `@` of an npm scope stands before a slash, or is all there is before the name.
    let (name, version) = at.map_or((purl, None), |at| (&purl[..at], Some(decoded(&purl[at + 1..]))));
    let name = decoded(name);
    let name = match name.strip_prefix("pkg:pypi/") {
        Some(rest) => format!("pkg:pypi/{}", Ecosystem::pypi().normalise(rest)),
        None => name,
    };
    (name, version)
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (vec![], text.as_bytes());
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|h| std::str::from_utf8(h).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_package_url_without_a_version_is_for_all_versions() {
        for (purl, own, expected) in [
            ("pkg:pypi/Demo_Web", "pkg:pypi/demo-web@2.1", true),
            ("pkg:pypi/demo-web@2.1?x=y", "pkg:pypi/demo-web@2.1", true),
            ("pkg:pypi/demo-web@2.0", "pkg:pypi/demo-web@2.1", false),
            ("pkg:npm/@s/a", "pkg:npm/%40s/a@1.0.0", true),
            ("pkg:npm/%40s/a@1.0.0", "pkg:npm/%40s/a@1.0.0", true),
            ("pkg:cargo/a@1.0.0+x", "pkg:cargo/a@1.0.0%2Bx", true),
            ("pkg:pypi/demo", "pkg:pypi/demo-web@2.1", false),
            ("pkg:npm/demo-web", "pkg:pypi/demo-web@2.1", false),
        ] {
            assert_eq!(is_same(purl, own), expected, "{purl} {own}");
        }
    }

    #[test]
    fn a_waiver_begins_warns_and_ends() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let waiver = Waiver {
            id: "X".into(),
            products: Products::Any,
            reason: "r".into(),
            approver: "a".into(),
            effective_on: Some(day("2026-06-01")),
            expires: Some(day("2026-07-31")),
            justification: None,
            place: Place { file: "w".into(), line: None },
            invalid: None,
        };
        for (today, state) in [
            ("2026-05-31", WaiverState::Pending),
            ("2026-06-01", WaiverState::Active),
            ("2026-07-16", WaiverState::Active),
            ("2026-07-17", WaiverState::Expiring),
            ("2026-07-31", WaiverState::Expiring),
            ("2026-08-01", WaiverState::Expired),
        ] {
            assert_eq!(waiver.state(day(today)), state, "{today}");
        }
        assert_eq!(Waiver { invalid: Some("x".into()), ..waiver }.state(day("2026-06-01")), WaiverState::Invalid);
    }
}
