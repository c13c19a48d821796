//! A whole scan: packages and a bundle → a result.

use super::judge::{ScanRules, judge_with};
use super::matcher::{Matches, match_packages};
use super::waivers::Waiver;
use crate::advisories::bundle::{Bundle, Trust};
use crate::findings::{Database, ScanResult, Subject};

/// The bundle of advisories, or why there is none that could be used.
#[derive(Debug, Default)]
pub enum Opened {
    /// It can be used.
    Bundle(Box<Bundle>),
    /// Nothing names one.
    #[default]
    None,
    /// It cannot be used, and why.
    Unusable(String),
}

/// Looks up every package and judges the findings by the rules.
pub fn perform(subject: Subject, opened: &Opened, rules: &ScanRules, waivers: &[Waiver]) -> ScanResult {
    let bundle = match opened {
        Opened::Bundle(bundle) => bundle,
        Opened::None => return judge_with(subject, Matches::default(), None, None, rules, waivers),
        Opened::Unusable(why) => {
            return judge_with(subject, Matches::default(), None, Some(why.clone()), rules, waivers);
        }
    };
    match match_packages(&subject, bundle) {
        Ok(matches) => {
            judge_with(subject, matches, Some((Database::of(bundle), &bundle.header.ecosystems)), None, rules, waivers)
        }
        Err(e) => judge_with(subject, Matches::default(), None, Some(format!("failed to {e}")), rules, waivers),
    }
}

impl Database {
    /// Describes an open bundle.
    pub fn of(bundle: &Bundle) -> Self {
        Self {
            digest: bundle.digest.to_string(),
            sequence: bundle.header.sequence,
            snapshot: bundle.header.snapshot,
            verified_by: match &bundle.trust {
                Trust::Verified(keyid) => Some(keyid.clone()),
                Trust::Unchecked(_) => None,
            },
        }
    }
}
