//! Follows a submitted run to its end, by the object's status and the runner's log.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{AsyncBufReadExt, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;

use super::run_state::{Refusal, RunState, run_state};
use crate::cli::Output;
use crate::cli::progress::Screen;
use crate::controller::{RUNNER, runner_pod};
use crate::crd::{RunStatus, TestEnvironment};
use crate::engine::kubernetes::watch_with_relist;
use crate::lifecycle::RunEvent;

/// Time after which a missing controller is reported.
const SILENCE: Duration = Duration::from_secs(20);
/// Time limit of the deletion of an older object.
const LEAVING: Duration = Duration::from_secs(180);
/// Time limit of the rest of the log after the run has ended.
const TAIL: Duration = Duration::from_secs(10);
/// Pause before an interrupted log is resumed.
const AGAIN: Duration = Duration::from_secs(1);

/// A submitted run.
pub struct Follow<'a> {
    /// Client of the cluster.
    pub client: &'a Client,
    /// TestEnvironments of its namespace.
    pub objects: Api<TestEnvironment>,
    /// The submitted object.
    pub submitted: TestEnvironment,
    /// Shows the progress.
    pub screen: &'a Screen,
    /// Output format.
    pub output: Output,
}

impl Follow<'_> {
    /// Follows the run, and shows its progress like `dayfly run`.
    pub async fn to_the_end(&self, controller_namespace: &str) -> Result<Box<RunStatus>, Refusal> {
        let (sender, states) = watch::channel(RunState::Unknown);
        let mut last = states.clone();
        tokio::select! {
            () = self.watch(sender) => Err(Refusal::unexpected("the watch of the TestEnvironment ended")),
            () = self.show(states, controller_namespace) => {
                let last = last.borrow_and_update().clone();
                match last {
                    RunState::Ended(run) => Ok(run),
                    RunState::Refused(refusal) => Err(refusal),
                    _ => Err(Refusal::unexpected("lost track of the run before it ended")),
                }
            }
        }
    }

    /// Watches the object.
    async fn watch(&self, sender: watch::Sender<RunState>) {
        let generation = self.submitted.metadata.generation.unwrap_or_default();
        let input = self.submitted.spec.input_digest();
        let itself = watcher::Config::default().fields(&format!("metadata.name={}", self.submitted.name_any()));
        let mut events = std::pin::pin!(watch_with_relist(self.objects.clone(), itself).default_backoff());
        let mut there = false;
        while let Some(event) = events.next().await {
            let new = match event {
                Ok(Event::Init) => {
                    there = false;
                    None
                }
                Ok(Event::InitApply(object) | Event::Apply(object)) => {
                    there = true;
                    Some(run_state(&object, generation, &input))
                }
                Ok(Event::InitDone) if there => None,
                Ok(Event::InitDone | Event::Delete(_)) => {
                    Some(RunState::Refused(Refusal::unexpected("the TestEnvironment was deleted")))
                }
                Err(e) => {
                    tracing::debug!("watching the TestEnvironment again: {e}");
                    None
                }
            };
            if let Some(new) = new {
                sender.send_if_modified(|known| std::mem::replace(known, new.clone()) != new);
            }
        }
    }

    /// Shows status changes until the run has ended.
    async fn show(&self, mut states: watch::Receiver<RunState>, controller_namespace: &str) {
        let mut told = BTreeSet::new();
        loop {
            let now = states.borrow_and_update().clone();
            match now {
                RunState::Ended(_) | RunState::Refused(_) => return,
                RunState::Running(run) => return self.show_log(&run, states, controller_namespace).await,
                RunState::Waiting(why) => {
                    if told.insert(why.clone()) {
                        self.line("waiting", &why);
                    }
                }
                RunState::Unknown => {}
            }
            if tokio::time::timeout(SILENCE, states.changed()).await.is_err() && told.is_empty() {
                let why = format!(
                    "no controller has accepted it yet; check that one is running: kubectl -n {controller_namespace} get pods"
                );
                told.insert(why.clone());
                self.line("waiting", &why);
            }
        }
    }

    fn line(&self, event: &str, text: &str) {
        match self.output {
            Output::Json => {
                let time = jiff::Timestamp::now();
                outln!("{}", serde_json::json!({"event": event, "text": text, "time": time}));
            }
            Output::Text => errln!("{event}   {text}"),
        }
    }

    /// Shows the runner's log until the run is over and the log has ended.
    async fn show_log(&self, run: &RunStatus, mut states: watch::Receiver<RunState>, controller_namespace: &str) {
        let mut show = self.screen.reporter(&run.id);
        let over = async {
            let ends = |w: &RunState| matches!(w, RunState::Ended(_) | RunState::Refused(_));
            if states.wait_for(ends).await.is_err() {
                std::future::pending::<()>().await;
            }
            // The log may end a moment after the status does.
            tokio::time::sleep(TAIL).await;
        };
        tokio::select! {
            () = self.log(run, controller_namespace, &mut show) => {}
            () = over => return,
        }
        // The log has ended; the status decides.
        let ends = |w: &RunState| matches!(w, RunState::Ended(_) | RunState::Refused(_));
        states.wait_for(ends).await.ok();
    }

    /// Reads the log to its end, resuming it after interruptions.
    async fn log(&self, run: &RunStatus, namespace: &str, show: &mut (dyn FnMut(&RunEvent) + Send)) {
        let pods_of: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let name = runner_pod::name(&run.id);
        let params = LogParams { follow: true, container: Some(RUNNER.into()), ..LogParams::default() };
        let mut read = 0;
        loop {
            let lines = match pods_of.log_stream(&name, &params).await {
                Ok(stream) => stream.lines(),
                Err(kube::Error::Api(s)) if s.code == 404 => return,
                Err(kube::Error::Api(s)) if s.code == 403 => {
                    self.line(
                        "note",
                        "no permission to read the runner's log (role dayfly-runner-logs); the report is printed at the end",
                    );
                    return;
                }
                Err(e) => {
                    tracing::debug!("failed to read the runner's log: {e}");
                    tokio::time::sleep(AGAIN).await;
                    continue;
                }
            };
            let mut fresh = lines.skip(read);
            loop {
                match fresh.try_next().await {
                    Ok(Some(line)) => {
                        read += 1;
                        if let Ok(event) = serde_json::from_str::<RunEvent>(&line) {
                            show(&event);
                        }
                    }
                    Ok(None) => return,
                    Err(_) => break,
                }
            }
        }
    }
}

/// Waits for the deletion of an older object of the same name.
pub async fn until_gone_if_leaving(objects: &Api<TestEnvironment>, name: &str) -> Result<(), String> {
    let Ok(Some(there)) = objects.get_opt(name).await else { return Ok(()) };
    if there.metadata.deletion_timestamp.is_none() {
        return Ok(());
    }
    errln!("waiting   an older TestEnvironment {name} is being deleted");
    let uid = there.uid().unwrap_or_default();
    let gone =
        kube::runtime::wait::await_condition(objects.clone(), name, kube::runtime::wait::conditions::is_deleted(&uid));
    match tokio::time::timeout(LEAVING, gone).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(e)) => Err(format!("failed to wait for the deletion of an older one: {e}")),
        Err(_) => Err(format!(
            "an older one is still being deleted after {} s; is the controller running?",
            LEAVING.as_secs()
        )),
    }
}
