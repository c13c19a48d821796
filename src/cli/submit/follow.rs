//! Follows a submitted run to its end: what the object's status says, and what the runner's log tells.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::{AsyncBufReadExt, StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;

use crate::cli::{Output, exit, screen};
use crate::controller::crd::{Phase, RunStatus, Stage, TestEnvironment};
use crate::controller::{RUNNER, pods};
use crate::engine::kubernetes::watched;
use crate::lifecycle::Notice;
use crate::plan::Plan;

/// After so long it is said that nobody has taken the object up.
const SILENCE: Duration = Duration::from_secs(20);
/// How long an object that is being deleted is waited for.
const LEAVING: Duration = Duration::from_secs(180);
/// How long the end of a log is waited for when the run has ended.
const TAIL: Duration = Duration::from_secs(10);
/// Pause before a log that broke off is read on.
const AGAIN: Duration = Duration::from_secs(1);

/// A submitted run.
pub struct Follow<'a> {
    /// How the cluster is reached.
    pub client: &'a Client,
    /// The objects of its namespace.
    pub objects: Api<TestEnvironment>,
    /// The object as it was submitted.
    pub submitted: TestEnvironment,
    /// What it asks for.
    pub plan: &'a Plan,
    /// How it is shown.
    pub output: Output,
}

/// How it ended.
pub enum Ended {
    /// The run ended.
    Run(Box<RunStatus>),
    /// There was no run, or another one.
    Refused { why: String, code: u8 },
}

/// What the object says of our run.
#[derive(Debug, Clone, PartialEq)]
enum Word {
    /// Nothing yet.
    Nothing,
    /// It waits, or is held up; in a sentence.
    Waits(String),
    /// It goes on, performed by a pod.
    Runs { run: Box<RunStatus> },
    /// It is over.
    Over(Box<RunStatus>),
    /// It will never be.
    Never { why: String, code: u8 },
}

/// What an object says of the run that a submission of this generation and input asked for. Pure.
fn word(object: &TestEnvironment, generation: i64, input: &str) -> Word {
    let status = object.status.clone().unwrap_or_default();
    let now = object.metadata.generation.unwrap_or_default();
    if object.metadata.deletion_timestamp.is_some() {
        return Word::Never { why: "the TestEnvironment was deleted".into(), code: exit::UNEXPECTED };
    }
    if now > generation && object.spec.input() != input {
        let why = format!("a newer submission, of commit {}, took the place of this one", object.spec.commit);
        return Word::Never { why, code: exit::UNEXPECTED };
    }
    let said = |kind: &str| status.conditions.iter().find(|c| c.kind == kind);
    if let Some(invalid) =
        said("Validated").filter(|c| c.status == "False" && c.observed_generation >= Some(generation))
    {
        return match status.phase {
            Some(Phase::Invalid) if invalid.reason == "Invalid" => {
                Word::Never { why: format!("the controller refused it:\n{}", invalid.message), code: exit::USAGE }
            }
            _ => Word::Waits(invalid.message.clone()),
        };
    }
    match (status.run, status.queue_position, status.blocked) {
        (Some(run), ..) if run.input == input && run.stage == Stage::Ended => Word::Over(Box::new(run)),
        (Some(run), _, blocked) if run.input == input => match (run.pod.is_some(), blocked) {
            (false, Some(blocked)) => Word::Waits(blocked),
            (false, None) => Word::Waits("the runner starts".into()),
            (true, _) => Word::Runs { run: Box::new(run) },
        },
        (_, _, Some(blocked)) => Word::Waits(blocked),
        (_, Some(position), _) => Word::Waits(format!("it waits for its turn: {position} run(s) must end before")),
        _ => Word::Nothing,
    }
}

