//! A change of dependencies as text. Pure.

use std::fmt::Write as _;

use super::change::{DependencyDiff, Effect, ImageChange, PackageChange};
use crate::advisories::scan::{Finding, WaiverUse};
use crate::findings::words;
use crate::model::{Verdict, sanitize};

/// Most lines of a section.
const MAX_LISTED: usize = 200;

/// Renders the change; ends with a line end.
pub fn render(diff: &DependencyDiff) -> String {
    let mut text = String::new();
    let line = |of: &str| sanitize::one_line(of, 400);
    writeln!(text, "{}", line(&title(diff))).ok();
    section(&mut text, "Packages", diff.packages.iter().map(package));
    section(&mut text, "Images", diff.images.iter().map(image));
    let signal = |s: &super::Signal| {
        let fails = if s.effect == Effect::Fails { ", fails" } else { "" };
        format!("{}{fails}: {} {} ({}): {}", s.kind.words(), s.package, s.version, s.place, s.text)
    };
    section(&mut text, "To look at", diff.signals.iter().map(signal));
    section(&mut text, "Brought in", diff.brought_in.iter().map(finding));
    section(&mut text, "Fixed", diff.fixed.iter().map(finding));
    section(&mut text, "There before, and still there", diff.remaining.iter().map(finding));
    let path = |p: &super::PathChange| {
        let code = if p.code.is_empty() { String::new() } else { format!(", and code: {}", p.code.join(", ")) };
        format!("{}: {}{code}", p.path, p.kind.word())
    };
    section(&mut text, "Files", diff.paths.iter().map(path));
    if !diff.split.is_empty() {
        section(&mut text, "These commands make a branch of the dependencies alone", diff.split.iter().cloned());
    }
    text.push('\n');
    for c in &diff.coverage {
        let unit = if c.packages == 1 { "package" } else { "packages" };
        writeln!(text, "{:<14} {} changed {unit}, {}", c.ecosystem.as_str(), c.packages, words::known(c)).ok();
    }
    for told in diff.waivers.iter().filter_map(WaiverUse::notice) {
        writeln!(text, "{}", line(&told)).ok();
    }
    for note in &diff.notes {
        writeln!(text, "note           {}", line(note)).ok();
    }
    writeln!(text, "\n{}", verdict(diff.verdict)).ok();
    for reason in &diff.reasons {
        writeln!(text, "  {}", line(reason)).ok();
    }
    text
}

/// `dependency change: main → HEAD, 3 file(s)`.
pub(super) fn title(diff: &DependencyDiff) -> String {
    format!("{}: {} → {}, {} file(s)", diff.kind.words(), diff.base, diff.head, diff.paths.len())
}

pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "PASSED",
        Verdict::Failed => "FAILED",
        Verdict::Inconclusive => "INCONCLUSIVE",
    }
}

fn package(of: &PackageChange) -> String {
    let places: Vec<String> = of.places.iter().take(3).map(ToString::to_string).collect();
    format!("{} ({}) {}{} at {}", of.name, of.ecosystem, of.versions(), brought(of), places.join(", "))
}

/// `, explicit`, or what brings a package.
pub(super) fn brought(of: &PackageChange) -> String {
    let by: Vec<&str> = of.brought_by.iter().filter(|b| **b != of.name).take(3).map(String::as_str).collect();
    match of.explicit {
        Some(true) => ", explicit".to_owned(),
        _ if by.is_empty() => String::new(),
        _ => format!(", brought by {}", by.join(", ")),
    }
}

fn image(of: &ImageChange) -> String {
    let name = |image: &Option<String>| image.clone().unwrap_or("nothing".into());
    format!("{}: {} → {} in {}", of.at, name(&of.from), name(&of.to), of.file)
}

pub(super) fn finding(of: &Finding) -> String {
    let word = of.notice.as_deref().unwrap_or(if of.malicious { "MALICIOUS" } else { of.severity.word() });
    let accepted = match &of.waiver {
        Some(waiver) => format!(", waived: {}", waiver.reason),
        None => if of.fails { ", fails" } else { "" }.to_owned(),
    };
    let fix = of.fixes_everything.as_ref().map(|v| format!("; {v} fixes everything")).unwrap_or_default();
    format!("{word} {}{accepted}: {} {}: {}{fix}", of.id, of.package, of.version, of.summary)
}

fn section(text: &mut String, title: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    writeln!(text, "\n{title}:").ok();
    for line in lines.iter().take(MAX_LISTED) {
        writeln!(text, "  {}", sanitize::one_line(line, 8000)).ok();
    }
    if lines.len() > MAX_LISTED {
        writeln!(text, "  … and {} more; --output json lists all", lines.len() - MAX_LISTED).ok();
    }
}
