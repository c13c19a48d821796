//! Findings as CSV (RFC 4180), one in each line. Pure.

use crate::findings::{Finding, ScanResult};
use crate::model::sanitize;

/// Longest cell in characters; spreadsheets take no more.
const MAX_CELL: usize = 32_000;

const HEADER: &str = "id,aliases,severity,score,malicious,exploited,epss,ecosystem,package,version,places,brought_by,fixed_in,fixes_everything,fails,waived_until,published,summary";

/// Renders the findings.
pub fn render(result: &ScanResult) -> String {
    let rows = result.findings.iter().map(row);
    std::iter::once(HEADER.to_owned()).chain(rows).map(|r| r + "\r\n").collect()
}

fn row(finding: &Finding) -> String {
    let number = |n: Option<f32>| n.map(|n| n.to_string()).unwrap_or_default();
    let places: Vec<String> = finding.places.iter().map(ToString::to_string).collect();
    let cells = [
        finding.id.clone(),
        finding.aliases.join(" "),
        finding.severity.to_string(),
        number(finding.score),
        finding.malicious.to_string(),
        finding.exploited.to_string(),
        number(finding.epss),
        finding.ecosystem.to_string(),
        finding.package.clone(),
        finding.version.clone(),
        places.join(" "),
        finding.brought_by.join(" "),
        finding.fixed_in.join(" "),
        finding.fixes_everything.clone().unwrap_or_default(),
        finding.fails.to_string(),
        finding.waiver.as_ref().map(|w| w.expires.clone().unwrap_or("always".into())).unwrap_or_default(),
        finding.published.map(|t| t.to_string()).unwrap_or_default(),
        finding.summary.clone(),
    ];
    cells.iter().map(|c| cell(c)).collect::<Vec<_>>().join(",")
}

/// Quotes a cell. A spreadsheet must not take it for a formula, and a terminal not for a command.
pub fn cell(text: &str) -> String {
    let text = sanitize::one_line(text, MAX_CELL);
    let guard = if text.starts_with(['=', '+', '-', '@']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        assert_eq!(cell("plain"), "\"plain\"");
        assert_eq!(cell("a\u{1b}[2J\u{202e}\tb"), "\"a\u{fffd}[2J\u{fffd} b\"");
        assert_eq!(cell("a,b\"c\r\nd"), "\"a,b\"\"c d\"");
        assert_eq!(cell(" =1"), "\"'=1\"");
        assert_eq!(cell("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
        assert_eq!(cell("@scope/name"), "\"'@scope/name\"");
    }
}