impl Follow<'_> {
    /// Follows it; what the runner tells is shown as `dayfly run` shows it.
    pub async fn to_the_end(&self, controller_namespace: &str) -> Ended {
        let (said, words) = watch::channel(Word::Nothing);
        let mut over = words.clone();
        tokio::select! {
            () = self.listen(said) => Ended::Refused { why: "the watch of the TestEnvironment ended".into(), code: exit::UNEXPECTED },
            () = self.show(words, controller_namespace) => {
                let last = over.borrow_and_update().clone();
                match last {
                    Word::Over(run) => Ended::Run(run),
                    Word::Never { why, code } => Ended::Refused { why, code },
                    _ => Ended::Refused { why: "the run was not followed to its end".into(), code: exit::UNEXPECTED },
                }
            }
        }
    }

    /// Watches the object.
    async fn listen(&self, said: watch::Sender<Word>) {
        let generation = self.submitted.metadata.generation.unwrap_or_default();
        let input = self.submitted.spec.input();
        let itself = watcher::Config::default().fields(&format!("metadata.name={}", self.submitted.name_any()));
        let mut events = std::pin::pin!(watched(self.objects.clone(), itself).default_backoff());
        let mut there = false;
        while let Some(event) = events.next().await {
            let new = match event {
                Ok(Event::Init) => {
                    there = false;
                    None
                }
                Ok(Event::InitApply(object) | Event::Apply(object)) => {
                    there = true;
                    Some(word(&object, generation, &input))
                }
                Ok(Event::InitDone) if there => None,
                Ok(Event::InitDone | Event::Delete(_)) => {
                    Some(Word::Never { why: "the TestEnvironment was deleted".into(), code: exit::UNEXPECTED })
                }
                Err(e) => {
                    tracing::debug!("watching the TestEnvironment again: {e}");
                    None
                }
            };
            if let Some(new) = new {
                said.send_if_modified(|known| std::mem::replace(known, new.clone()) != new);
            }
        }
    }

    /// Shows what is said until it is over.
    async fn show(&self, mut words: watch::Receiver<Word>, controller_namespace: &str) {
        let mut told = BTreeSet::new();
        loop {
            let now = words.borrow_and_update().clone();
            match now {
                Word::Over(_) | Word::Never { .. } => return,
                Word::Runs { run } => return self.show_log(&run, words, controller_namespace).await,
                Word::Waits(why) => {
                    if told.insert(why.clone()) {
                        self.line("waiting", &why);
                    }
                }
                Word::Nothing => {}
            }
            if tokio::time::timeout(SILENCE, words.changed()).await.is_err() && told.is_empty() {
                let why = format!(
                    "no controller has taken it up yet; is one running? kubectl -n {controller_namespace} get pods"
                );
                told.insert(why.clone());
                self.line("waiting", &why);
            }
        }
    }

    fn line(&self, event: &str, text: &str) {
        match self.output {
            Output::Json => println!("{}", serde_json::json!({"event": event, "text": text})),
            Output::Text => eprintln!("{event}   {text}"),
        }
    }

    /// Shows the runner's log until the run is over and the log has ended.
    async fn show_log(&self, run: &RunStatus, mut words: watch::Receiver<Word>, controller_namespace: &str) {
        let mut show = screen::choose(self.output, self.plan);
        let over = async {
            let ends = |w: &Word| matches!(w, Word::Over(_) | Word::Never { .. });
            if words.wait_for(ends).await.is_err() {
                std::future::pending::<()>().await;
            }
            // The log's end may come a moment later than the word that the run is over.
            tokio::time::sleep(TAIL).await;
        };
        tokio::select! {
            () = self.log(run, controller_namespace, &mut show) => {}
            () = over => return,
        }
        // The log has ended; what counts is what the status says.
        let ends = |w: &Word| matches!(w, Word::Over(_) | Word::Never { .. });
        words.wait_for(ends).await.ok();
    }

    /// Reads the log to its end. One that breaks off is read on where it broke off.
    async fn log(&self, run: &RunStatus, namespace: &str, show: &mut (dyn FnMut(&Notice) + Send)) {
        let pods_of: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let name = pods::name(&run.id);
        let params = LogParams { follow: true, container: Some(RUNNER.into()), ..LogParams::default() };
        let mut read = 0;
        loop {
            let lines = match pods_of.log_stream(&name, &params).await {
                Ok(stream) => stream.lines(),
                Err(kube::Error::Api(s)) if s.code == 404 => return,
                Err(kube::Error::Api(s)) if s.code == 403 => {
                    self.line(
                        "note",
                        "the runner's log may not be read here (role dayfly-runner-logs); the report comes at the end",
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
                        if let Ok(notice) = serde_json::from_str::<Notice>(&line) {
                            show(&notice);
                        }
                    }
                    Ok(None) => return,
                    Err(_) => break,
                }
            }
        }
    }
}

