//! Waits until a command ends with exit code 0 inside a unit.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::RunEvent;
use super::clock::seconds;
use super::session::Session;
use crate::engine::ExecutionEnd;
use crate::plan::Unit;

/// Pause between attempts.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest part of a line that is told, in characters.
const LONGEST: usize = 300;
/// Time limit of an attempt, and the least that one has: a busy machine takes a while to start a command.
const ATTEMPT: Duration = Duration::from_secs(30);
const LEAST: Duration = Duration::from_secs(10);

impl Session {
    /// Runs the command in the unit's first copy until it exits with code 0, within the unit's own limit.
    pub(super) async fn await_command(&self, unit: &Unit, command: &[String]) -> Result<(), String> {
        let began = Instant::now();
        let until = began + Duration::from_millis(unit.within_ms);
        let mut last = String::new();
        loop {
            let limit = until.saturating_duration_since(Instant::now()).clamp(LEAST, ATTEMPT);
            let Err(why) = self.try_command(unit, command, limit).await else { return Ok(()) };
            if why != last {
                self.journal.record(RunEvent::UnitWaiting { unit: unit.name.clone(), last: why.clone() });
                last = why;
            }
            if Instant::now() + PAUSE >= until {
                let away = self.outage_since(began);
                let away = away.map(|what| format!(". This proves nothing about {}: {what}", unit.name));
                let within = seconds(unit.within_ms);
                return Err(format!("not ready within {within}: {last}{}", away.unwrap_or_default()));
            }
            sleep(PAUSE).await;
        }
    }

    async fn try_command(&self, unit: &Unit, command: &[String], limit: Duration) -> Result<(), String> {
        let done = self.engine.exec(&self.lease, &unit.name, command, limit).await;
        let done = done.map_err(|e| format!("failed to {e}"))?;
        match done.end {
            ExecutionEnd::Exited(0) => Ok(()),
            ExecutionEnd::Exited(code) => {
                let said = [&done.stderr, &done.stdout].into_iter().find_map(|output| last_line(&output.bytes));
                let said = said.map(|line| format!(": {line}")).unwrap_or_default();
                Err(format!("its command exited with code {code}{said}"))
            }
            ExecutionEnd::NotStarted(why) => Err(format!("its command did not start: {why}")),
            ExecutionEnd::TimedOut => Err(format!("its command did not end within {} s", limit.as_secs())),
        }
    }
}

/// The last line that is not blank.
fn last_line(output: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(output);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    Some(line.chars().take(LONGEST).collect())
}
