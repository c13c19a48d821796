//! The live tree on a terminal: a line for each service (what it waits for, for how long) and for each suite.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::lines;
use crate::lifecycle::RunEvent;
use crate::lifecycle::decide::{self, Phase, Progress};
use crate::model::{Verdict, sanitize};
use crate::plan::Plan;
use crate::report::facts::SuiteFact;

/// Interval of spinner updates.
const TICK: Duration = Duration::from_millis(100);
/// Longest probe answer shown in a line.
const LAST: usize = 60;

/// The tree of one run.
pub struct Tree {
    plan: Plan,
    all: MultiProgress,
    units: BTreeMap<String, ProgressBar>,
    suites: BTreeMap<String, (ProgressBar, SuiteFact)>,
    progress: Progress,
    began: BTreeMap<String, Instant>,
    removing: Option<ProgressBar>,
    width: usize,
}

impl Tree {
    /// A tree without progress.
    pub fn new(plan: &Plan) -> Self {
        Self {
            plan: plan.clone(),
            all: MultiProgress::new(),
            units: BTreeMap::new(),
            suites: BTreeMap::new(),
            progress: decide::initial_progress(plan),
            began: BTreeMap::new(),
            removing: None,
            width: plan.units.iter().map(|u| u.name.len()).max().unwrap_or(8),
        }
    }

    /// Shows an event.
    pub fn show(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Claimed { .. } => {
                self.print_event(event);
                self.add_units();
            }
            RunEvent::UnitStarting { unit } => {
                self.progress.insert(unit.clone(), Phase::Starting);
                self.began.insert(unit.clone(), Instant::now());
                self.show_unit(unit, "starting");
            }
            RunEvent::UnitWaiting { unit, last } => self.show_unit(unit, &format!("starting · {}", short(last))),
            RunEvent::UnitReady { unit, took_ms } => {
                self.progress.insert(unit.clone(), Phase::Ready);
                self.finish_unit(
                    unit,
                    &paint(AnsiColor::Green, "✓"),
                    &format!("ready after {}", lines::seconds(*took_ms)),
                );
                self.show_waiting();
            }
            RunEvent::UnitFailed { unit, reason, log } => {
                self.finish_unit(unit, &paint(AnsiColor::Red, "✗"), "failed");
                self.print(&paint(AnsiColor::Red, &lines::failure(unit, reason, log)));
            }
            RunEvent::UnitStopped { unit } => self.show_unit(unit, "stopped by a suite"),
            RunEvent::SuiteStarted { suite } => self.start_suite(suite),
            RunEvent::CaseDone { suite, case } => {
                if case.verdict != Some(Verdict::Passed) || case.attempts > 1 {
                    self.print_event(event);
                }
                self.count_case(suite, case.verdict);
            }
            RunEvent::SuiteDone { suite } => self.finish_suite(suite),
            RunEvent::Removing { environment } => {
                let bar = self.spinner();
                bar.set_message(format!("removing {environment}"));
                self.removing = Some(bar);
            }
            RunEvent::Removed { .. } => {
                if let Some(bar) = self.removing.take() {
                    bar.finish_and_clear();
                }
                self.print_event(event);
            }
            _ => self.print_event(event),
        }
    }

    fn print_event(&self, event: &RunEvent) {
        if let Some(text) = lines::text(event) {
            self.print(&sanitize::inert(&text));
        }
    }

    fn print(&self, text: &str) {
        // A terminal that went away must not end the run.
        let _ = self.all.println(sanitize::inert_styled(text));
    }

    fn spinner(&self) -> ProgressBar {
        let bar = self.all.add(ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {wide_msg}") {
            bar.set_style(style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
        }
        bar.enable_steady_tick(TICK);
        bar
    }

    /// One line for each unit that starts by itself.
    fn add_units(&mut self) {
        let names: Vec<String> = self.plan.units.iter().filter(|u| !u.start_late).map(|u| u.name.clone()).collect();
        for name in names {
            let bar = self.spinner();
            self.units.insert(name, bar);
        }
        self.show_waiting();
    }

    fn show_waiting(&self) {
        for (unit, bar) in self.units.iter().filter(|(u, _)| self.progress.get(*u) == Some(&Phase::Waiting)) {
            let needs = decide::unmet_needs(&self.plan, &self.progress, unit).join(", ");
            let text = if needs.is_empty() { "about to start".to_owned() } else { format!("waits for {needs}") };
            bar.set_message(self.row(unit, &text));
        }
    }

    fn show_unit(&mut self, unit: &str, state: &str) {
        let elapsed =
            self.began.get(unit).map(|b| format!("{:.1} s · ", b.elapsed().as_secs_f32())).unwrap_or_default();
        let row = self.row(unit, &format!("{elapsed}{state}"));
        let bar = match self.units.get(unit) {
            Some(bar) if !bar.is_finished() => bar.clone(),
            _ => {
                let bar = self.spinner();
                self.units.insert(unit.to_owned(), bar.clone());
                bar
            }
        };
        bar.set_message(row);
    }

    fn finish_unit(&self, unit: &str, mark: &str, state: &str) {
        if let Some(bar) = self.units.get(unit) {
            bar.finish_and_clear();
            self.print(&format!("  {mark} {}", self.row(unit, state)));
        }
    }

    fn row(&self, unit: &str, state: &str) -> String {
        sanitize::inert(&format!("{unit:<width$}  {state}", width = self.width))
    }

    fn start_suite(&mut self, suite: &SuiteFact) {
        let bar = self.spinner();
        bar.set_message(sanitize::inert(&format!("suite {}", suite.name)));
        self.suites.insert(suite.name.clone(), (bar, suite.clone()));
    }

    fn count_case(&mut self, suite: &str, verdict: Option<Verdict>) {
        let Some((bar, _)) = self.suites.get(suite) else { return };
        bar.inc(1);
        let word = verdict.map_or("skipped", Verdict::word);
        bar.set_message(format!("suite {suite}: {} case(s), last {word}", bar.position()));
    }

    fn finish_suite(&mut self, suite: &SuiteFact) {
        if let Some((bar, _)) = self.suites.remove(&suite.name) {
            bar.finish_and_clear();
        }
        let (colour, mark) = match suite.verdict {
            Some(Verdict::Passed) => (AnsiColor::Green, "✓"),
            Some(Verdict::Failed) => (AnsiColor::Red, "✗"),
            _ => (AnsiColor::Yellow, "?"),
        };
        let text = lines::text(&RunEvent::SuiteDone { suite: suite.clone() }).unwrap_or_default();
        self.print(&format!("  {} {}", paint(colour, mark), sanitize::inert(&text)));
    }
}

fn paint(colour: AnsiColor, text: &str) -> String {
    let style = Style::new().fg_color(Some(colour.into()));
    format!("{style}{}{style:#}", sanitize::inert(text))
}

fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= LAST { line.to_owned() } else { line.chars().take(LAST - 1).chain(['…']).collect() }
}
