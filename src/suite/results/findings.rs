//! Turns the findings of scanners into cases: one that the scan completed, and one for each finding that fails.
//!
//! A finding below the limit, or one that somebody dismissed, is a step of the scan's case: it stays visible. A severity
//! that is not known could be any, so the finding is inconclusive.

use super::case::{add_failure, passed};
use super::limits::{MAX_CASES, MAX_NAME, MAX_TEXT};
use super::result_file::{Problem, ResultFile};
use super::text::cut;
use crate::model::Verdict;
use crate::report::facts::{CaseFact, StepFact};
use crate::spec::model::Severity;

/// Most findings that are listed as steps of a scan.
const MAX_LISTED: usize = 200;

/// One scan of one tool.
pub(super) struct Scan {
    /// The tool, or what it scanned.
    pub(super) id: String,
    pub(super) findings: Vec<Finding>,
    /// Why the scan proves nothing, if it does not.
    pub(super) doubt: Option<String>,
}

/// One finding.
pub(super) struct Finding {
    /// Rule or vulnerability.
    pub(super) id: String,
    pub(super) title: String,
    pub(super) rating: Rating,
    pub(super) text: String,
    /// File and line, address or component.
    pub(super) place: Option<String>,
    /// The place is a file and a line of the repository.
    pub(super) in_file: bool,
}

/// How bad a finding is.
pub(super) enum Rating {
    /// None is for information only.
    Known(Option<Severity>),
    /// Nobody said, or it needs a person.
    Unknown(String),
    /// Somebody judged that it is no problem.
    Dismissed(String),
}

/// Makes the cases of a file, at most `room`.
pub(super) fn cases(scans: Vec<Scan>, room: usize, fail_on: Severity) -> ResultFile {
    let mut cases = vec![];
    for scan in scans {
        let (listed, judged): (Vec<_>, Vec<_>) = scan.findings.into_iter().partition(|f| is_below(&f.rating, fail_on));
        cases.push(completed(&scan.id, &listed, scan.doubt.as_deref(), fail_on));
        cases.extend(judged.into_iter().take(room + 1).map(|finding| judge(&scan.id, finding, fail_on)));
        if cases.len() > room {
            cases.truncate(room);
            let why = format!("there are more than {MAX_CASES} cases");
            return ResultFile { cases, problem: Some(Problem::Unreadable(why)) };
        }
    }
    ResultFile { cases, problem: None }
}

fn is_below(rating: &Rating, fail_on: Severity) -> bool {
    match rating {
        Rating::Known(severity) => severity.is_none_or(|s| s < fail_on),
        Rating::Dismissed(_) => true,
        Rating::Unknown(_) => false,
    }
}

fn completed(scan: &str, listed: &[Finding], doubt: Option<&str>, fail_on: Severity) -> CaseFact {
    let mut case = passed(scan, "the scan completed");
    let step = |f: &Finding| {
        let (word, why) = match &f.rating {
            Rating::Known(severity) => (word(*severity), format!("below {}", fail_on.word())),
            Rating::Dismissed(why) => ("dismissed", why.clone()),
            Rating::Unknown(why) => ("unknown", why.clone()),
        };
        let at = f.place.as_ref().map(|p| format!(" at {p}")).unwrap_or_default();
        StepFact {
            did: cut(&format!("{word} finding {}{at}: {}", f.id, f.title), MAX_NAME),
            saw: cut(&why, MAX_NAME),
            verdict: Verdict::Passed,
            took_ms: 0,
        }
    };
    case.steps = listed.iter().take(MAX_LISTED).map(step).collect();
    if listed.len() > MAX_LISTED {
        let did = format!("and {} more findings that do not fail", listed.len() - MAX_LISTED);
        case.steps.push(StepFact { did, saw: String::new(), verdict: Verdict::Passed, took_ms: 0 });
    }
    if let Some(doubt) = doubt {
        case.verdict = Some(Verdict::Inconclusive);
        add_failure(&mut case, "scan", "a complete scan", doubt);
    }
    case
}

fn judge(scan: &str, finding: Finding, fail_on: Severity) -> CaseFact {
    let at = finding.place.as_ref().map(|p| format!(" at {p}")).unwrap_or_default();
    let mut case = passed(&format!("{}{at}", finding.id), &finding.title);
    if finding.in_file {
        case.source = finding.place.map(|p| cut(&p, MAX_NAME));
    }
    let (verdict, step) = match finding.rating {
        Rating::Unknown(why) => (Verdict::Inconclusive, format!("finding of {scan}: {why}")),
        Rating::Known(severity) => (Verdict::Failed, format!("{} finding of {scan}", word(severity))),
        Rating::Dismissed(_) => (Verdict::Passed, String::new()),
    };
    (case.verdict, case.failed_attempts) = (Some(verdict), u8::from(verdict == Verdict::Failed));
    let expected = format!("no finding from severity {}", fail_on.word());
    add_failure(&mut case, &step, &expected, &cut(&finding.text, MAX_TEXT));
    case
}

fn word(severity: Option<Severity>) -> &'static str {
    severity.map_or("informational", Severity::word)
}
