//! Caches of runners' pods, of environments, whose retention people may change, and of the operator's policy. Any change requeues all objects: that is
//! cheap, and needs no mapping from a change to its object.

use futures::{Stream, StreamExt};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;

use super::labels::RUNNER;
use super::run_request::{contents, parse_policy};
use crate::engine::kubernetes::watch_with_relist;
use crate::model::RunId;
use crate::policy::{self, Policy, Subject};
use crate::render::kubernetes::lease;
use crate::render::labels::ENVIRONMENT;

/// The caches.
pub struct Watches {
    /// Runners' pods.
    pub runners: Store<Pod>,
    environments: Store<Namespace>,
    /// None until the API server has answered.
    policy: watch::Receiver<Option<Policy>>,
}

impl Watches {
    /// When this run's environment expires, if somebody changed that.
    pub fn extended_expiration(&self, environment: &str, run: &str) -> Option<Timestamp> {
        let namespace = self.environments.get(&ObjectRef::new(environment))?;
        lease::changed_retention(run.parse::<RunId>().ok()?, namespace.annotations()).map(|retention| retention.expires)
    }

    /// How many environments the policy allows a namespace.
    pub fn environments_of(&self, namespace: &str) -> Option<usize> {
        let subject = Subject::Requester { namespace: namespace.to_owned(), repository: None };
        self.policy.borrow().as_ref().map(|policy| policy.limits(&subject).environments.value.into())
    }

    /// Waits for the initial lists and the policy; returns false if a watch ended.
    pub async fn wait_until_ready(&self) -> bool {
        self.runners.wait_until_ready().await.is_ok()
            && self.environments.wait_until_ready().await.is_ok()
            && self.policy.clone().wait_for(Option::is_some).await.is_ok()
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
    let maps = watcher::watch_object(Api::namespaced(client.clone(), runner_namespace), policy::CONFIGMAP);
    let (policies, policy) = watch::channel(None);
    let namespace = runner_namespace.to_owned();
    let watching = async move {
        let pods = drain("runners", reflector::reflector(runners_writer, pods), wake);
        // The plan takes most of an environment's annotations, and is not needed here.
        let trimmed = namespaces.modify(|namespace: &mut Namespace| {
            namespace.annotations_mut().retain(|name, _| name == lease::RETENTION);
            namespace.managed_fields_mut().clear();
        });
        let namespaces = drain("environments", reflector::reflector(environments_writer, trimmed), wake);
        tokio::join!(pods, namespaces, follow_policy(maps, &namespace, policies, wake));
    };
    (Watches { runners, environments, policy }, watching)
}

async fn follow_policy(
    maps: impl Stream<Item = watcher::Result<Option<ConfigMap>>>,
    namespace: &str,
    policies: watch::Sender<Option<Policy>>,
    wake: &impl Fn(),
) {
    let mut maps = std::pin::pin!(maps.default_backoff());
    while let Some(map) = maps.next().await {
        match map {
            Ok(map) => {
                // With an unusable policy no run starts: its limits do not matter.
                let files = map.map(contents);
                let policy = parse_policy(files.as_ref(), namespace);
                policies.send_replace(Some(policy.unwrap_or_else(|_| Policy::built_in())));
                wake();
            }
            Err(e) => tracing::debug!("restarting the watch of the policy: {e}"),
        }
    }
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
