//! The text report at the end of a run: the outcome first, then only what needs attention.

use anstyle::{AnsiColor, Style};

use super::CaseCounts;
use super::facts::{CaseFact, Clues, Facts, SuiteFact, UnitFact};
use crate::model::Verdict;
use crate::model::sanitize;
use crate::report::{clues, counts, display, time};

/// Maximum number of lines of one text.
const LINES: usize = 15;
/// Maximum number of log lines of a failed unit.
const LOG_LINES: usize = 100;

/// Renders text; `colour` only adds ANSI styles.
pub fn render(facts: &Facts, colour: bool) -> String {
    let mut page = Page { out: String::new(), colour };
    page.header(facts);
    page.suites(&facts.suites);
    page.units(&facts.units);
    page.troubled(&facts.suites);
    page.flaky(&facts.suites);
    let departures = display::departing(facts).map(|d| departure(&d)).collect();
    page.list("Departures from the secure defaults", departures);
    let gaps = facts.engine_info.as_ref().map(|i| i.gaps.as_slice()).unwrap_or_default();
    page.list(
        &format!("Not enforced by {}", sanitize::without_ci_commands(&display::engine(facts))),
        gaps.iter().map(|c| line(c, 400)).collect(),
    );
    page.list("Ended unasked", facts.unit_ends.iter().map(|end| line(&display::unit_end(end), 500)).collect());
    page.list("Suites that were not selected", facts.not_selected.iter().map(|name| line(name, 60)).collect());
    page.list(
        "Logs, in the folder of the evidence",
        clues::kept_files(facts).iter().map(|(name, at)| format!("{name}: {at}")).collect(),
    );
    page.teardown(facts);
    let causes =
        facts.causes.iter().map(|c| format!("{}: {}", display::cause(c.kind), indent(&lines(&c.text, 2000), 4)));
    page.list("Causes", causes.collect());
    page.out
}

struct Page {
    out: String,
    colour: bool,
}

const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const UNSURE: Style = AnsiColor::Yellow.on_default().bold();
const HEAD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

impl Page {
    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn header(&mut self, facts: &Facts) {
        let word = display::outcome(facts);
        let style = style(word);
        let name = line(&facts.environment, 120);
        let head = format!(
            "{}  {}  {}",
            self.paint(style, word),
            self.paint(HEAD, &name),
            time::elapsed(facts.started, facts.finished)
        );
        self.line(&head);
        let repository = facts.change.repository.as_ref().map(|r| format!("{} ", line(r, 200))).unwrap_or_default();
        let about = format!(
            "{repository}#{} at {}, on {}, run {}",
            facts.change.pr,
            display::commit(facts),
            display::engine(facts),
            facts.run
        );
        let policy = display::policy(facts).map(|p| format!("policy {p}"));
        let requester = display::requester(facts).map(|r| format!("requested by {r}"));
        let links = facts.links.checked();
        // The repository stands in the line before.
        let links = links
            .labelled()
            .filter(|(label, _)| *label != "repository")
            .map(|(label, link)| format!("{label:<12}  {link}"));
        for about in [Some(about), policy, requester].into_iter().flatten().chain(links) {
            let about = self.paint(FAINT, &sanitize::without_ci_commands(&about));
            self.line(&about);
        }
        if facts.unsigned {
            let unsigned = self.paint(UNSURE, display::UNSIGNED);
            self.line(&unsigned);
        }
    }

    fn section(&mut self, title: &str) {
        self.line("");
        let title = self.paint(HEAD, title);
        self.line(&title);
    }

    fn list(&mut self, title: &str, items: Vec<String>) {
        if items.is_empty() {
            return;
        }
        self.section(title);
        for item in items {
            self.line(&format!("  - {item}"));
        }
    }

    fn suites(&mut self, suites: &[SuiteFact]) {
        if !suites.is_empty() {
            self.line("");
        }
        let width = |f: &dyn Fn(&SuiteFact) -> usize| suites.iter().map(f).max().unwrap_or(0);
        let names = width(&|s| line(&s.name, 60).chars().count());
        let counts = width(&|s| CaseCounts::count(&s.cases).summary().chars().count());
        for suite in suites {
            let word = display::suite_verdict(suite);
            let mark = self.paint(style(word), &format!("{} {word:<12}", mark(word)));
            let (name, count) = (line(&suite.name, 60), CaseCounts::count(&suite.cases).summary());
            let kind = display::suite_kind(suite.kind);
            let took = time::elapsed(suite.started, suite.finished);
            self.line(&format!("  {mark}  {name:<names$}  {kind:<10}  {count:<counts$}  {took}"));
            if let Some(origin) = display::origin(suite) {
                let origin = self.paint(FAINT, &sanitize::without_ci_commands(&origin));
                self.line(&format!("      {origin}"));
            }
            if let Some(reason) = &suite.reason {
                self.line(&format!("      {}", indent(&lines(reason, 1000), 6)));
            }
            for file in &suite.ignored {
                let ignored = self.paint(FAINT, &format!("ignored {}", line(file, 300)));
                self.line(&format!("      {ignored}"));
            }
        }
    }

