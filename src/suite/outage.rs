//! A case that failed while the engine was away was not judged: nobody knows whose failure it was.

use tokio::time::Instant;

use crate::lifecycle::session::Session;
use crate::model::Verdict;
use crate::report::facts::{CaseFact, CaseFailure};

/// Makes a failed case inconclusive if something was away since it began, and says what.
pub fn excuse(session: &Session, began: Instant, case: CaseFact) -> CaseFact {
    if case.verdict != Some(Verdict::Failed) {
        return case;
    }
    match session.outage_since(began) {
        Some(outage) => excused(case, outage),
        None => case,
    }
}

fn excused(mut case: CaseFact, outage: String) -> CaseFact {
    let source = case.source.clone();
    let step = "the environment during this case".into();
    let expected = "no outage, so that the failure is the service's".into();
    case.failures.push(CaseFailure { step, expected, got: outage, waited_ms: 0, source });
    CaseFact { verdict: Some(Verdict::Inconclusive), ..case }
}
