//! The register as a table: text, and CSV for an information security management system. Pure.

use std::fmt::Write as _;

use super::examine::{RegisterReport, Row};
use crate::advisories::scan::csv_cell;
use crate::dependencies::text::verdict;
use crate::model::sanitize;

const HEADER: &str =
    "ecosystem,name,versions,state,purpose,owner,risk,alternatives,assessed_on,assessed_by,due,places,problems";

/// Renders the register as CSV (RFC 4180).
pub fn csv(report: &RegisterReport) -> String {
    let rows = report.dependencies.iter().map(|row| {
        let cells = cells(row);
        cells.iter().map(|c| csv_cell(c)).collect::<Vec<_>>().join(",")
    });
    std::iter::once(HEADER.to_owned()).chain(rows).map(|r| r + "\r\n").collect()
}

fn cells(row: &Row) -> [String; 13] {
    let entry = row.entry.as_ref();
    let text = |of: Option<&Option<String>>| of.and_then(Clone::clone).unwrap_or_default();
    let assessed = entry.and_then(|e| e.assessed.as_ref());
    let join = |all: Vec<String>, by: &str| all.join(by);
    [
        row.ecosystem.to_string(),
        row.name.clone(),
        row.versions.join(" "),
        row.state.word().to_owned(),
        text(entry.map(|e| &e.purpose)),
        text(entry.map(|e| &e.owner)),
        entry.and_then(|e| e.risk).map(|r| r.word().to_owned()).unwrap_or_default(),
        text(entry.map(|e| &e.alternatives)),
        assessed.map(|a| a.on.clone()).unwrap_or_default(),
        assessed.map(|a| a.by.clone()).unwrap_or_default(),
        row.due.clone().unwrap_or_default(),
        join(row.places.iter().map(ToString::to_string).collect(), " "),
        join(row.problems.iter().map(|p| p.text.clone()).collect(), "; "),
    ]
}

/// Renders the register as a table; ends with a line end.
pub fn table(report: &RegisterReport) -> String {
    let head = ["DEPENDENCY", "ECOSYSTEM", "VERSION", "STATE", "RISK", "OWNER", "ASSESSED", "DUE"].map(str::to_owned);
    let rows = report.dependencies.iter().map(|row| {
        let all = cells(row);
        let pick = |i: usize| sanitize::one_line(&all[i], 40);
        [pick(1), pick(0), pick(2), pick(3), pick(6), pick(5), pick(8), pick(10)]
    });
    let lines: Vec<[String; 8]> = std::iter::once(head).chain(rows).collect();
    let mut widths = [0; 8];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(widths).map(|(c, w)| format!("{c:<w$}")).collect();
        writeln!(text, "{}", cells.join("  ").trim_end()).ok();
    }
    text
}

/// Renders what is wrong, and the verdict; ends with a line end.
pub fn problems(report: &RegisterReport) -> String {
    let mut text = String::new();
    for problem in report.dependencies.iter().flat_map(|r| &r.problems).filter(|p| !p.fails) {
        writeln!(text, "warning: {}", sanitize::one_line(&format!("{}: {}", problem.place, problem.text), 400)).ok();
    }
    writeln!(text, "{} explicit dependency(ies)", report.dependencies.len()).ok();
    writeln!(text, "\n{}", verdict(report.verdict)).ok();
    for reason in &report.reasons {
        writeln!(text, "  {}", sanitize::one_line(reason, 400)).ok();
    }
    text
}
