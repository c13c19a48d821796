//! The sections of the text report.

use anstyle::{AnsiColor, Style};

use super::details::{case_details, line, lines, log_end};
use crate::model::{Verdict, sanitize};
use crate::report::facts::{CaseFact, Facts, SuiteFact, UnitFact};
use crate::report::{CaseCounts, Told, clues, counts, display, scans, sources, time, told};

/// A report that is being written.
pub(super) struct Page {
    out: String,
    colour: bool,
    /// What the reader knows by now.
    told: Told,
}

const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const UNSURE: Style = AnsiColor::Yellow.on_default().bold();
const HEAD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();

impl Page {
    /// An empty page for a reader who knows this much.
    pub(super) fn new(colour: bool, told: Told) -> Self {
        Self { out: String::new(), colour, told }
    }

    /// The whole text.
    pub(super) fn into_text(self) -> String {
        self.out
    }

    /// Lists the departures from the secure defaults, and what the engine does not enforce.
    pub(super) fn constants(&mut self, facts: &Facts) {
        let departures = display::departing(facts).map(|d| departure(&d)).collect();
        self.list("Departures from the secure defaults", departures);
        let gaps = facts.engine_info.as_ref().map(|i| i.gaps.as_slice()).unwrap_or_default();
        self.list(&format!("Not enforced by {}", engine(facts)), gaps.iter().map(|c| line(c, 400)).collect());
    }

    /// The verdict, the suites and everything that failed.
    pub(super) fn results(&mut self, facts: &Facts) {
        self.header(facts);
        self.suites(&facts.suites);
        self.units(&facts.units);
        self.troubled(&facts.suites);
        self.flaky(&facts.suites);
    }

    /// How the run ended, beside its suites.
    pub(super) fn ending(&mut self, facts: &Facts) {
        // Progress tells what ended, but not that a suite allows it.
        let told = self.told.has_ends();
        let ends = facts.unit_ends.iter().filter(|end| !told || end.allowed_by.is_some());
        self.list("Ended unasked", ends.map(|end| line(&display::unit_end(end), 500)).collect());
        self.list("Suites that were not selected", facts.not_selected.iter().map(|name| line(name, 60)).collect());
        self.list("Not run, because of their condition", facts.left_out.iter().map(|name| line(name, 60)).collect());
        self.list("Sources", sources::lines(facts).iter().map(|of| line(of, 400)).collect());
        let logs = clues::kept_files(facts);
        self.list(
            "Logs, in the folder of the evidence",
            logs.iter().map(|(name, at)| line(&format!("{name}: {at}"), 200)).collect(),
        );
        self.teardown(facts);
        let causes = facts.causes.iter().filter(|c| !self.told.has_cause(c));
        let causes = causes.map(|c| format!("{}: {}", display::cause(c.kind), indent(&lines(&c.text), 4))).collect();
        self.list("Causes", causes);
    }

    /// Counts what `constants` lists.
    pub(super) fn count_constants(&mut self, facts: &Facts) {
        let departures = display::departing(facts).count();
        let gaps = facts.engine_info.as_ref().map_or(0, |i| i.gaps.len());
        let counted = [
            (departures, "departure(s) from the secure defaults".to_owned()),
            (gaps, format!("thing(s) that {} does not enforce", engine(facts))),
        ];
        let counted = counted.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
        let counted = counted.collect::<Vec<_>>().join(" and ");
        if !counted.is_empty() {
            self.line("");
            let text = self.paint(FAINT, &format!("the report lists {counted}"));
            self.line(&text);
        }
    }

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
        let kinds = width(&|s| display::suite_kind(s.kind).len()).max(10);
        for suite in suites {
            let word = display::suite_verdict(suite);
            let mark = self.paint(style(word), &format!("{} {word:<12}", mark(word)));
            let (name, count) = (line(&suite.name, 60), CaseCounts::count(&suite.cases).summary());
            let kind = display::suite_kind(suite.kind);
            let took = time::elapsed(suite.started, suite.finished);
            self.line(&format!("  {mark}  {name:<names$}  {kind:<kinds$}  {count:<counts$}  {took}"));
            if let Some(origin) = display::origin(suite) {
                let origin = self.paint(FAINT, &sanitize::without_ci_commands(&origin));
                self.line(&format!("      {origin}"));
            }
            if let Some(reason) = told::own_reason(suite).filter(|_| !self.told.has_suite(&suite.name)) {
                self.line(&format!("      {}", indent(&lines(reason), 6)));
            }
            for scan in scans::lines(suite) {
                let scan = self.paint(FAINT, &line(&scan, 400));
                self.line(&format!("      {scan}"));
            }
            for file in &suite.ignored {
                let ignored = self.paint(FAINT, &format!("ignored {}", line(file, 300)));
                self.line(&format!("      {ignored}"));
            }
            self.told.suite(&suite.name);
        }
        if suites.len() > 1 {
            let all = CaseCounts::count(suites.iter().flat_map(|s| &s.cases)).summary();
            self.line(&format!("  in all: {all}"));
        }
    }

    fn units(&mut self, units: &[UnitFact]) {
        let failed: Vec<_> = units.iter().filter_map(|u| u.failure.as_ref().map(|why| (u, why))).collect();
        if failed.is_empty() {
            return;
        }
        let above = failed.iter().all(|(unit, _)| self.told.has_unit(&unit.name));
        self.section(if above { "Did not become ready (see above)" } else { "Did not become ready" });
        for (unit, why) in failed {
            let name = self.paint(BAD, &line(&unit.name, 60));
            if self.told.has_unit(&unit.name) {
                self.line(&format!("  {name}"));
                continue;
            }
            self.line(&format!("  {name}: {}", indent(&lines(why), 4)));
            for text in log_end(&unit.last_log) {
                let log = self.paint(FAINT, &format!("| {text}"));
                self.line(&format!("    {log}"));
            }
            self.told.unit(&unit.name);
        }
    }

    fn troubled(&mut self, suites: &[SuiteFact]) {
        for (title, verdict) in [("Failed", Verdict::Failed), ("Inconclusive", Verdict::Inconclusive)] {
            let cases: Vec<_> = counts::unsuccessful(suites).filter(|(_, c)| c.verdict == Some(verdict)).collect();
            if cases.is_empty() {
                continue;
            }
            let above = cases.iter().all(|(s, c)| self.told.has_case(&s.name, &c.id));
            self.section(&if above { format!("{title} (see above)") } else { title.to_owned() });
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
        if self.told.has_case(&suite.name, &case.id) {
            return;
        }
        for (label, text) in case_details(case) {
            if label == "at" {
                let at = self.paint(FAINT, &format!("at {text}"));
                self.line(&format!("    {at}"));
            } else {
                let label = self.paint(FAINT, &format!("{label:<8}"));
                self.line(&format!("    {label}  {}", indent(&text, 14)));
            }
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
        if !self.told.has_residual() {
            self.list("Could not be removed", left.collect());
            self.told.residual();
        }
        if let Some(kept) = facts.kept.as_ref().filter(|_| !self.told.has_kept()) {
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

fn engine(facts: &Facts) -> String {
    sanitize::without_ci_commands(&display::engine(facts))
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
