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
use crate::engine::{EngineError, Leftover, LogEvent, LogLine};

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
    fn new(stream: impl AsyncBufRead + Send + 'static) -> Self {
        Self { stream: Box::pin(stream), splitter: LineSplitter::default(), lines: VecDeque::new() }
    }

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

/// What a reader reads.
#[derive(Debug)]
pub(super) enum Read {
    /// A new line and its time.
    Line(Line, Option<Timestamp>),
    /// A line that may have been read before.
    Again(Line, Option<Timestamp>),
    /// Lines may be missing, and why.
    Gap(String),
}

/// The lines to read of a container's log.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Only the last ones of the present process.
    pub tail: Option<usize>,
    /// New ones, too, as they are written.
    pub follow: bool,
    /// Those of processes that ended before the present one, too, as far as the cluster has them.
    pub earlier: bool,
}

/// Reader of one container's log, which continues where it stopped.
pub struct LogReader {
    engine: KubernetesEngine,
    environment: String,
    pod: String,
    container: String,
    params: LogParams,
    earlier: bool,
    reader: Option<Reader>,
    /// The open log is that of an earlier process.
    in_earlier: bool,
    /// How often the container had restarted when its log was opened.
    restarts: Option<i32>,
    /// Time of the last line, as it was written.
    last: String,
    /// `last` when the present log was opened: lines up to it come again.
    resumed_at: String,
    gaps: VecDeque<String>,
    /// The pod was removed.
    gone: bool,
    /// It could not be read further.
    broken: bool,
}

impl LogReader {
    /// A reader of these lines.
    pub fn new(engine: &KubernetesEngine, environment: &str, pod: &str, container: &str, wanted: Wanted) -> Self {
        let params = LogParams {
            container: Some(container.to_owned()),
            follow: wanted.follow,
            timestamps: true,
            tail_lines: wanted.tail.and_then(|n| i64::try_from(n).ok()),
            ..LogParams::default()
        };
        Self {
            engine: engine.clone(),
            environment: environment.to_owned(),
            pod: pod.to_owned(),
            container: container.to_owned(),
            params,
            earlier: wanted.earlier,
            reader: None,
            in_earlier: false,
            restarts: None,
            last: String::new(),
            resumed_at: String::new(),
            gaps: VecDeque::new(),
            gone: false,
            broken: false,
        }
    }

