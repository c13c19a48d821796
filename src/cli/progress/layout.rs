//! The rows of the live tree: what runs, for how long, and why it waits. Pure.
//!
//! Rows that do not fit are counted in one row. The tree takes little more than half of the terminal: a terminal that
//! becomes lower must not push rows out of reach, where nothing can erase them.

use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::state::{State, SuiteState, UnitState};
use crate::cli::stdio::painter::{Row, Size};
use crate::lifecycle::decide::{self, Phase};
use crate::model::sanitize;
use crate::report::time;

/// Rows of the tree beyond half of the terminal.
const BEYOND_HALF: usize = 2;
/// Longest text of others in a row; the painter cuts it to the terminal.
const LONGEST: usize = 300;
/// Shortest column of names that is cut.
const SHORTEST_NAMES: usize = 20;

const FAINT: Style = Style::new().dimmed();
const RUNS: Style = AnsiColor::Cyan.on_default();
const NOTICE: Style = AnsiColor::Yellow.on_default().bold();

/// What a row is about, for the count of those that do not fit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Other,
    Starting,
    Waiting,
}

/// The rows at `now` since the beginning.
pub fn layout(state: &State, size: Size, now: Duration, unicode: bool) -> Vec<Row> {
    let spinner = spinner(now, unicode);
    let mut rows: Vec<(Of, Row)> = vec![];
    rows.extend(
        state.activity.iter().map(|(what, since)| {
            (Of::Other, mark(spinner).text(&format!("{}  {}", inert(what), elapsed(*since, now))))
        }),
    );
    for (reference, status) in &state.pulls {
        let text = format!("pulling {}: {}", inert(reference), inert(status));
        rows.push((Of::Other, mark(spinner).text(&text)));
    }
    rows.extend(units(state, size, now, spinner));
    rows.extend(state.suites.iter().flat_map(|s| suite(s, now, spinner)).map(|row| (Of::Other, row)));
    let notice = notice(state, size);
    let cap = (size.height / 2 + BEYOND_HALF).min(size.height.saturating_sub(1));
    let room = cap.saturating_sub(1 + notice.len());
    let mut rows = folded(rows, room);
    rows.push(footer(state, now));
    rows.extend(notice);
    rows
}

/// The rows that fit, those that run before those that wait, and a count of the others.
fn folded(rows: Vec<(Of, Row)>, room: usize) -> Vec<Row> {
    if rows.len() <= room {
        return rows.into_iter().map(|(_, row)| row).collect();
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|i| match rows[*i].0 {
        Of::Other => 0,
        Of::Starting => 1,
        Of::Waiting => 2,
    });
    let shown: Vec<usize> = order.into_iter().take(room.saturating_sub(1)).collect();
    let hidden = |of| (0..rows.len()).filter(|i| rows[*i].0 == of && !shown.contains(i)).count();
    let counts = [(hidden(Of::Starting), "starting"), (hidden(Of::Waiting), "waiting"), (hidden(Of::Other), "running")];
    let counts = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
    let more = format!("… and {} more", counts.collect::<Vec<_>>().join(", "));
    let visible = rows.iter().enumerate().filter(|(i, _)| shown.contains(i)).map(|(_, (_, row))| row.clone());
    visible.chain((room > 0).then(|| Row::default().styled(FAINT, &format!("  {more}")))).collect()
}

/// A row for each unit that starts, waits for others, or was stopped by a suite.
fn units(state: &State, size: Size, now: Duration, spinner: char) -> Vec<(Of, Row)> {
    let waits = |name: &str| state.prepared && state.phases.get(name) == Some(&Phase::Waiting);
    let shown =
        state.plan.units.iter().filter(|u| {
            state.units.contains_key(&u.name) || (state.activity.is_none() && !u.start_late && waits(&u.name))
        });
    let shown: Vec<&str> = shown.map(|u| u.name.as_str()).collect();
    let names = shown.iter().map(|n| n.chars().count()).max().unwrap_or(0).min(SHORTEST_NAMES.max(size.width / 3));
    let row = |name: &&str| {
        let name_column = format!("{:<names$}  ", middle_cut(name, names));
        match state.units.get(*name) {
            Some(unit) => started(unit, &name_column, now, spinner),
            None => {
                let needs = decide::unmet_needs(&state.plan, &state.phases, name).join(", ");
                let why = if needs.is_empty() { "about to start".into() } else { format!("waits for {needs}") };
                (Of::Waiting, mark(' ').text(&name_column).styled(FAINT, &inert(&why)))
            }
        }
    };
    shown.iter().map(row).collect()
}

fn started(unit: &UnitState, name: &str, now: Duration, spinner: char) -> (Of, Row) {
    let time = elapsed(unit.since, now);
    if unit.stopped {
        return (Of::Starting, mark(' ').text(name).styled(FAINT, &format!("{time}  stopped by a suite")));
    }
    let row = mark(spinner).text(&format!("{name}{time}  starting"));
    let last = unit.last.as_ref().map(|last| format!(": {}", inert(last)));
    (Of::Starting, row.styled(FAINT, &last.unwrap_or_default()))
}

