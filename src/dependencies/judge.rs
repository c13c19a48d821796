//! The verdict about a change, by the policy. Pure.

use super::change::{ChangeKind, DependencyDiff, Effect, Signal};
use crate::advisories::scan::ScanResult;
use crate::model::Verdict;
use crate::policy::{DependencyLimits, Reaction};

/// Most signals that are named one by one as reasons.
const MAX_NAMED: usize = 5;

/// Sets the verdict and its reasons. `scan` is that of what the change brings; none if it brings nothing.
pub fn judge(diff: &mut DependencyDiff, scan: Option<ScanResult>, limits: &DependencyLimits) {
    let (mut failures, mut doubts) = (vec![], vec![]);
    if diff.kind == ChangeKind::Mixed && limits.mixed == Reaction::Fail {
        failures.push(
            "it changes dependencies and code, and the policy wants them in pull requests of their own".to_owned(),
        );
    }
    if let Some(scan) = scan {
        let mut reasons = scan.reasons;
        if scan.verdict == Verdict::Failed && !reasons.is_empty() {
            failures.push(format!("it brings {}", reasons.remove(0)));
        }
        doubts.extend(reasons);
        (diff.brought_in, diff.undecided) = (scan.findings, scan.undecided);
        (diff.coverage, diff.database) = (scan.coverage, scan.database);
        // Others may be for what the change does not touch.
        diff.waivers = scan.waivers.into_iter().filter(|w| w.used).collect();
    }
    let of = |effect| diff.signals.iter().filter(move |s| s.effect == effect).map(reason).collect::<Vec<_>>();
    named(&mut failures, of(Effect::Fails));
    named(&mut doubts, of(Effect::Inconclusive));
    diff.verdict = match (failures.is_empty(), doubts.is_empty()) {
        (false, _) => Verdict::Failed,
        (true, false) => Verdict::Inconclusive,
        (true, true) => Verdict::Passed,
    };
    diff.reasons = failures.into_iter().chain(doubts).collect();
}

fn reason(signal: &Signal) -> String {
    let Signal { kind, package, version, place, text, .. } = signal;
    format!("{}, {package} {version} ({place}): {text}", kind.words())
}

fn named(reasons: &mut Vec<String>, all: Vec<String>) {
    let more = all.len().saturating_sub(MAX_NAMED);
    reasons.extend(all.into_iter().take(MAX_NAMED));
    if more > 0 {
        reasons.push(format!("and {more} more like that"));
    }
}
