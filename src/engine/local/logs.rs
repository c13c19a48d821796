//! Logs of units, line by line, of both standard streams.

use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::query_parameters::LogsOptionsBuilder;
use futures::StreamExt;
use futures::stream::BoxStream;
use jiff::Timestamp;

use super::client::LocalEngine;
use super::containers::Listed;
use super::{anchor, explain};
use crate::engine::lines::{Line, LineSplitter};
use crate::engine::{EngineError, Leftover, LogLine, tail as end};
use crate::render::labels::{ENVIRONMENT, ROLE, Role, UNIT};

type Lines = BoxStream<'static, Result<LogLine, EngineError>>;

/// Returns the log of one unit, or of all.
pub async fn lines(
    engine: &LocalEngine,
    environment: &str,
    unit: Option<&str>,
    tail: Option<usize>,
    follow: bool,
) -> Result<Lines, EngineError> {
    let containers = containers(engine, environment, unit).await?;
    let mut each = vec![];
    for container in containers {
        each.push(container_log(engine, &container, tail, follow).await);
    }
    // One log after the other, or all at the same time while following.
    Ok(if follow { futures::stream::select_all(each).boxed() } else { futures::stream::iter(each).flatten().boxed() })
}

/// The containers of one unit, or of all, in order of their names.
pub(super) async fn containers(
    engine: &LocalEngine,
    environment: &str,
    unit: Option<&str>,
) -> Result<Vec<Listed>, EngineError> {
    let owner = anchor::owner(engine, environment).await?;
    let mut wanted = vec![(ENVIRONMENT, environment), (ROLE, Role::Unit.as_str())];
    wanted.extend(unit.map(|u| (UNIT, u)));
    let mut containers = engine.containers(&wanted).await?;
    containers.retain(|c| owner.as_ref().is_none_or(|owner| owner.has_container(c)));
    if containers.is_empty() {
        return Err(EngineError::Missing(
            unit.map_or_else(|| format!("environment {environment}"), |u| format!("{u} in environment {environment}")),
        ));
    }
    containers.sort_by_key(Listed::copy_name);
    Ok(containers)
}

/// The engine is always asked for the whole log: podman returns the last lines out of order if one of them was written in
/// parts.
async fn container_log(engine: &LocalEngine, container: &Listed, tail: Option<usize>, follow: bool) -> Lines {
    let read = |follow| read(engine.clone(), container.id.clone(), container.copy_name(), follow);
    match tail {
        Some(most) if follow => {
            let before = read(false).count().await;
            read(true).skip(before.saturating_sub(most)).boxed()
        }
        Some(most) => end::last(read(false), most),
        None => read(follow),
    }
}

fn read(engine: LocalEngine, container: String, unit: String, follow: bool) -> Lines {
    let pieces = pieces(&engine, &container, follow);
    let splitter = StreamSplitter::default();
    futures::stream::unfold((pieces, splitter, unit, false), |(mut pieces, mut splitter, unit, over)| async move {
        if over {
            return None;
        }
        let (batch, over) = match pieces.next().await {
            Some(Ok(piece)) => (splitter.add(&piece, &unit).into_iter().map(Ok).collect::<Vec<_>>(), false),
            Some(Err(e)) => (
                vec![Err(explain::failed(&format!("read the log of {unit}"), &explain::words(&e), Leftover::Unknown))],
                true,
            ),
            None => (splitter.rest(&unit).into_iter().map(Ok).collect(), true),
        };
        Some((futures::stream::iter(batch), (pieces, splitter, unit, over)))
    })
    .flatten()
    .boxed()
}

/// What a process wrote at once to one of its streams, and when.
pub(super) struct Piece {
    pub is_error: bool,
    pub at: Option<Timestamp>,
    pub text: Vec<u8>,
}

impl Piece {
    /// The engine writes the time before each piece, also within a line.
    fn new(output: LogOutput) -> Self {
        let is_error = matches!(output, LogOutput::StdErr { .. });
        let bytes = output.into_bytes();
        let space = bytes.iter().position(|b| *b == b' ');
        let at = space.and_then(|at| std::str::from_utf8(&bytes[..at]).ok()?.parse().ok());
        let text = match (at, space) {
            (Some(_), Some(space)) => bytes[space + 1..].to_vec(),
            _ => bytes.to_vec(),
        };
        Self { is_error, at, text }
    }
}

/// A container's whole log, and what follows.
pub(super) fn pieces(engine: &LocalEngine, container: &str, follow: bool) -> BoxStream<'static, Result<Piece, Error>> {
    let options =
        LogsOptionsBuilder::new().stdout(true).stderr(true).timestamps(true).follow(follow).tail("all").build();
    engine.docker.logs(container, Some(options)).map(|output| output.map(Piece::new)).boxed()
}

/// Joins pieces to lines, separately for each stream.
#[derive(Default)]
pub(super) struct StreamSplitter {
    out: LineSplitter,
    err: LineSplitter,
    last: Option<Timestamp>,
}

impl StreamSplitter {
    pub(super) fn add(&mut self, piece: &Piece, unit: &str) -> Vec<LogLine> {
        self.last = piece.at.or(self.last);
        let stream = if piece.is_error { &mut self.err } else { &mut self.out };
        stream.add(&piece.text).into_iter().map(|line| log_line(line, unit, self.last)).collect()
    }

    pub(super) fn rest(&mut self, unit: &str) -> Vec<LogLine> {
        self.out.rest().into_iter().chain(self.err.rest()).map(|line| log_line(line, unit, self.last)).collect()
    }
}

fn log_line(line: Line, unit: &str, at: Option<Timestamp>) -> LogLine {
    LogLine { unit: unit.to_owned(), text: line.text, cut: line.cut, at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_the_lines_of_each_stream_separately() {
        let mut splitter = StreamSplitter::default();
        let mut add = |piece| {
            let lines = splitter.add(&Piece::new(piece), "web");
            lines.into_iter().map(|line| (line.text, line.at.map(|at| at.as_second()))).collect::<Vec<_>>()
        };
        assert!(add(LogOutput::StdOut { message: "1970-01-01T00:00:01Z tw".into() }).is_empty());
        assert_eq!(add(LogOutput::StdErr { message: "1970-01-01T00:00:02Z bad\n".into() }), [("bad".into(), Some(2))]);
        assert_eq!(add(LogOutput::StdOut { message: "1970-01-01T00:00:03Z o\n".into() }), [("two".into(), Some(3))]);
        assert!(add(LogOutput::StdOut { message: "1970-01-01T00:00:04.5Z last".into() }).is_empty());
        assert_eq!(splitter.rest("web")[0].text, "last");
    }
}