/// The row of a suite, and that of the case that runs or of the last line of its log.
fn suite(suite: &SuiteState, now: Duration, spinner: char) -> Vec<Row> {
    let total = suite.total.map(|n| format!(" of {n}")).unwrap_or_default();
    let cases = if suite.total.is_some() || suite.ended > 0 {
        format!("  {}{total} cases ended", suite.ended)
    } else {
        String::new()
    };
    let name = inert(&suite.name);
    let mut rows = vec![mark(spinner).text(&format!("suite {name}  {}{cases}", elapsed(suite.since, now)))];
    if let Some(case) = &suite.case {
        let row = Row::default().text(&format!("    {}  {}", inert(&case.title), elapsed(case.since, now)));
        let step = case.step.as_ref().map(|step| format!("  {}", inert(step))).unwrap_or_default();
        rows.push(row.styled(FAINT, &step));
    } else if let Some(last) = suite.log.back() {
        rows.push(Row::default().styled(FAINT, &format!("    | {}", inert(last))));
    }
    rows
}

/// The environment, the time, and what has ended so far.
fn footer(state: &State, now: Duration) -> Row {
    let (ready, all) = state.ready();
    let cases = state.cases;
    let parts = [
        (state.prepared && ready < all, format!("{ready} of {all} services ready")),
        (cases.passed > 0, format!("{} passed", cases.passed)),
        (cases.failed > 0, format!("{} failed", cases.failed)),
        (cases.inconclusive > 0, format!("{} inconclusive", cases.inconclusive)),
        (cases.skipped > 0, format!("{} skipped", cases.skipped)),
    ];
    let parts = parts.iter().filter(|(shown, _)| *shown).map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(", ");
    let row = Row::default().styled(Style::new().bold(), &inert(&state.plan.environment));
    row.text(&format!("  {}  {parts}", elapsed(Duration::ZERO, now)))
}

