//! `dayfly submit`: submits a run to a cluster's controller; for CI jobs that may only create a TestEnvironment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt};

use super::error::{engine_error, usage_error};
use super::progress::Screen;
use super::target::Target;
use super::wanted::{Slot, Wanted};
use super::{Common, EngineChoice, Output, RequestArgs, request, run, signals, target};
use crate::crd::{RunStatus, StoredEvidence, TestEnvironment, USER};
use crate::engine::Engine;
use crate::engine::kubernetes::KubernetesEngine;
use crate::evidence::{configmap_store, store};
use crate::report::{Facts, exit_code};
use crate::run::RunRequest;

mod follow;
mod run_state;
mod spec;

/// Field manager of submitted objects.
const MANAGER: &str = "dayfly-submit";

/// Arguments of `submit`.
#[derive(Debug, Args)]
pub struct SubmitArgs {
    #[command(flatten)]
    request: RequestArgs,
    /// Namespace of the TestEnvironment (default: namespace of the context)
    #[arg(long, short, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Wait for the run to end, fetch its evidence, and exit with its exit code
    #[arg(long)]
    wait: bool,
    /// Folder for the fetched report and signed statements (default: `evidence` in the working folder)
    #[arg(long, value_name = "FOLDER", env = "DAYFLY_EVIDENCE", hide_env_values = true)]
    evidence: Option<PathBuf>,
    /// Namespace of the controller
    #[arg(
        long,
        value_name = "NAMESPACE",
        env = "DAYFLY_NAMESPACE",
        hide_env_values = true,
        default_value = "dayfly-system"
    )]
    controller_namespace: String,
}

impl SubmitArgs {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        self.request.description.wants(wanted);
        self.request.change.wants(wanted);
        wanted.slots.push(("evidence", Slot::Path(&mut self.evidence)));
        wanted.starts = true;
    }
}

/// Submits the run, and follows it with --wait.
pub async fn run(args: SubmitArgs, common: &Common) -> anyhow::Result<u8> {
    // The controller checks it against the cluster's policy.
    let (run_request, _) = request::run_request(&args.request, None, common)?;
    let RunRequest { valid, plan, change, runner, .. } = run_request;
    let text = std::fs::read_to_string(&valid.path)
        .with_context(|| format!("failed to read {} once more", valid.path.display()))?;
    let mut wanted = spec::build(&args.request, &valid, text, &change, runner);
    wanted.identity_token = super::identity_token::token(args.request.identity_token.as_deref())?;
    let engine = reached(common).await?;
    let client = engine.client();
    let namespace = args.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
    let objects: Api<TestEnvironment> = Api::namespaced(client.clone(), &namespace);
    let mut object = TestEnvironment::new(&plan.environment, wanted);
    // The API server refuses another user than that of the request.
    object.annotations_mut().extend(engine.account().await.map(|user| (USER.to_owned(), user)));
    let submitted = match submitted(&objects, object).await {
        Ok(submitted) => submitted,
        Err(why) => {
            errln!("error: failed to submit TestEnvironment {namespace}/{}: {why}", plan.environment);
            return Ok(exit_code::UNEXPECTED);
        }
    };
    if !args.wait {
        say_how_to_follow(&submitted, common);
        return Ok(exit_code::PASSED);
    }
    let way = format!("kubectl -n {namespace} delete testenvironment {}", plan.environment);
    let stop = signals::ask()?;
    let screen = Screen::new(common.output, &plan);
    let followed = follow::Follow { client: &client, objects, submitted, screen: &screen, output: common.output };
    let ended = tokio::select! {
        ended = followed.to_the_end(&args.controller_namespace) => ended,
        () = stop.cancelled() => {
            screen.end();
            errln!("left; the run goes on in the cluster. It is stopped and removed by: {way}");
            return Ok(exit_code::INTERRUPTED);
        }
    };
    match ended {
        Ok(run) => {
            finish(
                &client,
                &namespace,
                &run,
                &args.evidence.unwrap_or_else(|| request::DEFAULT_EVIDENCE.into()),
                common,
                &screen,
            )
            .await
        }
        Err(refusal) => {
            errln!("error: {}", refusal.why);
            Ok(refusal.code)
        }
    }
}

