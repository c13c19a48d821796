//! Caches of runners' pods and of environments, whose retention people may change. Any change requeues all objects: that is
//! cheap, and needs no mapping from a change to its object.

use futures::{Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};

use super::labels::RUNNER;
use crate::engine::kubernetes::watch_with_relist;
use crate::model::RunId;
use crate::render::kubernetes::lease;
use crate::render::labels::ENVIRONMENT;

/// The caches.
pub struct Watches {
    /// Runners' pods.
    pub runners: Store<Pod>,
    environments: Store<Namespace>,
}

impl Watches {
    /// When this run's environment expires, if somebody changed that.
    pub fn extended_expiration(&self, environment: &str, run: &str) -> Option<Timestamp> {
        let namespace = self.environments.get(&ObjectRef::new(environment))?;
        lease::changed_retention(run.parse::<RunId>().ok()?, namespace.annotations()).map(|retention| retention.expires)
    }

    /// Waits for the initial lists; returns false if a watch ended.
    pub async fn wait_until_ready(&self) -> bool {
        self.runners.wait_until_ready().await.is_ok() && self.environments.wait_until_ready().await.is_ok()
    }
}

/// The caches, and a future without end that keeps them up to date. Every change calls `wake`.
pub fn start(client: &Client, runner_namespace: &str, wake: &impl Fn()) -> (Watches, impl Future<Output = ()>) {
    let pods = Api::namespaced(client.clone(), runner_namespace);
    let pods =
        watch_with_relist(pods, watcher::Config::default().labels(&format!("app.kubernetes.io/component={RUNNER}")));
    let namespaces = watch_with_relist(Api::all(client.clone()), watcher::Config::default().labels(ENVIRONMENT));
    let (runners, runners_writer) = reflector::store();
    let (environments, environments_writer) = reflector::store();
    let watching = async move {
        let pods = drain("runners", reflector::reflector(runners_writer, pods), wake);
        // The plan takes most of an environment's annotations, and is not needed here.
        let trimmed = namespaces.modify(|namespace: &mut Namespace| {
            namespace.annotations_mut().retain(|name, _| name == lease::RETENTION);
            namespace.managed_fields_mut().clear();
        });
        let namespaces = drain("environments", reflector::reflector(environments_writer, trimmed), wake);
        tokio::join!(pods, namespaces);
    };
    (Watches { runners, environments }, watching)
}

async fn drain<K>(what: &str, events: impl Stream<Item = watcher::Result<watcher::Event<K>>>, wake: &impl Fn()) {
    let mut events = std::pin::pin!(events.default_backoff());
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Apply(_) | watcher::Event::Delete(_) | watcher::Event::InitDone) => wake(),
            Ok(_) => {}
            Err(e) => tracing::debug!("restarting the watch of {what}: {e}"),
        }
    }
}
