//! The log of a container suite, read while it is written, so that it is there also when its pod is not any more.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::reader::LogReader;
use crate::engine::kubernetes::client::{KubernetesEngine, lock};

/// Longest log that is kept; its end.
const LOG: usize = 4 << 20;
/// How long the end of a log may take to arrive after the process ended.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What was read so far.
pub struct SuiteLog {
    text: Arc<Mutex<String>>,
    reading: AbortOnDropHandle<()>,
}

impl SuiteLog {
    /// Its lines come out of the channel as well, as they are written.
    pub fn follow(
        engine: &KubernetesEngine,
        environment: &str,
        pod: &str,
        container: &str,
    ) -> (Self, mpsc::UnboundedReceiver<String>) {
        let (tell, lines) = mpsc::unbounded_channel();
        let text: Arc<Mutex<String>> = Arc::default();
        let (kept, mut tail) = (text.clone(), LogReader::new(engine, environment, pod, container, None, true));
        let reading = tokio::spawn(async move {
            while let Some(line) = tail.next().await {
                let mut text = lock(&kept);
                match line {
                    Ok(line) => {
                        *text += &format!("{line}\n");
                        tell.send(line).ok();
                    }
                    Err(e) => *text += &format!("(its log could not be read further: failed to {e})\n"),
                }
                if text.len() > 2 * LOG {
                    let cut = (text.len() - LOG..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                    text.drain(..cut);
                }
            }
        });
        (Self { text, reading: AbortOnDropHandle::new(reading) }, lines)
    }

    /// All of it, after the process ended.
    pub async fn end(mut self) -> String {
        if tokio::time::timeout(LAST_WORDS, &mut self.reading).await.is_err() {
            *lock(&self.text) += "(the end of its log did not arrive)\n";
        }
        let text = std::mem::take(&mut *lock(&self.text));
        let cut = (text.len().saturating_sub(LOG)..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text[cut..].to_owned()
    }
}