/// The cluster; submitting implies --engine kubernetes.
async fn reached(common: &Common) -> anyhow::Result<Arc<KubernetesEngine>> {
    let context = match target::one(common)? {
        Target::Kubernetes(context) => context,
        Target::Local if common.engine.contains(&EngineChoice::Local) => {
            return Err(usage_error("submit needs a cluster with dayfly's controller: leave out --engine local").into());
        }
        Target::Local => None,
    };
    target::cluster(context, common).await?.map_err(|e| engine_error(common, &e))
}

/// Applies the object; submitting the same input again increments the attempt.
async fn submitted(objects: &Api<TestEnvironment>, mut object: TestEnvironment) -> Result<TestEnvironment, String> {
    let name = object.name_any();
    follow::until_gone_if_leaving(objects, &name).await?;
    let known = objects.get_opt(&name).await.map_err(|e| spec::api_error(&e))?;
    if let Some(known) = known {
        object.spec.attempt = known.spec.attempt;
        if known.spec.input_digest() == object.spec.input_digest() {
            object.spec.attempt += 1;
        }
    }
    let params = PatchParams::apply(MANAGER).force().validation_strict();
    objects.patch(&name, &params, &Patch::Apply(&object)).await.map_err(|e| spec::api_error(&e))
}

fn say_how_to_follow(object: &TestEnvironment, common: &Common) {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    if common.output == Output::Json {
        outln!("{}", serde_json::json!({"namespace": namespace, "name": name, "attempt": object.spec.attempt}));
        return;
    }
    outln!("submitted TestEnvironment {namespace}/{name}");
    errln!(
        "\nnext:\n  kubectl -n {namespace} get tenv {name} --watch\n  kubectl -n {namespace} wait --for=condition=Tested tenv/{name}\n  kubectl -n {namespace} delete tenv {name}"
    );
}

/// Fetches the evidence and prints the report, like `dayfly run`.
async fn finish(
    client: &Client,
    namespace: &str,
    run: &RunStatus,
    evidence: &Path,
    common: &Common,
    screen: &Screen,
) -> anyhow::Result<u8> {
    screen.end();
    let code = run.exit_code.unwrap_or(exit_code::UNEXPECTED);
    let Some(stored) = &run.evidence else {
        let causes = if run.causes.is_empty() { "no cause is recorded".to_owned() } else { run.causes.join("\n  ") };
        errln!("error: run {} ended without evidence:\n  {causes}", run.id);
        if let Some(stored) = &run.opening_entry {
            match fetched_opening_entry(client, namespace, run, stored, evidence).await {
                Ok(folder) => {
                    errln!("note: its opening entry, which makes it an unfinished run, is in {}", folder.display())
                }
                Err(e) => errln!("error: its opening entry could not be fetched: {e:#}"),
            }
        }
        return Ok(if code == exit_code::PASSED { exit_code::NO_EVIDENCE } else { code });
    };
    match fetched(client, namespace, run, stored, evidence).await {
        Ok((facts, folder)) => {
            run::print_report(&facts, common, &folder, screen);
            screen.ended(&run.id, Some(facts.outcome()), code);
            Ok(code)
        }
        Err(e) => {
            errln!("error: the run ended with exit code {code}, and its evidence could not be fetched: {e:#}");
            Ok(if code == exit_code::PASSED { exit_code::NO_EVIDENCE } else { code })
        }
    }
}

async fn fetched_opening_entry(
    client: &Client,
    namespace: &str,
    run: &RunStatus,
    stored: &StoredEvidence,
    evidence: &Path,
) -> anyhow::Result<PathBuf> {
    let files = configmap_store::fetch(client, namespace, stored).await?;
    let folder = store::folder_of(evidence, &run.environment, &run.id)?;
    store::write_run(&folder, files)?;
    Ok(folder)
}

async fn fetched(
    client: &Client,
    namespace: &str,
    run: &RunStatus,
    stored: &StoredEvidence,
    evidence: &Path,
) -> anyhow::Result<(Facts, PathBuf)> {
    let files = configmap_store::fetch(client, namespace, stored).await?;
    let report = files.get(store::REPORT).context("it does not contain report.json")?;
    let facts: Facts = serde_json::from_slice(report).context("its report.json cannot be read")?;
    anyhow::ensure!(facts.run.to_string() == run.id, "it is of run {}, and not of {}", facts.run, run.id);
    let folder = store::run_dir(evidence, &facts)?;
    store::write_run(&folder, files)?;
    Ok((facts, folder))
}
