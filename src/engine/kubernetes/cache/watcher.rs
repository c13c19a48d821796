//! Watches that survive expired resource versions and outages.

use std::time::Duration;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Config, Event};
use kube::{Api, Error, Resource};
use serde::de::DeserializeOwned;

/// One item of a watch.
pub type Watched<K> = Result<Event<K>, watcher::Error>;

/// A watch that lists again when its resource version has expired. kube does so when a running watch is told, but not
/// when a watch cannot start.
pub fn watch_with_relist<K>(api: Api<K>, config: Config) -> impl Stream<Item = Watched<K>> + Send
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let begin = move || -> BoxStream<'static, Watched<K>> { watcher::watcher(api.clone(), config.clone()).boxed() };
    futures::stream::unfold((begin(), begin), |(mut events, begin)| async move {
        let event = events.next().await?;
        if let Err(watcher::Error::WatchStartFailed(Error::Api(status))) = &event
            && status.code == 410
        {
            events = begin();
        }
        Some((event, (events, begin)))
    })
}

/// Duration of one watch in seconds; then it begins again. One that is silent for longer is dead, even if its connection
/// never broke.
const WATCH_SECS: u32 = 60;
/// First and longest pause before a broken watch begins again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));

/// What a watch selects: everything, for a limited time at once.
pub fn everything() -> Config {
    Config::default().timeout(WATCH_SECS)
}

/// Short pauses, because somebody waits for what the watch sees.
#[derive(Debug, Clone)]
pub struct ShortPauses(Duration);

impl Default for ShortPauses {
    fn default() -> Self {
        Self(PAUSES.0)
    }
}

impl Iterator for ShortPauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = self.0;
        self.0 = (pause * 2).min(PAUSES.1);
        Some(pause)
    }
}

impl Backoff for ShortPauses {
    fn reset(&mut self) {
        *self = Self::default();
    }
}
