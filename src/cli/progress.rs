//! Progress of a run: a live tree or plain lines on standard error, or JSON lines on standard output.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

use super::stdio::live;
use super::terminal::Charset;
use super::{Output, ci, process_env, stdio};
use crate::lifecycle::RunEvent;
use crate::model::{Outcome, Verdict};
use crate::plan::Plan;
use crate::report::Told;

mod layout;
mod line;
mod state;

use state::State;

/// Interval of updates of the live tree.
const TICK: Duration = Duration::from_millis(125);

/// Shows the progress of one run. Clones share it.
#[derive(Clone)]
pub struct Screen(Arc<Inner>);

struct Inner {
    output: Output,
    /// The tree is live; otherwise the progress is lines.
    live: bool,
    began: Instant,
    shown: Mutex<Shown>,
}

struct Shown {
    state: State,
    told: Told,
    ticker: Option<AbortHandle>,
}

impl Screen {
    /// The screen of this terminal and these flags.
    pub fn new(output: Output, plan: &Plan) -> Self {
        let live = output == Output::Text && stdio::stderr_look().live && !ci::in_ci(&process_env::variables());
        let shown = Shown { state: State::new(plan), told: Told::default(), ticker: None };
        Self(Arc::new(Inner { output, live, began: Instant::now(), shown: Mutex::new(shown) }))
    }

    /// Receives the events of a run. JSON lines say when each event was reported, and of which run.
    pub fn reporter(&self, run: &str) -> Box<dyn FnMut(&RunEvent) + Send> {
        let (screen, run) = (self.clone(), run.to_owned());
        Box::new(move |event| match screen.0.output {
            Output::Json => print_json(event, &run),
            Output::Text => screen.show(event),
        })
    }

    /// Shows the answer to a signal.
    pub fn answer(&self) -> impl Fn(&str) + Send + 'static {
        let screen = self.clone();
        move |text| screen.notice(text)
    }

    /// Shows a notice where the reader looks: at the end of the live tree, or in a line.
    fn notice(&self, text: &str) {
        if !self.0.live {
            return errln!("{text}");
        }
        let mut shown = self.shown();
        shown.state.notice = Some(text.to_owned());
        if shown.ticker.is_some() {
            self.draw(&shown, "");
        } else {
            errln!("{text}");
        }
    }

    /// Removes the live tree, and returns what a reader of standard output was told by now: nothing, if the progress went
    /// elsewhere.
    pub fn end(&self) -> Told {
        self.0.end();
        if stdio::read_together(ci::in_ci(&process_env::variables())) {
            self.shown().told.clone()
        } else {
            Told::default()
        }
    }

    /// Prints the last of the JSON lines: the outcome of a run's suites, if there were any to judge, and the exit code.
    pub fn ended(&self, run: &str, outcome: Option<Outcome>, code: u8) {
        self.0.end();
        if self.0.output == Output::Json {
            let mut line = json!({"event": "ended", "time": Timestamp::now(), "run": run, "exitCode": code});
            if let Some(outcome) = outcome {
                line["outcome"] = json!(outcome);
            }
            outln!("{line}");
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.0.shown()
    }

    fn show(&self, event: &RunEvent) {
        let since = self.0.began.elapsed();
        let mut shown = self.shown();
        let line = line_to_tell(event, &mut shown, self.0.live);
        shown.state.apply(event, since);
        if !self.0.live {
            if let Some(line) = line {
                stdio::err(&line.timed(since));
            }
            return;
        }
        if shown.ticker.is_none() {
            shown.ticker = tokio::runtime::Handle::try_current().ok().map(|_| self.tick());
        }
        let colour = stdio::stderr_look().colour;
        // The line is inert before it is styled: it holds text of others.
        let text = line.map(|l| l.inert().marked(colour)).unwrap_or_default();
        self.draw(&shown, &text);
    }

    fn draw(&self, shown: &Shown, above: &str) {
        let look = stdio::stderr_look();
        let unicode = look.charset == Charset::Unicode;
        let rows = layout::layout(&shown.state, live::size(), self.0.began.elapsed(), unicode);
        stdio::err_above(above, look.colour, rows);
    }

    /// Redraws the tree until it is ended.
    fn tick(&self) -> AbortHandle {
        let screen = Arc::downgrade(&self.0);
        let ticking = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            let continued = signal(SignalKind::from_raw(Signal::CONT.as_raw()));
            let Ok(mut continued) = continued else { return };
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    // The shell has written below the tree meanwhile.
                    _ = continued.recv() => live::forget(),
                }
                let Some(screen) = screen.upgrade().map(Screen) else { return };
                screen.draw(&screen.shown(), "");
            }
        });
        ticking.abort_handle()
    }
}

impl Inner {
    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        if let Some(ticker) = self.shown().ticker.take() {
            ticker.abort();
            live::end();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end();
    }
}

fn print_json(event: &RunEvent, run: &str) {
    if let Ok(Value::Object(mut line)) = serde_json::to_value(event) {
        line.insert("time".into(), Timestamp::now().to_string().into());
        line.insert("run".into(), run.into());
        outln!("{}", Value::Object(line));
    }
}

/// The line of an event, unless a row shows it or the reader knows it, and notes what is told with it.
fn line_to_tell(event: &RunEvent, shown: &mut Shown, live: bool) -> Option<line::Line> {
    if live && line::has_row(event) {
        return None;
    }
    let mut line = line::line(event)?;
    let told = &mut shown.told;
    match event {
        RunEvent::UnitFailed { unit, .. } => told.unit(unit),
        RunEvent::CaseDone { suite, case } => told.case(suite, &case.id),
        RunEvent::SuiteDone { suite } => {
            told.suite(&suite.name);
            // Without a failed case, nothing else shows what the container said last.
            let ended = shown.state.suite(&suite.name);
            if let Some(ended) = ended.filter(|s| live && !s.has_failure && suite.verdict != Some(Verdict::Passed)) {
                let log: Vec<String> = ended.log.iter().cloned().collect();
                line.details = if log.is_empty() { vec![] } else { line::log_details(&log) };
            }
        }
        RunEvent::Cause { cause } => {
            if told.has_cause(cause) {
                return None;
            }
            told.cause(cause);
        }
        RunEvent::Removed { residual, .. } if !residual.is_empty() => told.residual(),
        RunEvent::UnitEnded { .. } | RunEvent::UnitGone { .. } => told.ends(),
        RunEvent::Kept { .. } => told.kept(),
        _ => {}
    }
    Some(line)
}
