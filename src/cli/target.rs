//! Resolves the flags to engines and clusters, and connects to them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use super::error::{engine_error, usage_error};
use super::{Common, EngineChoice, Output, process_env};
use crate::engine::kubernetes::{self, KubernetesEngine, ServiceAccountRef};
use crate::engine::local::{self, LocalEngine, SocketVariables};
use crate::engine::{Engine, EngineError};
use crate::render::kubernetes::Templates;
use crate::render::kubernetes::templates::SUFFIX;

/// Set in every pod of a cluster.
const IN_CLUSTER: &str = "KUBERNETES_SERVICE_HOST";

/// An engine or a cluster to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The container engine of this machine.
    Local,
    /// A cluster, by a context of the kubeconfig; without one, the current context or the cluster around this process.
    Kubernetes(Option<String>),
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::Kubernetes(None) => f.write_str("kubernetes"),
            Self::Kubernetes(Some(context)) => write!(f, "kubernetes {context}"),
        }
    }
}

/// Resolves the flags. A context implies a cluster; without flags, the target is where this process runs.
pub fn all(engines: &[EngineChoice], contexts: &[String], variables: &BTreeMap<String, String>) -> Vec<Target> {
    let clusters = || {
        let named: Vec<Target> = contexts.iter().map(|c| Target::Kubernetes(Some(c.clone()))).collect();
        if named.is_empty() { vec![Target::Kubernetes(None)] } else { named }
    };
    if engines.is_empty() {
        return if !contexts.is_empty() || variables.contains_key(IN_CLUSTER) {
            clusters()
        } else {
            vec![Target::Local]
        };
    }
    let mut targets = vec![];
    for engine in engines {
        let of = match engine {
            EngineChoice::Local => vec![Target::Local],
            EngineChoice::Kubernetes => clusters(),
        };
        targets.extend(of.into_iter().filter(|t| !targets.contains(t)).collect::<Vec<_>>());
    }
    // A context beside an engine that is not Kubernetes would otherwise be dropped silently.
    if !contexts.is_empty() && !engines.contains(&EngineChoice::Kubernetes) {
        targets.extend(clusters());
    }
    targets
}

/// The targets of the flags and the process environment.
pub fn chosen(common: &Common) -> Vec<Target> {
    all(&common.engine, &common.context, &process_env::variables())
}

/// The target of a subcommand that takes exactly one.
pub fn one(common: &Common) -> anyhow::Result<Target> {
    let mut chosen = chosen(common);
    match (chosen.pop(), chosen.is_empty()) {
        (Some(target), true) => Ok(target),
        (last, _) => {
            chosen.extend(last);
            let names = chosen.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Err(usage_error(&format!("this command takes one engine and one context, not several: {names}")).into())
        }
    }
}

/// The flags that select the same target in a suggested command, each after a space; empty for the default target.
pub fn flags(common: &Common) -> String {
    let variables = process_env::variables();
    let given = |variable: &str| !variables.contains_key(variable);
    let contexts = common.context.iter().filter(|_| given("DAYFLY_CONTEXT")).map(|c| format!(" --context {c}"));
    let engine = |e: &EngineChoice| match e {
        EngineChoice::Local => " --engine local",
        EngineChoice::Kubernetes => " --engine kubernetes",
    };
    let engines = common.engine.iter().filter(|_| given("DAYFLY_ENGINE") && common.context.is_empty());
    engines.map(|e| engine(e).to_owned()).chain(contexts).collect()
}

/// The global arguments, for another command of dayfly that is to do the same.
pub fn arguments(common: &Common) -> Vec<OsString> {
    let engine = |e: &EngineChoice| match e {
        EngineChoice::Local => "local",
        EngineChoice::Kubernetes => "kubernetes",
    };
    let output = match common.output {
        Output::Text => "text",
        Output::Json => "json",
    };
    let mut all: Vec<(&str, OsString)> = vec![("--output", output.into())];
    all.extend(common.engine.iter().map(|e| ("--engine", engine(e).into())));
    all.extend(common.context.iter().map(|context| ("--context", context.into())));
    all.extend(common.registry_mirror.iter().map(|mirror| ("--registry-mirror", mirror.into())));
    all.push(("--agent-image", (&common.cluster.agent_image).into()));
    all.extend(common.cluster.pull_secret.iter().map(|file| ("--pull-secret", file.into())));
    all.extend(common.cluster.manifests.iter().map(|folder| ("--manifests", folder.into())));
    let flag = |(name, value): (&str, OsString)| {
        let mut flag = OsString::from(format!("{name}="));
        flag.push(value);
        flag
    };
    let verbose = std::iter::repeat_n("-v".into(), common.verbose.into());
    all.into_iter().map(flag).chain(verbose).collect()
}

/// Connects to the one engine that the flags name. Errors are printed and have their exit code.
pub async fn engine(common: &Common) -> anyhow::Result<Arc<dyn Engine>> {
    reach(&one(common)?, common).await?.map_err(|e| engine_error(common, &e))
}