    /// The lines as a stream, each with its unit.
    pub fn lines(self, unit: String) -> BoxStream<'static, Result<LogLine, EngineError>> {
        futures::stream::unfold((self, unit), |(mut reader, unit)| async move {
            let next = reader.next().await?;
            Some((next.map(|(line, at)| log_line(&unit, line, at)), (reader, unit)))
        })
        .boxed()
    }

    /// Everything that is read as a stream, each with its unit.
    pub fn events(self, unit: String) -> BoxStream<'static, LogEvent> {
        futures::stream::unfold((self, unit), |(mut reader, unit)| async move {
            let event = match reader.read().await? {
                Ok(Read::Line(line, at)) => LogEvent::Line(log_line(&unit, line, at)),
                Ok(Read::Again(line, at)) => LogEvent::Again(log_line(&unit, line, at)),
                Ok(Read::Gap(why)) => LogEvent::Gap { unit: unit.clone(), why },
                Err(e) => LogEvent::Gap { unit: unit.clone(), why: format!("failed to {e}") },
            };
            Some((event, (reader, unit)))
        })
        .boxed()
    }

    /// The next line and its time; none at the end, and after an error.
    pub async fn next(&mut self) -> Option<Result<(Line, Option<Timestamp>), EngineError>> {
        loop {
            match self.read().await? {
                Ok(Read::Line(line, at)) => return Some(Ok((line, at))),
                Ok(Read::Again(..) | Read::Gap(_)) => {}
                Err(e) => return Some(Err(e)),
            }
        }
    }

    async fn read(&mut self) -> Option<Result<Read, EngineError>> {
        loop {
            if let Some(why) = self.gaps.pop_front() {
                return Some(Ok(Read::Gap(why)));
            }
            if self.broken {
                return None;
            }
            if self.reader.is_none() {
                match self.open().await {
                    Ok(true) => continue,
                    Ok(false) => return self.end(),
                    Err(e) => {
                        self.broken = true;
                        return Some(Err(e));
                    }
                }
            }
            match self.reader.as_mut()?.next().await {
                Some(Ok(line)) => return Some(Ok(self.timed(line))),
                ended => {
                    if let Some(Err(e)) = ended {
                        tracing::debug!(pod = self.pod, "its log broke off: {e}");
                    }
                    self.reader = None;
                    if std::mem::take(&mut self.in_earlier) {
                        continue;
                    }
                    if !self.params.follow || !self.may_continue().await {
                        return self.end();
                    }
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    /// The end of the log: a gap, if its last lines may have gone with the pod.
    fn end(&mut self) -> Option<Result<Read, EngineError>> {
        self.broken = true;
        let lost = self.earlier && self.params.follow && self.gone;
        lost.then(|| Ok(Read::Gap("its pod was removed, and the log with it".into())))
    }

    /// False if there is nothing to read yet, or any more.
    async fn open(&mut self) -> Result<bool, EngineError> {
        if let Ok(last) = self.last.parse::<Timestamp>() {
            self.params.since_time = Some(last);
            self.params.tail_lines = None;
        }
        self.resumed_at.clone_from(&self.last);
        let pods = self.engine.pods(&self.environment);
        loop {
            if self.earlier && self.open_earlier().await? {
                return Ok(true);
            }
            match pods.log_stream(&self.pod, &self.params).await {
                Ok(stream) => {
                    self.reader = Some(Reader::new(stream));
                    return Ok(true);
                }
                Err(e) if explain::is_missing(&e) => {
                    self.gone = true;
                    return Ok(false);
                }
                // The process has not started yet.
                Err(e) if explain::status(&e).is_some_and(|s| s.code == 400) => {
                    if !self.params.follow || !self.may_continue().await {
                        return Ok(false);
                    }
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Err(e) => return Err(self.unreadable(&e)),
            }
        }
    }

    /// Opens the log of the process before the present one after each restart; false if there is none to read. It is read whole:
    /// it is not known which of its lines came before a connection broke.
    async fn open_earlier(&mut self) -> Result<bool, EngineError> {
        let Ok(Some(pod)) = self.found().await else { return Ok(false) };
        let restarts = container_status::container(&pod, &self.container).map_or(0, |c| c.restart_count);
        let ended = restarts - self.restarts.replace(restarts).unwrap_or(0);
        if ended <= 0 {
            return Ok(false);
        }
        if ended > 1 {
            self.gaps.push_back(format!("it restarted {ended} times, and only the log of the last process is left"));
        }
        let params = LogParams { previous: true, follow: false, since_time: None, ..self.params.clone() };
        match self.engine.pods(&self.environment).log_stream(&self.pod, &params).await {
            Ok(stream) => {
                (self.reader, self.in_earlier) = (Some(Reader::new(stream)), true);
                Ok(true)
            }
            Err(e) if explain::is_missing(&e) || explain::status(&e).is_some_and(|s| s.code == 400) => {
                self.gaps.push_back("it restarted, and the log of the process before is gone".into());
                Ok(false)
            }
            Err(e) => Err(self.unreadable(&e)),
        }
    }

    fn unreadable(&self, error: &kube::Error) -> EngineError {
        explain::failed(&format!("read the log of {}", self.pod), error, Leftover::Unknown)
    }

    async fn found(&mut self) -> Result<Option<Pod>, kube::Error> {
        self.engine.pods(&self.environment).get_opt(&self.pod).await
    }

    /// Reports whether more lines can follow: the pod exists and has not ended for good.
    async fn may_continue(&mut self) -> bool {
        // While the API server is away, nothing is known; the next attempt to read fails by itself.
        let Ok(found) = self.found().await else { return true };
        let Some(pod) = found.filter(|pod| pod.metadata.deletion_timestamp.is_none()) else {
            self.gone = true;
            return false;
        };
        let end = container_status::container(&pod, &self.container)
            .and_then(|c| c.state.as_ref())
            .and_then(|s| s.terminated.as_ref());
        match pod.spec.as_ref().and_then(|s| s.restart_policy.as_deref()) {
            Some("Never") => end.is_none(),
            Some("OnFailure") => end.is_none_or(|end| end.exit_code != 0),
            _ => true,
        }
    }

    /// A line with its time. The start of a log is given in whole seconds, so that some lines come twice.
    fn timed(&mut self, line: Line) -> Read {
        let (time, text) = line.text.split_once(' ').unwrap_or((&line.text, ""));
        let at = time.parse().ok();
        let again = !self.resumed_at.is_empty() && time <= self.resumed_at.as_str();
        let text = text.trim_end_matches('\r').to_owned();
        if !again && time > self.last.as_str() {
            self.last = time.to_owned();
        }
        let line = Line { text, ..line };
        if again { Read::Again(line, at) } else { Read::Line(line, at) }
    }
}

fn log_line(unit: &str, line: Line, at: Option<Timestamp>) -> LogLine {
    LogLine { unit: unit.to_owned(), text: line.text, cut: line.cut, at }
}
