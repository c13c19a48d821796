//! Watches that survive expired resource versions.

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
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