    fn units(&mut self, units: &[UnitFact]) {
        let failed: Vec<_> = units.iter().filter_map(|u| u.failure.as_ref().map(|why| (u, why))).collect();
        if failed.is_empty() {
            return;
        }
        self.section("Did not become ready");
        for (unit, why) in failed {
            let name = self.paint(BAD, &line(&unit.name, 60));
            self.line(&format!("  {name}: {}", indent(&lines(why, 2000), 4)));
            let from = unit.last_log.len().saturating_sub(LOG_LINES);
            for text in &unit.last_log[from..] {
                let log = self.paint(FAINT, &format!("| {}", line(text, 400)));
                self.line(&format!("    {log}"));
            }
        }
    }

    fn troubled(&mut self, suites: &[SuiteFact]) {
        for (title, verdict) in [("Failed", Verdict::Failed), ("Inconclusive", Verdict::Inconclusive)] {
            let cases: Vec<_> = counts::unsuccessful(suites).filter(|(_, c)| c.verdict == Some(verdict)).collect();
            if cases.is_empty() {
                continue;
            }
            self.section(title);
            for (suite, case) in cases {
                self.case(suite, case);
            }
        }
    }

    fn case(&mut self, suite: &SuiteFact, case: &CaseFact) {
        let word = display::verdict(case.verdict);
        let head = self.paint(style(word), &format!("{} {}", mark(word), title(suite, case)));
        let tries = if case.attempts > 1 { format!(" ({})", display::attempts(case)) } else { String::new() };
        self.line(&format!("  {head}{tries}"));
        let at = case.failures.iter().find_map(|f| f.source.as_ref()).or(case.source.as_ref());
        if let Some(at) = at {
            let at = self.paint(FAINT, &format!("at {}", line(at, 300)));
            self.line(&format!("    {at}"));
        }
        for failure in &case.failures {
            let waited = time::duration(failure.waited_ms);
            let rows =
                [("step", &failure.step), ("expected", &failure.expected), ("got", &failure.got), ("waited", &waited)];
            for (label, value) in rows {
                let label = self.paint(FAINT, &format!("{label:<8}"));
                self.line(&format!("    {label}  {}", indent(&lines(value, 2000), 14)));
            }
        }
        self.clues(&case.clues);
    }

    fn clues(&mut self, clues: &Clues) {
        if let Some(cause) = clues::likely_cause(clues) {
            let label = self.paint(FAINT, "likely  ");
            let cause = self.paint(BAD, &sanitize::without_ci_commands(&cause));
            self.line(&format!("    {label}  {cause}"));
        }
        for (n, text) in clues::lines(clues).iter().enumerate() {
            let label = if n == 0 { "logs" } else { "" };
            let row = self.paint(FAINT, &format!("{label:<8}  {}", sanitize::without_ci_commands(text)));
            self.line(&format!("    {row}"));
        }
    }

    fn flaky(&mut self, suites: &[SuiteFact]) {
        let cases =
            suites.iter().flat_map(|s| s.cases.iter().map(move |c| (s, c))).filter(|(_, c)| counts::is_flaky(c));
        let lines = cases.map(|(s, c)| format!("{} ({})", title(s, c), display::attempts(c)));
        self.list("Flaky", lines.collect());
    }

    fn teardown(&mut self, facts: &Facts) {
        let left = facts.residual.iter().map(|r| format!("{}: {}", line(&r.object, 200), line(&r.reason, 400)));
        self.list("Could not be removed", left.collect());
        if let Some(kept) = &facts.kept {
            let name = line(&facts.environment, 120);
            self.list("Kept", vec![format!("{name}: {}; remove it with `dayfly down`", line(kept, 400))]);
        }
    }
}

fn departure(of: &display::Departing<'_>) -> String {
    format!("{} {} ({})", of.name, sanitize::without_ci_commands(&of.departures), line(of.reason, 400))
}

fn title(suite: &SuiteFact, case: &CaseFact) -> String {
    format!("{} / {}", line(&suite.name, 60), sanitize::without_ci_commands(&display::case_title(case)))
}

/// One line of hostile text for a terminal or a CI log.
fn line(text: &str, most: usize) -> String {
    sanitize::without_ci_commands(&sanitize::one_line(text, most))
}

/// Several such lines, cut to `LINES`.
fn lines(text: &str, most: usize) -> String {
    let text = sanitize::without_ci_commands(&sanitize::block(text, most));
    let left = text.lines().count().saturating_sub(LINES);
    if left == 0 {
        return text;
    }
    let kept: Vec<_> = text.lines().take(LINES).collect();
    format!("{}\n… and {left} more lines", kept.join("\n"))
}

fn indent(text: &str, by: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(by)))
}

fn style(word: &str) -> Style {
    match word {
        "PASSED" | "passed" => GOOD,
        "FAILED" | "ERROR" | "failed" => BAD,
        "skipped" => FAINT,
        _ => UNSURE,
    }
}

fn mark(word: &str) -> &'static str {
    match word {
        "passed" => "✓",
        "failed" => "✗",
        "skipped" => "-",
        _ => "?",
    }
}