/// Waits for an object of that name that is being deleted.
pub async fn until_gone_if_leaving(objects: &Api<TestEnvironment>, name: &str) -> Result<(), String> {
    let Ok(Some(there)) = objects.get_opt(name).await else { return Ok(()) };
    if there.metadata.deletion_timestamp.is_none() {
        return Ok(());
    }
    eprintln!("waiting   an older TestEnvironment {name} is being deleted");
    let uid = there.uid().unwrap_or_default();
    let gone =
        kube::runtime::wait::await_condition(objects.clone(), name, kube::runtime::wait::conditions::is_deleted(&uid));
    match tokio::time::timeout(LEAVING, gone).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(e)) => Err(format!("an older one is being deleted, and it cannot be waited for: {e}")),
        Err(_) => Err(format!(
            "an older one is still being deleted after {} s; is the controller running?",
            LEAVING.as_secs()
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn object(status: Value) -> TestEnvironment {
        serde_json::from_value(json!({
            "apiVersion": "dayfly.dev/v1alpha1", "kind": "TestEnvironment", "metadata": {"name": "a", "generation": 2},
            "spec": {"description": {"inline": "x"}, "pullRequest": 1, "commit": "abcdef0"}, "status": status,
        }))
        .unwrap()
    }

    fn said(status: Value) -> Word {
        let object = object(status);
        let input = object.spec.input();
        word(&object, 2, &input)
    }

    fn run(more: Value) -> Value {
        let mut run = json!({"id": "r", "environment": "e", "input": object(json!({})).spec.input(), "commit": "", "generation": 2});
        run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"run": run})
    }

    #[test]
    fn what_the_status_says_of_our_run_is_understood() {
        assert_eq!(said(json!({})), Word::Nothing);
        assert!(matches!(said(json!({"queuePosition": 3})), Word::Waits(w) if w.contains('3')));
        assert!(matches!(said(run(json!({}))), Word::Waits(_)));
        assert!(matches!(said(run(json!({"pod": "p", "stage": "Testing"}))), Word::Runs { .. }));
        assert!(matches!(said(run(json!({"pod": "p", "stage": "Ended"}))), Word::Over(_)));
        // An older run is not ours.
        assert_eq!(said(run(json!({"input": "other", "stage": "Ended"}))), Word::Nothing);
    }

    #[test]
    fn a_refusal_of_an_older_generation_is_not_ours_and_one_of_ours_ends_it() {
        let invalid = |generation: i64| {
            json!({"phase": "Invalid", "conditions": [{"type": "Validated", "status": "False", "reason": "Invalid",
                "message": "line 3", "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": generation}]})
        };
        assert_eq!(said(invalid(1)), Word::Nothing);
        assert!(matches!(said(invalid(2)), Word::Never { code: exit::USAGE, why } if why.contains("line 3")));
    }

    #[test]
    fn a_newer_submission_ends_it_unless_it_asks_for_the_same() {
        let object = object(json!({}));
        assert!(matches!(word(&object, 1, "other"), Word::Never { why, .. } if why.contains("newer submission")));
        assert_eq!(word(&object, 1, &object.spec.input()), Word::Nothing);
    }
}
