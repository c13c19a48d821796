//! What the controller follows beside the objects: runners' pods, and environments, of which people may change the retention.
//! A change of any makes every object be looked at again: that is cheap, and nobody has to know whose it was.

use futures::{Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use uuid::Uuid;

use super::{Context, RUNNER};
use crate::engine::kubernetes::watched;
use crate::render::kubernetes::lease;
use crate::render::labels::ENVIRONMENT;

/// What is known of them.
pub struct Followed {
    /// Runners' pods.
    pub pods: Store<Pod>,
    environments: Store<Namespace>,
}

impl Followed {
    /// Until when somebody wants the environment to stay that this run has; none when nobody changed that.
    pub fn extended(&self, environment: &str, run: &str) -> Option<Timestamp> {
        let namespace = self.environments.get(&ObjectRef::new(environment))?;
        lease::amendments(run.parse::<Uuid>().ok()?, namespace.annotations()).map(|retention| retention.expires)
    }

    /// Waits until all of them were listed once; whether they were.
    pub async fn is_complete(&self) -> bool {
        self.pods.wait_until_ready().await.is_ok() && self.environments.wait_until_ready().await.is_ok()
    }
}

/// What is known, and what keeps it up to date while it is awaited; that has no end.
pub fn follow(context: &Context) -> (Followed, impl Future<Output = ()> + '_) {
    let runners = Api::namespaced(context.client.clone(), &context.settings.namespace);
    let runners = watched(runners, watcher::Config::default().labels(&format!("app.kubernetes.io/component={RUNNER}")));
    let environments = watched(Api::all(context.client.clone()), watcher::Config::default().labels(ENVIRONMENT));
    let (pods, pods_writer) = reflector::store();
    let (namespaces, namespaces_writer) = reflector::store();
    let following = async move {
        let runners = nudging(context, "runners", reflector::reflector(pods_writer, runners));
        // The plan is the most of an environment's annotations, and not needed here.
        let lean = environments.modify(|namespace: &mut Namespace| {
            namespace.annotations_mut().retain(|name, _| name == lease::RETENTION);
            namespace.managed_fields_mut().clear();
        });
        let environments = nudging(context, "environments", reflector::reflector(namespaces_writer, lean));
        tokio::join!(runners, environments);
    };
    (Followed { pods, environments: namespaces }, following)
}

async fn nudging<K>(context: &Context, what: &str, events: impl Stream<Item = watcher::Result<watcher::Event<K>>>) {
    let mut events = std::pin::pin!(events.default_backoff());
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Apply(_) | watcher::Event::Delete(_) | watcher::Event::InitDone) => context.nudge(),
            Ok(_) => {}
            Err(e) => tracing::debug!("watching {what} again: {e}"),
        }
    }
}
