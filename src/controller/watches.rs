//! Caches of runners' pods, of environments, whose retention people may change, and of the operator's policy. A change that
//! matters to an object requests its reconcile: each use of an environment changes its namespace, and matters to none.

use std::collections::{HashMap, HashSet};

use futures::{Stream, StreamExt};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Pod};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;

use super::labels::{RUNNER, TEST_ENVIRONMENT};
use super::run_request::{contents, parse_policy};
use super::runner_pod;
use super::triggers::{Reference, Trigger, Triggers};
use crate::crd::TestEnvironmentSummary;
use crate::engine::kubernetes::watch_with_relist;
use crate::model::RunId;
use crate::policy::{self, Policy, Subject};
use crate::render::kubernetes::lease;
use crate::render::labels;

/// The caches.
pub struct Watches {
    /// Runners' pods.
    pub runners: Store<Pod>,
    environments: Store<Namespace>,
    /// None until the API server has answered.
    /// None before it is known.
    policy: watch::Receiver<Option<KnownPolicy>>,
}

impl Watches {
    /// When this run's environment expires, if somebody changed that.
    pub fn extended_expiration(&self, environment: &str, run: &str) -> Option<Timestamp> {
        let namespace = self.environments.get(&ObjectRef::new(environment))?;
        lease::changed_retention(run.parse::<RunId>().ok()?, namespace.annotations()).map(|retention| retention.expires)
    }

    /// Returns true if this run's environment exists and is not being deleted.
    pub fn has_environment(&self, environment: &str, run: &str) -> bool {
        let namespace = self.environments.get(&ObjectRef::new(environment));
        namespace.is_some_and(|n| {
            n.metadata.deletion_timestamp.is_none() && n.labels().get(labels::RUN).is_some_and(|r| r == run)
        })
    }

    /// How many environments the policy allows a namespace.
    pub fn environments_of(&self, namespace: &str) -> Option<usize> {
        self.limits_of(namespace).map(|limits| limits.environments.value.into())
    }

    /// How long the policy lets environments of a namespace live. The repository counts if a token proved it, or if the policy
    /// lets the namespace speak for it.
    pub fn longest_life(&self, namespace: &str, repository: Option<&str>, is_proven: bool) -> Option<SignedDuration> {
        // With an unusable policy nothing is extended.
        if self.policy.borrow().as_ref().is_none_or(|known| !known.is_usable) {
            return None;
        }
        let limits = self.policy.borrow().as_ref().map(|known| {
            let proves = |r: &&str| is_proven || known.policy.proven_repository(namespace, r);
            let repository = repository.filter(proves).map(str::to_owned);
            known.policy.limits(&Subject::Requester { namespace: namespace.to_owned(), repository })
        })?;
        i64::try_from(limits.ttl_ms.value).ok().map(SignedDuration::from_millis)
    }

    fn limits_of(&self, namespace: &str) -> Option<policy::Limits> {
        let subject = Subject::Requester { namespace: namespace.to_owned(), repository: None };
        self.policy.borrow().as_ref().map(|known| known.policy.limits(&subject))
    }

    /// Waits for the initial lists and the policy; returns false if a watch ended.
    pub async fn wait_until_ready(&self) -> bool {
        self.runners.wait_until_ready().await.is_ok()
            && self.environments.wait_until_ready().await.is_ok()
            && self.policy.clone().wait_for(Option::is_some).await.is_ok()
    }
}

/// The operator's policy, or the built-in one if that cannot be used.
struct KnownPolicy {
    policy: Policy,
    is_usable: bool,
}

/// The caches, and a future without end that keeps them up to date and requests reconciles of these objects.
pub fn start(
    client: &Client,
    runner_namespace: &str,
    objects: &Store<TestEnvironmentSummary>,
    triggers: &Triggers,
) -> (Watches, impl Future<Output = ()>) {
    let pods = Api::namespaced(client.clone(), runner_namespace);
    let pods =
        watch_with_relist(pods, watcher::Config::default().labels(&format!("app.kubernetes.io/component={RUNNER}")));
    let namespaces =
        watch_with_relist(Api::all(client.clone()), watcher::Config::default().labels(labels::ENVIRONMENT));
    let (runners, runners_writer) = reflector::store();
    let (environments, environments_writer) = reflector::store();
    let maps = watcher::watch_object(Api::namespaced(client.clone(), runner_namespace), policy::CONFIGMAP);
    let (policies, policy) = watch::channel(None);
    let namespace = runner_namespace.to_owned();
    let watching = async move {
        let pods = reflector::reflector(runners_writer, pods);
        let pods = follow(
            "runners",
            pods,
            |pod| (owner(pod), runner_pod::observe(pod)),
            |owner: &Option<Reference>| {
                owner.iter().for_each(|owner| triggers.request(owner.clone(), Trigger::Runner));
            },
        );
        // The plan takes most of an environment's annotations, and is not needed here.
        let trimmed = namespaces.modify(|namespace: &mut Namespace| {
            namespace.annotations_mut().retain(|name, _| name == lease::RETENTION);
            namespace.managed_fields_mut().clear();
        });
        let namespaces = reflector::reflector(environments_writer, trimmed);
        let namespaces = follow(
            "environments",
            namespaces,
            |n| (n.name_any(), observe(n)),
            |name: &String| {
                for object in objects.state() {
                    if object.run().is_some_and(|r| r.environment == *name && r.removal_time.is_none()) {
                        triggers.request(ObjectRef::from_obj(&*object), Trigger::Environment);
                    }
                }
            },
        );
        let changed = || {
            objects.state().iter().for_each(|o| triggers.request(ObjectRef::from_obj(&**o), Trigger::Policy));
        };
        tokio::join!(pods, namespaces, follow_policy(maps, &namespace, policies, changed));
    };
    (Watches { runners, environments, policy }, watching)
}

