//! A change of dependencies as Markdown for a comment on a pull request. Pure.
//!
//! Hostile text is escaped, so that it mentions and links nobody.

use std::fmt::Write as _;

use super::change::{DependencyDiff, Effect};
use super::text::{brought, finding, verdict};
use crate::findings::{Coverage, words};
use crate::model::Verdict;
use crate::report::markdown::{MOST_BYTES, inline};

/// Most rows of a table or a list.
const MAX_ROWS: usize = 100;
/// Bytes reserved for what follows the lists.
const RESERVE: usize = 4000;

/// Renders the change: the verdict, what it answers, and then what is new.
pub fn render(diff: &DependencyDiff) -> String {
    let mut page = Page { out: String::new(), left_out: 0 };
    writeln!(page.out, "### Dependencies: {}, {}\n", verdict(diff.verdict).to_lowercase(), diff.kind.words()).ok();
    writeln!(page.out, "**{}**\n", answer(diff)).ok();
    facts(diff).iter().for_each(|fact| writeln!(page.out, "- {}", inline(fact, 300)).unwrap_or_default());
    for reason in diff.reasons.iter().take(20) {
        writeln!(page.out, "- {}", inline(reason, 600)).ok();
    }
    page.table(
        "| package | change | |\n|---|---|---|\n",
        diff.packages.iter().map(|p| {
            let about = brought(p);
            let what = [inline(&p.name, 100), inline(&p.versions(), 200), inline(about.trim_start_matches(", "), 200)];
            format!("| {} ({}) | {} | {} |\n", what[0], inline(p.ecosystem.as_str(), 60), what[1], what[2])
        }),
    );
    page.table(
        "| image of | before | after |\n|---|---|---|\n",
        diff.images.iter().map(|i| {
            let name = |image: &Option<String>| image.as_ref().map(|i| inline(i, 200)).unwrap_or_default();
            let at = inline(&format!("{} in {}", i.at, i.file), 200);
            format!("| {at} | {} | {} |\n", name(&i.from), name(&i.to))
        }),
    );
    page.list(
        "To look at",
        diff.signals.iter().map(|s| {
            let fails = if s.effect == Effect::Fails { ", **fails**" } else { "" };
            format!(
                "{}{fails}: {}",
                s.kind.words(),
                inline(&format!("{} {} ({}): {}", s.package, s.version, s.place, s.text), 600)
            )
        }),
    );
    page.list("Brought in", diff.brought_in.iter().map(|f| inline(&finding(f), 400)));
    page.list("Fixed", diff.fixed.iter().map(|f| inline(&finding(f), 400)));
    page.list("There before, and still there", diff.remaining.iter().map(|f| inline(&finding(f), 400)));
    if !diff.split.is_empty() {
        page.out.push_str("\nThese commands make a branch of the dependencies alone:\n\n");
        diff.split.iter().for_each(|c| writeln!(page.out, "    {c}").unwrap_or_default());
    }
    for note in &diff.notes {
        writeln!(page.out, "\n{}", inline(note, 300)).ok();
    }
    if page.left_out > 0 {
        writeln!(page.out, "\n{} more line(s) are left out; the JSON has them all.", page.left_out).ok();
    }
    page.out
}

/// The customer's question, whether the change brings new risks.
fn answer(diff: &DependencyDiff) -> String {
    if diff.packages.is_empty() && diff.images.is_empty() && diff.gaps.is_empty() {
        return "The change brings no package and no image.".to_owned();
    }
    match (diff.verdict, diff.brought_in.len(), diff.signals.len()) {
        (Verdict::Inconclusive, ..) => "It could not be decided whether the change brings new risks.".to_owned(),
        (_, 0, 0) if diff.images.is_empty() => format!(
            "No new risks introduced by the change: its {} new or changed package(s) bring no advisory that was not there before.",
            changed(diff)
        ),
        (_, 0, 0) => {
            "No new risks are known of the packages of this change; what its images contain is not looked at here."
                .to_owned()
        }
        (_, advisories, signals) => format!(
            "The change brings {advisories} advisory(ies) that were not there before, and {signals} thing(s) to look at."
        ),
    }
}

/// Packages that are there after the change, in another version or for the first time.
fn changed(diff: &DependencyDiff) -> usize {
    diff.packages.iter().filter(|p| !p.to.is_empty()).count()
}

/// What the answer rests on.
fn facts(diff: &DependencyDiff) -> Vec<String> {
    let (new, removed) = (changed(diff), diff.packages.iter().filter(|p| p.to.is_empty()).count());
    let mut facts = vec![format!(
        "{new} package(s) new or changed, {removed} removed; {} image(s) changed; {} file(s)",
        diff.images.len(),
        diff.paths.len()
    )];
    let looked_up = |c: &Coverage| format!("{}: {}", c.ecosystem, words::coverage(c));
    facts.extend(diff.coverage.iter().map(looked_up));
    facts.extend(diff.database.iter().map(|d| format!("advisories: {}, {}", words::database(d), d.digest)));
    for (count, what) in
        [(diff.fixed.len(), "fixed by the change"), (diff.remaining.len(), "there before, and still there")]
    {
        if count > 0 {
            facts.push(format!("{count} finding(s) {what}"));
        }
    }
    facts
}

struct Page {
    out: String,
    left_out: usize,
}

impl Page {
    fn table(&mut self, head: &str, rows: impl Iterator<Item = String>) {
        let rows: Vec<String> = rows.map(|row| row.replace('\n', " ").trim_end().to_owned() + "\n").collect();
        if !rows.is_empty() {
            self.out.push_str(&format!("\n{head}"));
            self.rows(&rows);
        }
    }

    fn list(&mut self, title: &str, rows: impl Iterator<Item = String>) {
        let rows: Vec<String> = rows.map(|row| format!("- {row}\n")).collect();
        if !rows.is_empty() {
            self.out.push_str(&format!("\n**{title}**\n\n"));
            self.rows(&rows);
        }
    }

    fn rows(&mut self, rows: &[String]) {
        for (number, row) in rows.iter().enumerate() {
            if number >= MAX_ROWS || self.out.len() + row.len() > MOST_BYTES - RESERVE {
                self.left_out += rows.len() - number;
                return;
            }
            self.out.push_str(row);
        }
    }
}
