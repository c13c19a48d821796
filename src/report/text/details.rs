//! Texts of others for a terminal or a CI log: one line, several, the failures of a case, the end of a log.

use crate::model::sanitize;
use crate::report::excerpt::excerpt;
use crate::report::facts::CaseFact;
use crate::report::{clues, display};

/// Maximum number of lines of one text.
const LINES: usize = 30;
/// Maximum number of log lines of a failed unit.
const LOG_LINES: usize = 100;
/// Maximum length of a log line, in characters.
const LOG_WIDTH: usize = 400;

/// The failures of a case, as labels and texts: where it is, and for each failure the step, the expectation, the
/// observation and the time; then the likely cause, and what the environment said meanwhile.
pub fn case_details(case: &CaseFact) -> Vec<(&'static str, String)> {
    let at = case.failures.iter().find_map(|f| f.source.as_ref()).or(case.source.as_ref());
    let at = at.map(|at| ("at", line(at, 300)));
    let failures = case.failures.iter().flat_map(|f| {
        let waited = display::waited(f).map(|waited| ("waited", waited));
        [("step", lines(&f.step)), ("expected", lines(&f.expected)), ("got", lines(&f.got))].into_iter().chain(waited)
    });
    let likely = clues::likely_cause(&case.clues).map(|text| ("likely", sanitize::without_ci_commands(&text)));
    let logs = clues::lines(&case.clues).join("\n");
    let logs = (!logs.is_empty()).then(|| ("logs", sanitize::without_ci_commands(&logs)));
    at.into_iter().chain(failures).chain(likely).chain(logs).collect()
}

/// The last lines of a log, each on one line, after a line that says how many are left out.
pub fn log_end(log: &[String]) -> Vec<String> {
    let from = log.len().saturating_sub(LOG_LINES);
    let left_out = (from > 0).then(|| format!("… {from} lines left out …"));
    // The indentation stays: tracebacks need it.
    let shown = |text: &String| sanitize::cut(sanitize::printable(text).replace('\n', " ").trim_end(), LOG_WIDTH);
    let shown = log[from..].iter().map(|text| sanitize::without_ci_commands(&shown(text)));
    left_out.into_iter().chain(shown).collect()
}

/// One line of hostile text for a terminal or a CI log.
pub(super) fn line(text: &str, most: usize) -> String {
    sanitize::without_ci_commands(&sanitize::one_line(text, most))
}

/// The beginning and the end of such a text.
pub(super) fn lines(text: &str) -> String {
    sanitize::without_ci_commands(&excerpt(text, LINES))
}
