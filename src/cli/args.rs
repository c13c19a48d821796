//! Arguments that several verbs share.

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};

use crate::install::manifests::IMAGE;
use crate::model::Keep;

/// Options that every verb takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Text for people, or JSON for machines
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    pub output: Output,
    /// Where environments run (default: local; in a cluster: kubernetes); `list` takes several
    #[arg(
        long,
        global = true,
        value_enum,
        env = "DAYFLY_ENGINE",
        hide_env_values = true,
        value_name = "ENGINE",
        value_delimiter = ','
    )]
    pub engine: Vec<EngineChoice>,
    /// Context of the kubeconfig; the engine is then kubernetes
    #[arg(
        long,
        global = true,
        env = "DAYFLY_CONTEXT",
        hide_env_values = true,
        value_name = "CONTEXT",
        value_delimiter = ','
    )]
    pub context: Vec<String>,
    /// Registry that images are pulled through in place of the one they name
    #[arg(long, global = true, env = "DAYFLY_REGISTRY_MIRROR", hide_env_values = true, value_name = "HOST[/PATH]")]
    pub registry_mirror: Option<String>,
    /// Say more of what is done, on standard error (twice for all)
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// What only Kubernetes asks for.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Kubernetes")]
pub struct ClusterArgs {
    /// dayfly's own image, as nodes can pull it or have it (`make image`)
    #[arg(
        long,
        global = true,
        env = "DAYFLY_AGENT_IMAGE",
        hide_env_values = true,
        value_name = "REFERENCE",
        default_value = IMAGE
    )]
    pub agent_image: String,
    /// Credentials for image registries: a docker config.json
    #[arg(long, global = true, env = "DAYFLY_PULL_SECRET", hide_env_values = true, value_name = "FILE")]
    pub pull_secret: Option<PathBuf>,
    /// Folder with templates in place of dayfly's own (manifests/environment)
    #[arg(long, global = true, env = "DAYFLY_MANIFESTS", hide_env_values = true, value_name = "FOLDER")]
    pub manifests: Option<PathBuf>,
}

/// Text or JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Text,
    /// For machines
    Json,
}

/// Engines that a user can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineChoice {
    /// Any Docker-compatible socket: podman, Docker
    Local,
    /// A cluster: one namespace for each environment
    Kubernetes,
}

/// A description and what is filled into it.
#[derive(Debug, Clone, Args)]
pub struct DescriptionArgs {
    /// The description, or a folder that holds `environment.yaml`
    pub file: PathBuf,
    /// Override a value of the description
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    /// Override the image of a service, broker, database or container suite
    #[arg(long, value_name = "SERVICE=REFERENCE", value_parser = pair)]
    pub image: Vec<(String, String)>,
}

/// The change that an environment is for.
#[derive(Debug, Clone, Args)]
pub struct ChangeArgs {
    /// Pull request number (in GitHub and GitLab pipelines: taken from the job)
    #[arg(long, value_name = "NUMBER")]
    pub pr: Option<u32>,
    /// Head commit of the pull request (in GitHub and GitLab pipelines: taken from the job)
    #[arg(long, value_name = "SHA")]
    pub commit: Option<String>,
    /// Repository of the pull request: OWNER/NAME or its address (in GitHub and GitLab pipelines: taken from the job)
    #[arg(long, value_name = "REPOSITORY")]
    pub repository: Option<String>,
    /// How long the environment may live, such as 4h, in place of the description's `ttl`
    #[arg(long, value_name = "DURATION")]
    pub ttl: Option<String>,
}

/// What is asked of a run, here or in a cluster.
#[derive(Debug, Clone, Args)]
pub struct RequestArgs {
    #[command(flatten)]
    pub description: DescriptionArgs,
    #[command(flatten)]
    pub change: ChangeArgs,
    /// Run only this suite (may be given several times)
    #[arg(long, value_name = "NAME")]
    pub suite: Vec<String>,
    /// When the environment stays after the run
    #[arg(long, value_enum, default_value = "never", value_name = "WHEN")]
    pub keep: Keep,
}

// By hand, because `lifecycle` knows no flags.
impl ValueEnum for Keep {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Never, Self::OnFailure, Self::Always]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Never => PossibleValue::new("never").help("It is always removed"),
            Self::OnFailure => PossibleValue::new("on-failure").help("It stays when the result is not passed"),
            Self::Always => PossibleValue::new("always").help("It always stays"),
        })
    }
}

/// An environment by name, or by description and pull request.
#[derive(Debug, Clone, Args)]
pub struct EnvironmentArgs {
    /// Name such as `hello-pr-1`, or a description together with --pr
    #[arg(value_name = "ENVIRONMENT|FILE")]
    pub environment: String,
    /// Pull request, when a description is given
    #[arg(long, value_name = "NUMBER")]
    pub pr: Option<u32>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}
