//! The example suite of a draft. Pure.

use super::lines::Lines;
use crate::import::draft::Draft;

pub(super) fn suite(out: &mut Lines, draft: &Draft) {
    let of =
        |name: &String| draft.services.iter().find(|s| s.name == *name).and_then(|s| Some((name.clone(), s.port?)));
    let entries: Vec<(String, u16)> = draft.entries.iter().filter_map(of).collect();
    if entries.is_empty() {
        return;
    }
    let names: Vec<String> = entries.iter().map(|(name, _)| name.clone()).collect();
    out.line(0, "");
    out.line(0, "# An example: each of these accepts connections. See docs/suites.md.");
    out.line(0, "suites:");
    out.line(1, "smoke:");
    out.line(2, "kind: acceptance");
    out.list(2, "needs", &names);
    out.line(2, "cases:");
    for (number, (name, port)) in entries.iter().enumerate() {
        out.line(
            3,
            &format!(
                "- {{ id: A{}, name: {name} accepts connections, steps: [ tcp: {{ to: \"{name}:{port}\" }} ] }}",
                number + 1
            ),
        );
    }
}
