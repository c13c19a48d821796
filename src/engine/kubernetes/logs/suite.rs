//! Reads the log of a container suite while it is written, so that it is available after its pod is gone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::reader::{LogReader, Wanted};
use crate::engine::kubernetes::client::{KubernetesEngine, lock};
use crate::engine::lines::DROPPED;

/// Maximum size of a stored log, in bytes; its end is stored.
const MAX_LOG: usize = 4 << 20;
/// Maximum number of lines that wait to be shown.
const MOST_PENDING: usize = 1024;
/// Time limit for the end of a log to arrive after the process ended.
const END_LIMIT: Duration = Duration::from_secs(10);

/// The log that was read so far.
pub struct SuiteLog {
    text: Arc<Mutex<String>>,
    reading: AbortOnDropHandle<()>,
}

impl SuiteLog {
    /// Follows a log; the channel receives each line as it is written. Of a flood that nobody can show so fast, it loses lines;
    /// the stored log does not.
    pub fn follow(
        engine: &KubernetesEngine,
        environment: &str,
        pod: &str,
        container: &str,
    ) -> (Self, mpsc::Receiver<String>) {
        let (sender, lines) = mpsc::channel(MOST_PENDING);
        let text: Arc<Mutex<String>> = Arc::default();
        let wanted = Wanted { tail: None, follow: true, earlier: false };
        let (kept, mut tail) = (text.clone(), LogReader::new(engine, environment, pod, container, wanted));
        let reading = tokio::spawn(async move {
            while let Some(line) = tail.next().await {
                let mut text = lock(&kept);
                match line {
                    Ok((line, _)) => {
                        *text += &format!("{}\n", line.text);
                        sender.try_send(line.text).ok();
                    }
                    Err(e) => *text += &format!("(its log could not be read further: failed to {e})\n"),
                }
                if text.len() > 2 * MAX_LOG {
                    let cut = (text.len() - MAX_LOG..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                    text.drain(..cut);
                }
            }
        });
        (Self { text, reading: AbortOnDropHandle::new(reading) }, lines)
    }

    /// The whole log, after the process ended.
    pub async fn end(mut self) -> String {
        if tokio::time::timeout(END_LIMIT, &mut self.reading).await.is_err() {
            *lock(&self.text) += "(the end of its log did not arrive)\n";
        }
        let text = std::mem::take(&mut *lock(&self.text));
        let cut = (text.len().saturating_sub(MAX_LOG)..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let note = if cut > 0 { DROPPED } else { "" };
        format!("{note}{}", &text[cut..])
    }
}
