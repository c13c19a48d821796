//! Logs of units, line by line, of both standard streams.

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptionsBuilder;
use futures::StreamExt;
use futures::stream::BoxStream;

use super::client::LocalEngine;
use super::{anchor, explain};
use crate::engine::lines::{Line, LineSplitter};
use crate::engine::{EngineError, Leftover, LogLine};
use crate::render::labels::{ENVIRONMENT, ROLE, RUN, Role, UNIT};

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
    let splitter = StreamSplitter::default();
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
        let batch: Vec<_> = batch
            .into_iter()
            .map(|line| line.map(|line| LogLine { unit: unit.clone(), text: line.text, cut: line.cut }))
            .collect();
        Some((futures::stream::iter(batch), (pieces, splitter, unit, over)))
    })
    .flatten()
    .boxed()
}

/// Joins pieces to lines, separately for each stream.
#[derive(Default)]
struct StreamSplitter {
    out: LineSplitter,
    err: LineSplitter,
}

impl StreamSplitter {
    fn add(&mut self, piece: LogOutput) -> Vec<Line> {
        let stream = if matches!(piece, LogOutput::StdErr { .. }) { &mut self.err } else { &mut self.out };
        stream.add(&piece.into_bytes())
    }

    fn rest(&mut self) -> Vec<Line> {
        self.out.rest().into_iter().chain(self.err.rest()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_the_lines_of_each_stream_separately() {
        let mut splitter = StreamSplitter::default();
        let mut add = |piece| splitter.add(piece).into_iter().map(|line| line.text).collect::<Vec<_>>();
        assert!(add(LogOutput::StdOut { message: "tw".into() }).is_empty());
        assert_eq!(add(LogOutput::StdErr { message: "bad\n".into() }), ["bad"]);
        assert_eq!(add(LogOutput::StdOut { message: "o\nlast".into() }), ["two"]);
        assert_eq!(splitter.rest()[0].text, "last");
    }
}
