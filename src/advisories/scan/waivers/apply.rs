//! Applies waivers, and the leeway of the policy, to findings. Pure.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::waiver::Waiver;
use crate::findings::Finding;
use crate::findings::Rating;
use crate::findings::{AppliedWaiver, WaiverState, WaiverUse};
use crate::policy::DependencyLimits;

/// Lets findings pass that are waived, or that were published a short time ago; fails those whose waiver ended. Returns every waiver with
/// its state.
pub fn apply(
    findings: &mut [Finding],
    waivers: &[Waiver],
    limits: &DependencyLimits,
    now: Timestamp,
) -> Vec<WaiverUse> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let mut uses: Vec<WaiverUse> = waivers.iter().map(|w| told(w, today)).collect();
    for finding in findings {
        let mut best: Option<(usize, WaiverState)> = None;
        for (i, waiver) in waivers.iter().enumerate().filter(|(_, w)| w.covers(finding)) {
            uses[i].used = true;
            let state = waiver.state(today);
            if best.is_none_or(|(_, other)| state > other) {
                best = Some((i, state));
            }
        }
        match best {
            Some((i, WaiverState::Active | WaiverState::Expiring)) => {
                finding.fails = false;
                finding.waiver = Some(applied(&waivers[i]));
            }
            Some((i, WaiverState::Expired)) => {
                finding.fails = true;
                finding.ended_waiver = Some(applied(&waivers[i]));
            }
            _ => leeway(finding, limits, now),
        }
    }
    uses
}

/// Lets a finding pass that was published a short time ago, unless it is malicious or known to be exploited.
fn leeway(finding: &mut Finding, limits: &DependencyLimits, now: Timestamp) {
    let leeway = &limits.leeway;
    let ms = match finding.severity {
        Rating::Unknown | Rating::None => 0,
        Rating::Low => leeway.low_ms,
        Rating::Medium => leeway.medium_ms,
        Rating::High => leeway.high_ms,
        Rating::Critical => leeway.critical_ms,
    };
    let Some(published) = finding.published.filter(|_| ms > 0 && !finding.malicious && !finding.exploited) else {
        return;
    };
    let end = published.as_millisecond().saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
    if finding.fails && now.as_millisecond() < end {
        finding.fails = false;
        finding.leeway_until = Timestamp::from_millisecond(end).ok();
    }
}

fn applied(waiver: &Waiver) -> AppliedWaiver {
    AppliedWaiver {
        place: waiver.place.clone(),
        reason: waiver.reason.clone(),
        approver: waiver.approver.clone(),
        expires: waiver.expires.map(|d| d.to_string()),
        justification: waiver.justification.clone(),
    }
}

fn told(waiver: &Waiver, today: Date) -> WaiverUse {
    WaiverUse {
        id: waiver.id.clone(),
        state: waiver.state(today),
        used: false,
        place: waiver.place.clone(),
        effective_on: waiver.effective_on.map(|d| d.to_string()),
        expires: waiver.expires.map(|d| d.to_string()),
        invalid: waiver.invalid.clone(),
    }
}