/// The variable with the folder of the fake engine, in builds for tests only.
#[cfg(any(test, feature = "testing"))]
pub const STAGE: &str = "DAYFLY_TEST_STAGE";

/// The fake engine, if its variable is set. Its results are never signed.
#[cfg(any(test, feature = "testing"))]
fn staged() -> Option<Arc<dyn Engine>> {
    use crate::engine::fake::{FakeEngine, Script, Stage};
    let folder = process_env::variables().remove(STAGE)?;
    Some(Arc::new(FakeEngine::new(Script { stage: Some(Stage(folder.into())), ..Script::default() })))
}

/// Connects to a target.
pub async fn reach(target: &Target, common: &Common) -> anyhow::Result<Result<Arc<dyn Engine>, EngineError>> {
    #[cfg(any(test, feature = "testing"))]
    if let Some(engine) = staged() {
        return Ok(Ok(engine));
    }
    Ok(match target {
        Target::Local => local(common).await?.map(|e| e as Arc<dyn Engine>),
        Target::Kubernetes(context) => cluster(context.clone(), common).await?.map(|e| e as Arc<dyn Engine>),
    })
}

/// Connects to the container engine of this machine.
pub async fn local(common: &Common) -> anyhow::Result<Result<Arc<LocalEngine>, EngineError>> {
    let executable = std::env::current_exe().context("failed to find dayfly's executable")?;
    let options = local::Options {
        socket_variables: SocketVariables::from_variables(&process_env::variables()),
        executable,
        registry_mirror: common.registry_mirror.clone(),
    };
    Ok(LocalEngine::connect(options).await.map(Arc::new))
}

/// Connects to a cluster, after checking the files of the flags (exit code 2).
pub async fn cluster(
    context: Option<String>,
    common: &Common,
) -> anyhow::Result<Result<Arc<KubernetesEngine>, EngineError>> {
    reached(options(context, common)?, common).await
}

/// Connects to the cluster that this process runs in, with an account that binds its own role in each environment.
pub async fn this_cluster(
    account: ServiceAccountRef,
    common: &Common,
) -> anyhow::Result<Result<Arc<KubernetesEngine>, EngineError>> {
    reached(kubernetes::Options { account: Some(account), ..options(None, common)? }, common).await
}

fn options(context: Option<String>, common: &Common) -> anyhow::Result<kubernetes::Options> {
    Ok(kubernetes::Options {
        context,
        agent_image: common.cluster.agent_image.clone(),
        registry_mirror: common.registry_mirror.clone(),
        pull_secret: pull_secret(common)?,
        account: None,
    })
}

async fn reached(
    options: kubernetes::Options,
    common: &Common,
) -> anyhow::Result<Result<Arc<KubernetesEngine>, EngineError>> {
    Ok(KubernetesEngine::connect(options, templates(common)?).await.map(Arc::new))
}

/// Reads the file of `--pull-secret`.
pub fn pull_secret(common: &Common) -> anyhow::Result<Option<String>> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|e| usage_error(&format!("--pull-secret {}: {e}", path.display())))
    };
    Ok(common.cluster.pull_secret.as_deref().map(read).transpose()?)
}

/// The built-in templates, replaced by those of `--manifests`.
pub fn templates(common: &Common) -> anyhow::Result<Templates> {
    let mut replaced = BTreeMap::new();
    if let Some(folder) = &common.cluster.manifests {
        let refuse = |why: String| usage_error(&format!("--manifests {}: {why}", folder.display()));
        for entry in std::fs::read_dir(folder).map_err(|e| refuse(e.to_string()))? {
            let path = entry.map_err(|e| refuse(e.to_string()))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(SUFFIX) {
                let text = std::fs::read_to_string(&path).map_err(|e| refuse(format!("{name}: {e}")))?;
                replaced.insert(name, text);
            }
        }
        if replaced.is_empty() {
            return Err(refuse(format!("the folder contains no templates (*{SUFFIX})")).into());
        }
    }
    Templates::new(&replaced).map_err(|e| usage_error(&format!("failed to {e}")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(engines: &[EngineChoice], contexts: &[&str], in_cluster: bool) -> Vec<String> {
        let contexts: Vec<String> = contexts.iter().map(|c| (*c).to_owned()).collect();
        let variables = in_cluster.then(|| (IN_CLUSTER.to_owned(), "10.0.0.1".to_owned())).into_iter().collect();
        all(engines, &contexts, &variables).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_context_implies_a_cluster_and_the_default_depends_on_where_it_runs() {
        use EngineChoice::{Kubernetes, Local};
        assert_eq!(targets(&[], &[], false), ["local"]);
        assert_eq!(targets(&[], &[], true), ["kubernetes"]);
        assert_eq!(targets(&[], &["a", "b"], false), ["kubernetes a", "kubernetes b"]);
        assert_eq!(targets(&[Local], &[], true), ["local"]);
        assert_eq!(targets(&[Local, Kubernetes], &["a"], false), ["local", "kubernetes a"]);
        assert_eq!(targets(&[Local], &["a"], false), ["local", "kubernetes a"]);
        assert_eq!(targets(&[Kubernetes], &[], false), ["kubernetes"]);
    }
}
