//! Logs of units, line by line; standard output and standard error alike.

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::client::LocalEngine;
use super::{claim, explain};
use crate::engine::{EngineError, Leftover, LogLine};
use crate::render::labels::{ENVIRONMENT, ROLE, RUN, Role, UNIT};

/// Longest line; what is longer is cut into several.
const LINE: usize = 64 * 1024;

/// The log of one unit, or of all of them.
pub async fn lines(
    engine: &LocalEngine,
    environment: &str,
    unit: Option<&str>,
    tail: Option<usize>,
    follow: bool,
) -> Result<BoxStream<'static, Result<LogLine, EngineError>>, EngineError> {
    let owner = claim::owner(engine, environment).await?.map(|o| o.to_string());
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
        containers.iter().map(|c| of(engine.clone(), c.id.clone(), c.copy_name(), tail, follow)).collect();
    // One after the other, so that the output is in order; side by side while following.
    Ok(if follow { futures::stream::select_all(each).boxed() } else { futures::stream::iter(each).flatten().boxed() })
}

fn of(
    engine: LocalEngine,
    container: String,
    unit: String,
    tail: Option<usize>,
    follow: bool,
) -> BoxStream<'static, Result<LogLine, EngineError>> {
    let tail = tail.map_or_else(|| "all".to_owned(), |n| n.to_string());
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).follow(follow).tail(&tail).build();
    // The stream borrows nothing once it was made.
    let pieces = engine.docker.logs(&container, Some(options)).boxed();
    let cutter = Cutter::default();
    futures::stream::unfold((pieces, cutter, unit, false), |(mut pieces, mut cutter, unit, over)| async move {
        if over {
            return None;
        }
        let (batch, over) = match pieces.next().await {
            Some(Ok(piece)) => (cutter.add(piece).into_iter().map(Ok).collect::<Vec<_>>(), false),
            Some(Err(e)) => (
                vec![Err(explain::failed(&format!("read the log of {unit}"), &explain::words(&e), Leftover::Unknown))],
                true,
            ),
            None => (cutter.rest().into_iter().map(Ok).collect(), true),
        };
        let batch: Vec<_> =
            batch.into_iter().map(|text| text.map(|text| LogLine { unit: unit.clone(), text })).collect();
        Some((futures::stream::iter(batch), (pieces, cutter, unit, over)))
    })
    .flatten()
    .boxed()
}

/// Puts pieces together to lines, apart for both streams.
#[derive(Default)]
struct Cutter {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Cutter {
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
    fn lines_of_both_streams_are_put_together_apart() {
        let mut cutter = Cutter::default();
        assert_eq!(cutter.add(out("one\r\ntw")), ["one"]);
        assert_eq!(cutter.add(LogOutput::StdErr { message: "bad\n".into() }), ["bad"]);
        assert_eq!(cutter.add(out("o\n\nlast")), ["two", ""]);
        assert_eq!(cutter.rest(), ["last"]);
    }
}
