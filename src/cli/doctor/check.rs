//! Results of checks, and their text. Pure.

use serde::Serialize;

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Name of the check.
    pub what: &'static str,
    /// It holds.
    pub passed: bool,
    /// Observation.
    pub saw: String,
    /// The fix of a failed check; empty if `saw` contains it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub todo: String,
}

impl Check {
    /// It holds.
    pub fn passed(what: &'static str, saw: impl Into<String>) -> Self {
        Self { what, passed: true, saw: saw.into(), todo: String::new() }
    }

    /// A failed check.
    pub fn failed(what: &'static str, saw: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { what, passed: false, saw: saw.into(), todo: todo.into() }
    }
}

/// Width of the column of names.
const COLUMN: usize = 20;

/// Renders all checks.
pub fn text(checks: &[Check], gaps: &[String]) -> String {
    let mut text = String::new();
    let margin = format!("\n  {:COLUMN$}  ", "");
    for check in checks {
        let sign = if check.passed { '✓' } else { '✗' };
        text += &format!("{sign} {:COLUMN$}  {}\n", check.what, check.saw.replace('\n', &margin));
        if !check.todo.is_empty() {
            text += &format!("{}→ {}\n", &margin[1..], check.todo.replace('\n', &margin));
        }
    }
    if !gaps.is_empty() {
        text += "\nNot enforced by this engine (every report says so):\n";
        text.extend(gaps.iter().map(|gap| format!("  · {gap}\n")));
    }
    let failed = checks.iter().filter(|c| !c.passed).count();
    text + &if failed == 0 {
        "\neverything that a run needs is here\n".to_owned()
    } else {
        format!("\n{failed} of {} checks failed\n", checks.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_fix_below_a_failed_check() {
        let checks = [
            Check::passed("free disk", "9 GiB at /var"),
            Check::failed("images", "a:1: absent\nb:1: absent", "build them"),
        ];
        let margin = " ".repeat(24);
        let expected = format!(
            "✓ free disk             9 GiB at /var\n✗ images                a:1: absent\n{margin}b:1: absent\n{margin}→ build them\n\nNot enforced by this engine (every report says so):\n  · Ports.\n\n1 of 2 checks failed\n"
        );
        assert_eq!(text(&checks, &["Ports.".to_owned()]), expected);
    }
}
