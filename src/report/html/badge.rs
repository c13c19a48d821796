//! CSS class and mark of a verdict.

/// The CSS class and the mark of an outcome or verdict; colour is never the only sign.
pub(super) fn badge(word: &str) -> (&'static str, &'static str) {
    match word {
        "PASSED" | "passed" => ("good", "✓"),
        "FAILED" | "ERROR" | "failed" => ("bad", "✗"),
        "skipped" => ("none", "–"),
        _ => ("unsure", "?"),
    }
}