/// The object whose run a pod performs.
fn owner(pod: &Pod) -> Option<Reference> {
    let (namespace, name) = pod.annotations().get(TEST_ENVIRONMENT)?.split_once('/')?;
    Some(ObjectRef::new(name).within(namespace))
}

/// What matters of an environment: its run, whether it is being deleted, and its changed expiry.
fn observe(namespace: &Namespace) -> (Option<String>, bool, Option<Timestamp>) {
    let run = namespace.labels().get(labels::RUN).cloned();
    let id = run.as_ref().and_then(|run| run.parse::<RunId>().ok());
    let retention = id.and_then(|id| lease::changed_retention(id, namespace.annotations()));
    (run, namespace.metadata.deletion_timestamp.is_some(), retention.map(|r| r.expires))
}

async fn follow_policy(
    maps: impl Stream<Item = watcher::Result<Option<ConfigMap>>>,
    namespace: &str,
    policies: watch::Sender<Option<KnownPolicy>>,
    changed: impl Fn(),
) {
    let (mut maps, mut known) = (std::pin::pin!(maps.default_backoff()), None);
    while let Some(map) = maps.next().await {
        match map {
            Ok(map) => {
                let files = map.map(contents);
                if known.as_ref() == Some(&files) {
                    continue;
                }
                // With an unusable policy no run starts; those that wait are counted by the built-in limits.
                let policy = parse_policy(files.as_ref(), namespace);
                let is_usable = policy.is_ok();
                let policy = policy.unwrap_or_else(|_| Policy::built_in());
                policies.send_replace(Some(KnownPolicy { policy, is_usable }));
                // The first is no change: objects are reconciled once it is known.
                if known.replace(files).is_some() {
                    changed();
                }
            }
            Err(e) => tracing::debug!("restarting the watch of the policy: {e}"),
        }
    }
}

/// Calls `changed` with the target of each object whose observed part changed, or that is gone. `observe` returns both.
async fn follow<K: ResourceExt, T, P: PartialEq>(
    what: &str,
    events: impl Stream<Item = watcher::Result<watcher::Event<K>>>,
    observe: impl Fn(&K) -> (T, P),
    changed: impl Fn(&T),
) {
    let mut events = std::pin::pin!(events.default_backoff());
    let (mut known, mut listed) = (HashMap::<String, (T, P)>::new(), HashSet::new());
    // The store has the objects of a list when the list is complete.
    let mut waiting: Vec<T> = vec![];
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => listed.clear(),
            Ok(watcher::Event::InitApply(object)) => {
                listed.insert(object.name_any());
                if update(&mut known, &object, &observe) {
                    waiting.push(observe(&object).0);
                }
            }
            Ok(watcher::Event::Apply(object)) => {
                if update(&mut known, &object, &observe) {
                    changed(&observe(&object).0);
                }
            }
            Ok(watcher::Event::InitDone) => {
                waiting.drain(..).for_each(|target| changed(&target));
                known.retain(|name, (target, _)| {
                    let there = listed.contains(name);
                    if !there {
                        changed(target);
                    }
                    there
                });
            }
            Ok(watcher::Event::Delete(object)) => {
                known.remove(&object.name_any());
                changed(&observe(&object).0);
            }
            Err(e) => tracing::debug!("restarting the watch of {what}: {e}"),
        }
    }
}

/// Remembers what was observed of an object; returns true if it is new.
fn update<K: ResourceExt, T, P: PartialEq>(
    known: &mut HashMap<String, (T, P)>,
    object: &K,
    observe: impl Fn(&K) -> (T, P),
) -> bool {
    let (target, part) = observe(object);
    let is_new = known.get(&object.name_any()).is_none_or(|(_, before)| *before != part);
    known.insert(object.name_any(), (target, part));
    is_new
}
