//! Shared wording of clues, of the logs that a run kept, for every format.

use super::facts::{Clue, Clues, Facts, RawFile};
use crate::model::{Digest, Outcome, sanitize};

/// Maximum length of one line of a log, in characters.
const LONGEST: usize = 400;

/// The likely cause in one sentence.
pub fn likely_cause(clues: &Clues) -> Option<String> {
    clues.likely_cause.as_ref().map(|text| sanitize::one_line(text, LONGEST))
}

/// What the environment says beside the likely cause: ends, log lines, what is missing. Each on one line.
pub fn lines(clues: &Clues) -> Vec<String> {
    if clues.is_empty() {
        return vec![];
    }
    let mut lines: Vec<String> = clues.ended.iter().map(|end| sanitize::one_line(end, LONGEST)).collect();
    lines.extend(clues.lines.iter().map(line));
    if clues.left_out > 0 {
        lines.push(format!("and {} more such lines", clues.left_out));
    }
    if clues.lines.is_empty() {
        let units = sanitize::one_line(&clues.units.join(", "), LONGEST);
        lines.push(format!("no warning and no error in the logs of {units}"));
    }
    lines.extend(clues.gaps.iter().map(|gap| format!("log incomplete: {}", sanitize::one_line(gap, LONGEST))));
    lines
}

fn line(clue: &Clue) -> String {
    let times = if clue.times > 1 { format!(" (and {} more like it)", clue.times - 1) } else { String::new() };
    let (unit, text) = (sanitize::one_line(&clue.unit, 60), sanitize::one_line(&clue.text, LONGEST));
    format!("{unit} {}: {text}{times}", clue.at.strftime("%H:%M:%S"))
}

/// The logs and states that were collected before the removal: the name of each, and its place in the evidence folder. None of a
/// run that passed.
pub fn kept_files(facts: &Facts) -> Vec<(String, String)> {
    // A damaged digest is no place.
    let place = |file: &RawFile| {
        let digest: Digest = format!("sha256:{}", file.sha256).parse().ok()?;
        Some((sanitize::one_line(&file.name, 100), format!("raw/{}", digest.hex())))
    };
    if facts.outcome() == Outcome::Passed { vec![] } else { facts.traces.iter().filter_map(place).collect() }
}
