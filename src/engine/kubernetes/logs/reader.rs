//! Reads logs line by line. A followed log continues when its connection breaks or its process restarts.

use std::time::Duration;

use std::collections::VecDeque;
use std::pin::Pin;

use futures::StreamExt;
use futures::io::{AsyncBufRead, AsyncReadExt as _};
use futures::stream::BoxStream;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;

use crate::engine::kubernetes::client::KubernetesEngine;
use crate::engine::kubernetes::explain;
use crate::engine::kubernetes::pods::container_status;
use crate::engine::lines::{Line, LineSplitter};
use crate::engine::{EngineError, Leftover, LogLine};

/// Pause before a log that ended is requested again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Bytes per read.
const READ_SIZE: usize = 16 * 1024;

/// Reads lines of bounded length.
struct Reader {
    stream: Pin<Box<dyn AsyncBufRead + Send>>,
    splitter: LineSplitter,
    lines: VecDeque<Line>,
}

impl Reader {
    async fn next(&mut self) -> Option<std::io::Result<Line>> {
        let mut piece = vec![0; READ_SIZE];
        while self.lines.is_empty() {
            match self.stream.read(&mut piece).await {
                Ok(0) => return self.splitter.rest().map(Ok),
                Ok(n) => self.lines.extend(self.splitter.add(&piece[..n])),
                Err(e) => return Some(Err(e)),
            }
        }
        self.lines.pop_front().map(Ok)
    }
}

/// Reader of one container's log, which continues where it stopped.
pub struct LogReader {
    engine: KubernetesEngine,
    environment: String,
    pod: String,
    container: String,
    params: LogParams,
    reader: Option<Reader>,
    /// Time of the last line, as it was written.
    last: String,
    /// It could not be read further.
    broken: bool,
}

impl LogReader {
    /// A reader of the last `tail` lines (all if none), then of new ones while `follow`.
    pub fn new(
        engine: &KubernetesEngine,
        environment: &str,
        pod: &str,
        container: &str,
        tail: Option<usize>,
        follow: bool,
    ) -> Self {
        let params = LogParams {
            container: Some(container.to_owned()),
            follow,
            timestamps: true,
            tail_lines: tail.and_then(|n| i64::try_from(n).ok()),
            ..LogParams::default()
        };
        Self {
            engine: engine.clone(),
            environment: environment.to_owned(),
            pod: pod.to_owned(),
            container: container.to_owned(),
            params,
            reader: None,
            last: String::new(),
            broken: false,
        }
    }

    /// The lines as a stream, each with its unit.
    pub fn lines(self, unit: String) -> BoxStream<'static, Result<LogLine, EngineError>> {
        futures::stream::unfold((self, unit), |(mut tail, unit)| async move {
            let next = tail.next().await?;
            Some((next.map(|line| LogLine { unit: unit.clone(), text: line.text, cut: line.cut }), (tail, unit)))
        })
        .boxed()
    }

    /// The next line; none at the end, and after an error.
    pub async fn next(&mut self) -> Option<Result<Line, EngineError>> {
        loop {
            if self.broken {
                return None;
            }
            if self.reader.is_none() {
                match self.open().await {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(e) => {
                        self.broken = true;
                        return Some(Err(e));
                    }
                }
            }
            match self.reader.as_mut()?.next().await {
                Some(Ok(line)) => {
                    if let Some(text) = self.unseen(&line.text) {
                        return Some(Ok(Line { text, ..line }));
                    }
                }
                ended => {
                    if let Some(Err(e)) = ended {
                        tracing::debug!(pod = self.pod, "its log broke off: {e}");
                    }
                    self.reader = None;
                    if !self.params.follow || !self.may_continue().await {
                        return None;
                    }
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    /// False if there is nothing to read yet, or any more.
    async fn open(&mut self) -> Result<bool, EngineError> {
        if let Ok(last) = self.last.parse::<Timestamp>() {
            self.params.since_time = Some(last);
            self.params.tail_lines = None;
        }
        let pods = self.engine.pods(&self.environment);
        loop {
            match pods.log_stream(&self.pod, &self.params).await {
                Ok(stream) => {
                    let (splitter, lines) = (LineSplitter::default(), VecDeque::new());
                    self.reader = Some(Reader { stream: Box::pin(stream), splitter, lines });
                    return Ok(true);
                }
                Err(e) if explain::is_missing(&e) => return Ok(false),
                // The process has not started yet.
                Err(e) if explain::status(&e).is_some_and(|s| s.code == 400) => {
                    if !self.params.follow || !self.may_continue().await {
                        return Ok(false);
                    }
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Err(e) => {
                    return Err(explain::failed(&format!("read the log of {}", self.pod), &e, Leftover::Unknown));
                }
            }
        }
    }

    /// Reports whether more lines can follow: the pod exists and has not ended for good.
    async fn may_continue(&mut self) -> bool {
        let found: Option<Pod> = self.engine.pods(&self.environment).get_opt(&self.pod).await.ok().flatten();
        let Some(pod) = found else { return false };
        if pod.metadata.deletion_timestamp.is_some() {
            return false;
        }
        let end = container_status::container(&pod, &self.container)
            .and_then(|c| c.state.as_ref())
            .and_then(|s| s.terminated.as_ref());
        match pod.spec.as_ref().and_then(|s| s.restart_policy.as_deref()) {
            Some("Never") => end.is_none(),
            Some("OnFailure") => end.is_none_or(|end| end.exit_code != 0),
            _ => true,
        }
    }

    /// The text of a line, unless it was returned before.
    fn unseen(&mut self, line: &str) -> Option<String> {
        let (time, text) = line.split_once(' ').unwrap_or((line, ""));
        // The start of a log is given in whole seconds, so that some lines come twice.
        if self.params.since_time.is_some() && time <= self.last.as_str() {
            return None;
        }
        self.last = time.to_owned();
        Some(text.trim_end_matches('\r').to_owned())
    }
}
