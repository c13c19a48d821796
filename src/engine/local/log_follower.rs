//! Follows the log of a unit from its first line: the engine's stream ends with the process, and goes on with the next one.

use std::collections::VecDeque;
use std::time::Duration;

use bollard::errors::Error;
use futures::StreamExt;
use futures::stream::BoxStream;
use jiff::Timestamp;

use super::client::LocalEngine;
use super::logs::{Piece, StreamSplitter, containers, pieces};
use crate::engine::{EngineError, LogEvent};

/// Pause before a container whose process has ended is looked at again.
const PAUSE: Duration = Duration::from_millis(500);

/// Follows every copy of a unit.
pub async fn follow(
    engine: &LocalEngine,
    environment: &str,
    unit: &str,
) -> Result<BoxStream<'static, LogEvent>, EngineError> {
    let containers = containers(engine, environment, Some(unit)).await?;
    let each = containers.into_iter().map(|container| {
        let follower = Follower {
            engine: engine.clone(),
            unit: container.copy_name(),
            container: container.id,
            exists: true,
            reading: None,
            started: String::new(),
            position: Position::default(),
            splitter: StreamSplitter::default(),
            events: VecDeque::new(),
        };
        futures::stream::unfold(follower, |mut follower| async move { Some((follower.next().await?, follower)) })
            .boxed()
    });
    Ok(futures::stream::select_all(each).boxed())
}

struct Follower {
    engine: LocalEngine,
    /// Name of the copy.
    unit: String,
    container: String,
    /// As far as is known.
    exists: bool,
    reading: Option<BoxStream<'static, Result<Piece, Error>>>,
    /// Start of the process whose log was read last.
    started: String,
    position: Position,
    splitter: StreamSplitter,
    events: VecDeque<LogEvent>,
}

impl Follower {
    async fn next(&mut self) -> Option<LogEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let Some(reading) = &mut self.reading else {
                if !std::mem::take(&mut self.exists) {
                    return None;
                }
                self.exists = self.open().await;
                if !self.exists {
                    let why = "its container was removed, and the log with it".into();
                    self.events.push_back(LogEvent::Gap { unit: self.unit.clone(), why });
                }
                continue;
            };
            match reading.next().await {
                Some(Ok(piece)) => {
                    if self.position.is_shortened(&piece) {
                        self.events.push_back(self.shortened());
                    }
                    if let Some(piece) = self.position.advance(piece) {
                        self.events.extend(self.splitter.add(&piece, &self.unit).into_iter().map(LogEvent::Line));
                    }
                }
                ended => {
                    match ended {
                        Some(Err(e)) => tracing::debug!(unit = self.unit, "its log broke off: {e}"),
                        _ if self.position.is_beyond_the_end() => {
                            self.events.push_back(self.shortened());
                        }
                        _ => {}
                    }
                    self.reading = None;
                    self.events.extend(self.splitter.rest(&self.unit).into_iter().map(LogEvent::Line));
                }
            }
        }
    }

    fn shortened(&self) -> LogEvent {
        LogEvent::Gap { unit: self.unit.clone(), why: "the engine no longer has the beginning of its log".into() }
    }

    /// Opens the log as soon as there is more to read; false if the container is gone.
    async fn open(&mut self) -> bool {
        loop {
            match self.engine.container(&self.container).await {
                Ok(None) => return false,
                Ok(Some(found)) => {
                    let known = found.state.started_at == self.started;
                    if known {
                        tokio::time::sleep(PAUSE).await;
                    }
                    if !known || !found.state.ended() {
                        self.started = found.state.started_at;
                        self.position.return_to_the_beginning();
                        self.reading = Some(pieces(&self.engine, &self.container, true));
                        return true;
                    }
                }
                Err(e) => {
                    tracing::debug!(unit = self.unit, "failed to {e}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

/// How much of a log was read. A log is always read from its beginning, because the engine's times are too coarse to go on from.
#[derive(Default)]
struct Position {
    /// Bytes that were passed on.
    read: usize,
    /// Bytes that the present reading must still skip.
    skip: usize,
    /// The latest time of what was passed on.
    last: Option<Timestamp>,
}

impl Position {
    fn return_to_the_beginning(&mut self) {
        self.skip = self.read;
    }

    /// Reports whether a piece that would be skipped was written after everything that was passed on: the log has lost its
    /// beginning, and the piece is new.
    fn is_shortened(&mut self, piece: &Piece) -> bool {
        let shortened = self.skip > 0 && piece.at.is_some_and(|at| self.last.is_some_and(|last| at > last));
        if shortened {
            (self.read, self.skip) = (0, 0);
        }
        shortened
    }

    /// What is new of a piece.
    fn advance(&mut self, piece: Piece) -> Option<Piece> {
        let known = self.skip.min(piece.text.len());
        self.skip -= known;
        let text = piece.text.get(known..).filter(|rest| !rest.is_empty())?.to_vec();
        self.read += text.len();
        self.last = self.last.max(piece.at);
        Some(Piece { text, ..piece })
    }

    /// The log has become shorter than what was read of it: what comes next is new from its beginning.
    fn is_beyond_the_end(&mut self) -> bool {
        let shorter = self.skip > 0;
        if shorter {
            (self.read, self.skip) = (0, 0);
        }
        shorter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_text(position: &mut Position, text: &str) -> String {
        let piece = position.advance(Piece { is_error: false, at: None, text: text.as_bytes().to_vec() });
        piece.map(|p| String::from_utf8_lossy(&p.text).into_owned()).unwrap_or_default()
    }

    #[test]
    fn passes_on_only_what_is_new_of_a_log_that_is_read_again() {
        let mut position = Position::default();
        assert_eq!(new_text(&mut position, "one\ntw"), "one\ntw");
        position.return_to_the_beginning();
        assert_eq!(new_text(&mut position, "one\n"), "");
        assert_eq!(new_text(&mut position, "two\n"), "o\n");
        assert!(!position.is_beyond_the_end());
    }

    #[test]
    fn notices_new_text_at_the_place_of_what_was_read() {
        let piece = |second, text: &str| Piece {
            is_error: false,
            at: Timestamp::from_second(second).ok(),
            text: text.as_bytes().to_vec(),
        };
        let mut position = Position::default();
        position.advance(piece(1, "old text"));
        position.return_to_the_beginning();
        assert!(!position.is_shortened(&piece(1, "old")));
        assert!(position.is_shortened(&piece(2, "new")));
        assert!(position.advance(piece(2, "new")).is_some_and(|p| p.text == b"new"));
    }

    #[test]
    fn notices_a_log_that_has_become_shorter() {
        let mut position = Position::default();
        new_text(&mut position, "one\ntwo\n");
        position.return_to_the_beginning();
        assert_eq!(new_text(&mut position, "one\n"), "");
        assert!(position.is_beyond_the_end());
        position.return_to_the_beginning();
        assert_eq!(new_text(&mut position, "new\n"), "new\n");
    }
}