/// The answer to a signal, broken into lines: no part of it may be cut.
fn notice(state: &State, size: Size) -> Vec<Row> {
    let Some(text) = &state.notice else { return vec![] };
    let width = size.width.saturating_sub(1).max(1);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().filter(|l| l.is_empty() || l.chars().count() + 1 + word.chars().count() <= width);
        match last {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => line.push_str(&format!(" {word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| Row::default().styled(NOTICE, line)).collect()
}

fn mark(mark: char) -> Row {
    Row::default().styled(RUNS, &format!("{mark} "))
}

fn spinner(now: Duration, unicode: bool) -> char {
    let frames: &[char] = if unicode {
        &['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
    } else {
        &['|', '/', '-', '\\']
    };
    let frame = usize::try_from(now.as_millis() / 125).unwrap_or(0) % frames.len();
    frames[frame]
}

/// Seconds with one decimal below a minute.
fn elapsed(since: Duration, now: Duration) -> String {
    let passed = now.saturating_sub(since);
    if passed < Duration::from_secs(60) {
        return format!("{:.1} s", passed.as_secs_f32());
    }
    time::duration(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX))
}

fn inert(text: &str) -> String {
    sanitize::one_line(text, LONGEST)
}

/// A name without its middle: similar names differ at their ends.
fn middle_cut(name: &str, most: usize) -> String {
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= most {
        return name.to_owned();
    }
    let head = most.saturating_sub(1) / 2;
    let tail = most.saturating_sub(1 + head);
    chars[..head].iter().chain(&['…']).chain(&chars[chars.len() - tail..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::RunEvent;
    use crate::model::Verdict;
    use crate::plan::Plan;
    use crate::report::facts::{CaseFact, Cause, CauseKind};
    use crate::testing::{case_fact, plan_of, suite as suite_plan, suite_fact};

    const SIZE: Size = Size { width: 80, height: 24 };

    fn second(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn after(plan: &Plan, events: &[RunEvent]) -> State {
        let mut state = State::new(plan);
        events.iter().for_each(|e| state.apply(e, second(1)));
        state
    }

    fn shown(state: &State, size: Size) -> Vec<String> {
        layout(state, size, second(4), true).iter().map(|r| r.plain().trim_end().to_owned()).collect()
    }

    fn claimed() -> RunEvent {
        let run = "01900000-0000-7000-8000-00000000beef".parse().unwrap_or_else(|_| uuid::Uuid::nil().into());
        RunEvent::Claimed { environment: "sample-pr-1".into(), run, replaced: None, taken_over: None }
    }

    fn starting(unit: &str) -> RunEvent {
        RunEvent::UnitStarting { unit: unit.into() }
    }

    fn services(count: usize) -> Plan {
        let names: Vec<String> = (0..count).map(|n| format!("service-with-a-rather-long-name-{n:02}")).collect();
        let services: Vec<(&str, &[&str])> = names.iter().map(|n| (n.as_str(), &[][..])).collect();
        plan_of(&services)
    }

    #[test]
    fn shows_what_starts_with_its_last_answer_and_what_the_others_wait_for() {
        let plan = plan_of(&[("db", &[]), ("mq", &[]), ("api", &["db", "mq"])]);
        let waiting = RunEvent::UnitWaiting { unit: "mq".into(), last: "connection\nrefused".into() };
        let ready = RunEvent::UnitReady { unit: "db".into(), took_ms: 1 };
        let state = after(&plan, &[claimed(), RunEvent::Prepared, starting("db"), starting("mq"), waiting, ready]);
        assert_eq!(
            shown(&state, SIZE),
            [
                "⠹ mq   3.0 s  starting: connection refused",
                "  api  waits for mq",
                "sample-pr-1  4.0 s  1 of 3 services ready"
            ]
        );
    }

    #[test]
    fn shows_suites_with_the_case_and_the_step_that_run() {
        let mut plan = plan_of(&[("web", &[])]);
        plan.suites.insert("smoke".into(), suite_plan("smoke", vec![]));
        let case = |id: &str, verdict| CaseFact { verdict, ..case_fact(id) };
        let done = |case| RunEvent::CaseDone { suite: "smoke".into(), case };
        let (id, name) = ("A2".to_owned(), "it holds".to_owned());
        let state = after(
            &plan,
            &[
                RunEvent::UnitReady { unit: "web".into(), took_ms: 1 },
                RunEvent::SuiteStarted { suite: suite_fact("smoke") },
                done(case("A1", Some(Verdict::Passed))),
                RunEvent::CaseStarted { suite: "smoke".into(), id, name, attempt: 2 },
                RunEvent::StepStarted { suite: "smoke".into(), case: "A2".into(), step: "GET http://web/".into() },
            ],
        );
        assert_eq!(
            shown(&state, SIZE),
            [
                "⠹ suite smoke  3.0 s  1 of 0 cases ended",
                "    A2 it holds (attempt 2)  3.0 s  GET http://web/",
                "sample-pr-1  4.0 s  1 passed"
            ]
        );
    }

    #[test]
    fn the_last_line_of_its_log_stands_for_the_case_of_a_container() {
        let line = RunEvent::SuiteLine { suite: "tests".into(), line: "test_a PASSED".into() };
        let state = after(&plan_of(&[]), &[RunEvent::SuiteStarted { suite: suite_fact("tests") }, line]);
        assert_eq!(shown(&state, SIZE)[..2], ["⠹ suite tests  3.0 s", "    | test_a PASSED"]);
    }

    #[test]
    fn folds_what_does_not_fit_and_keeps_what_runs() {
        let plan = services(40);
        let names: Vec<_> = plan.units.iter().map(|u| u.name.clone()).collect();
        let events = [claimed(), RunEvent::Prepared, starting(&names[39]), starting(&names[5])];
        let rows = shown(&after(&plan, &events), SIZE);
        assert_eq!(rows.len(), 14, "{rows:#?}");
        assert!(rows[11].contains("name-39") && rows[11].contains("starting"), "{rows:#?}");
        assert_eq!(rows[12], "  … and 28 waiting more");
        for height in 0..24 {
            let rows = shown(&after(&plan, &events), Size { width: 80, height });
            assert!(rows.len() <= height.saturating_sub(1).max(1), "{height}: {rows:#?}");
        }
    }

    #[test]
    fn long_names_keep_their_ends_and_leave_room_for_the_state() {
        let plan = services(2);
        let events = [claimed(), RunEvent::Prepared];
        assert_eq!(shown(&after(&plan, &events), SIZE)[0], "  service-with…-long-name-00  about to start");
        let wide = Size { width: 120, height: 40 };
        assert_eq!(shown(&after(&plan, &events), wide)[0], "  service-with-a-rather-long-name-00  about to start");
    }

    #[test]
    fn a_signal_is_answered_in_full_and_nothing_starts_any_more() {
        let plan = plan_of(&[("db", &[]), ("api", &["db"])]);
        let interrupted = Cause { kind: CauseKind::Interrupted, text: "stopped".into() };
        let mut state =
            after(&plan, &[claimed(), RunEvent::Prepared, starting("db"), RunEvent::Cause { cause: interrupted }]);
        state.notice = Some("stopping: removing sample-pr-1; press Ctrl-C again to leave it behind".into());
        assert_eq!(
            shown(&state, Size { width: 40, height: 24 }),
            [
                "⠹ collecting logs  3.0 s",
                "sample-pr-1  4.0 s",
                "stopping: removing sample-pr-1; press",
                "Ctrl-C again to leave it behind"
            ]
        );
    }

    #[test]
    fn a_spinner_in_ascii_needs_no_other_characters() {
        let state = after(&plan_of(&[("db", &[])]), &[starting("db")]);
        assert!(layout(&state, SIZE, second(4), false)[0].plain().starts_with("| db"));
    }
}
