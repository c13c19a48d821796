//! Logs of units, line by line, of both standard streams.

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::client::LocalEngine;
use super::{anchor, explain};
use crate::engine::{EngineError, Leftover, LogLine};
use crate::render::labels::{ENVIRONMENT, ROLE, RUN, Role, UNIT};

/// Maximum length of a line; longer ones are split.
const LINE: usize = 64 * 1024;

/// Returns the log of one unit, or of all.
pub async fn lines(
    engine: &LocalEngine,
    environment: &str,
    unit: Option<&str>,
    tail: Option<usize>,
    follow: bool,
) -> Result<BoxStream<'static, Result<LogLine, EngineError>>, EngineError> {
    let owner = anchor::owner(engine, environment).await?.map(|o| o.to_string());
    let mut wanted = vec![(ENVIRONMENT, environment), (ROLE, Role::Unit.as_str())];
    wanted.extend(owner.as_deref().map(|run| (RUN, run)));
    wanted.extend(unit.map(|u| (UNIT, u)));
    let mut containers = engine.containers(&wanted).await?;
    if containers.is_empty() {
        return Err(EngineError::Missing(
            unit.map_or_else(|| format!("environment {environment}"), |u| format!("{u} in environment {environment}")),
        ));
    }
    containers.sort_by_key(|c| c.name());
    let each: Vec<_> =
        containers.iter().map(|c| container_log(engine.clone(), c.id.clone(), c.copy_name(), tail, follow)).collect();
    // One log after the other, or all at the same time while following.
    Ok(if follow { futures::stream::select_all(each).boxed() } else { futures::stream::iter(each).flatten().boxed() })
}

fn container_log(
    engine: LocalEngine,
    container: String,
    unit: String,
    tail: Option<usize>,
    follow: bool,
) -> BoxStream<'static, Result<LogLine, EngineError>> {
    let tail = tail.map_or_else(|| "all".to_owned(), |n| n.to_string());
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).follow(follow).tail(&tail).build();
    // Boxed, because the stream borrows nothing.
    let pieces = engine.docker.logs(&container, Some(options)).boxed();
    let splitter = LineSplitter::default();
    futures::stream::unfold((pieces, splitter, unit, false), |(mut pieces, mut splitter, unit, over)| async move {
        if over {
            return None;
        }
        let (batch, over) = match pieces.next().await {
            Some(Ok(piece)) => (splitter.add(piece).into_iter().map(Ok).collect::<Vec<_>>(), false),
            Some(Err(e)) => (
                vec![Err(explain::failed(&format!("read the log of {unit}"), &explain::words(&e), Leftover::Unknown))],
                true,
            ),
            None => (splitter.rest().into_iter().map(Ok).collect(), true),
        };
        let batch: Vec<_> =
            batch.into_iter().map(|text| text.map(|text| LogLine { unit: unit.clone(), text })).collect();
        Some((futures::stream::iter(batch), (pieces, splitter, unit, over)))
    })
    .flatten()
    .boxed()
}

/// Joins pieces to lines, separately for each stream.
#[derive(Default)]
struct LineSplitter {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl LineSplitter {
    fn add(&mut self, piece: LogOutput) -> Vec<String> {
        let held = if matches!(piece, LogOutput::StdErr { .. }) { &mut self.err } else { &mut self.out };
        held.extend_from_slice(&piece.into_bytes());
        let mut lines = vec![];
        while let Some(end) = held.iter().position(|b| *b == b'\n').or((held.len() > LINE).then_some(LINE)) {
            let line: Vec<u8> = held.drain(..=end).collect();
            lines.push(text(&line));
        }
        lines
    }

    fn rest(&mut self) -> Vec<String> {
        [std::mem::take(&mut self.out), std::mem::take(&mut self.err)]
            .iter()
            .filter(|l| !l.is_empty())
            .map(|l| text(l))
            .collect()
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end_matches(['\n', '\r']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(text: &'static str) -> LogOutput {
        LogOutput::StdOut { message: text.into() }
    }

    #[test]
    fn joins_the_lines_of_each_stream_separately() {
        let mut splitter = LineSplitter::default();
        assert_eq!(splitter.add(out("one\r\ntw")), ["one"]);
        assert_eq!(splitter.add(LogOutput::StdErr { message: "bad\n".into() }), ["bad"]);
        assert_eq!(splitter.add(out("o\n\nlast")), ["two", ""]);
        assert_eq!(splitter.rest(), ["last"]);
    }
}
