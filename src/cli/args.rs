//! Arguments that several subcommands share.

use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, PossibleValue, TypedValueParser as _};
use clap::{Args, ValueEnum};

use super::wanted::{Place, Slot, Wanted};
use crate::install::manifests::IMAGE;
use crate::model::{BuiltFrom, Keep, LinkedChange};
use crate::report::facts::https;

/// Global options.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Output format
    #[arg(long, global = true, value_enum, default_value = "text", value_name = "FORMAT")]
    pub output: Output,
    /// Engine that runs environments (default: local; in a cluster: kubernetes); comma-separated for `list`
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
    /// Context of the kubeconfig; implies --engine kubernetes; comma-separated for `list`
    #[arg(
        long,
        global = true,
        env = "DAYFLY_CONTEXT",
        hide_env_values = true,
        value_name = "CONTEXT",
        value_delimiter = ','
    )]
    pub context: Vec<String>,
    /// Registry to pull images from, in place of the registry in their reference
    #[arg(long, global = true, env = "DAYFLY_REGISTRY_MIRROR", hide_env_values = true, value_name = "HOST[/PATH]")]
    pub registry_mirror: Option<String>,
    /// Increase log verbosity (-v, -vv)
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// Options of the kubernetes engine.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Kubernetes")]
pub struct ClusterArgs {
    /// Image of dayfly, pullable by the cluster's nodes or loaded on them
    #[arg(
        long,
        global = true,
        env = "DAYFLY_AGENT_IMAGE",
        hide_env_values = true,
        value_name = "REFERENCE",
        default_value = IMAGE
    )]
    pub agent_image: String,
    /// Docker config.json with registry credentials
    #[arg(long, global = true, env = "DAYFLY_PULL_SECRET", hide_env_values = true, value_name = "FILE")]
    pub pull_secret: Option<PathBuf>,
    /// Folder with object templates, in place of the built-in ones (manifests/environment)
    #[arg(long, global = true, env = "DAYFLY_MANIFESTS", hide_env_values = true, value_name = "FOLDER")]
    pub manifests: Option<PathBuf>,
}

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Human-readable text
    Text,
    /// JSON
    Json,
}

/// Engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineChoice {
    /// Podman or Docker, over its Docker-compatible socket
    Local,
    /// A Kubernetes cluster, with one namespace for each environment
    Kubernetes,
}

/// A description and its overrides.
#[derive(Debug, Clone, Args)]
pub struct DescriptionArgs {
    /// Description file, or a folder with an `environment.yaml` (default: the nearest `environment.yaml`, in this folder or
    /// above it in the repository)
    // Empty until `settings` fills it in.
    #[arg(default_value = "", hide_default_value = true, value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub file: PathBuf,
    /// Override a value of the description (repeatable)
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    /// Override the image of a service, broker, database, backing service or container suite (repeatable)
    #[arg(long, value_name = "SERVICE=REFERENCE", value_parser = pair)]
    pub image: Vec<(String, String)>,
    /// Take the suites from the protected base: a commit, or a folder with its checkout (absolute, or ./FOLDER)
    #[arg(long, value_name = "REF|FOLDER")]
    pub suites_from: Option<String>,
}

/// The change under test.
#[derive(Debug, Clone, Args)]
pub struct ChangeArgs {
    /// Pull request number (default in GitHub and GitLab jobs: that of the job; outside of CI: 0, which stands for no pull
    /// request)
    #[arg(long, value_name = "NUMBER")]
    pub pr: Option<u32>,
    /// Head commit of the pull request (default in GitHub and GitLab jobs: that of the job; outside of CI: the commit that is
    /// checked out)
    #[arg(long, value_name = "SHA")]
    pub commit: Option<String>,
    /// Repository of the pull request, as OWNER/NAME or URL (default in GitHub and GitLab jobs: that of the job; outside of CI:
    /// the remote `origin`)
    #[arg(long, value_name = "REPOSITORY")]
    pub repository: Option<String>,
    /// Address of the CI job, https://…, for the report (default in GitHub and GitLab jobs: that of the job)
    #[arg(long, value_name = "URL", value_parser = https_url)]
    pub job_url: Option<String>,
    /// Lifetime of the environment, such as 4h (default: `ttl` of the description)
    #[arg(long, value_name = "DURATION")]
    pub ttl: Option<String>,
}

impl DescriptionArgs {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        wanted.place = Place::Needed(&mut self.file);
        wanted.slots.push(("suites-from", Slot::Text(&mut self.suites_from)));
    }
}

impl ChangeArgs {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        wanted.slots.push(("repository", Slot::Text(&mut self.repository)));
        wanted.slots.push(("ttl", Slot::Text(&mut self.ttl)));
    }
}

impl EnvironmentArgs {
    /// What it takes from the settings.
    pub fn wants<'a>(&'a self, wanted: &mut Wanted<'a>) {
        wanted.place = Place::Named(Path::new(&self.environment));
    }
}

/// What to do about an environment of another owner.
#[derive(Debug, Clone, Args)]
pub struct OwnerArgs {
    /// Take over an environment of the same name that belongs to another owner, and record from whom
    #[arg(long)]
    pub take_over: bool,
}

/// Arguments of a run, local or in a cluster.
#[derive(Debug, Clone, Args)]
pub struct RequestArgs {
    #[command(flatten)]
    pub description: DescriptionArgs,
    #[command(flatten)]
    pub change: ChangeArgs,
    /// File with the identity token of the CI job, which proves the repository (default: the variable
    /// DAYFLY_IDENTITY_TOKEN, which holds the token itself); see docs/policy.md
    #[arg(long, value_name = "FILE")]
    pub identity_token: Option<PathBuf>,
    /// Commit that the image of a service was built from, for the report and the evidence; without it, the labels of the
    /// image may name one (repeatable)
    #[arg(long, value_name = "SERVICE=REPOSITORY@SHA", value_parser = commit_of)]
    pub commit_of: Vec<(String, BuiltFrom)>,
    /// Pull request of another repository that is tested together with this one, for the report and the evidence (repeatable)
    #[arg(long, value_name = "REPOSITORY#NUMBER", value_parser = LinkedChange::parse)]
    pub with: Vec<LinkedChange>,
    /// Run only this suite (repeatable)
    #[arg(long, value_name = "NAME")]
    pub suite: Vec<String>,
    /// When to keep the environment after the run
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
            Self::Never => PossibleValue::new("never").help("Always remove it"),
            Self::OnFailure => PossibleValue::new("on-failure").help("Keep it unless the run passed"),
            Self::Always => PossibleValue::new("always").help("Always keep it"),
        })
    }
}

/// An environment by name, or by description and pull request.
#[derive(Debug, Clone, Args)]
pub struct EnvironmentArgs {
    /// Name of the environment, such as `hello-pr-1`, or a description together with --pr
    #[arg(value_name = "ENVIRONMENT|FILE")]
    pub environment: String,
    /// Pull request number (only with a description)
    #[arg(long, value_name = "NUMBER")]
    pub pr: Option<u32>,
}

fn https_url(text: &str) -> Result<String, String> {
    https(text).ok_or_else(|| "write an https:// address without a user and without special characters".to_owned())
}

/// Parses `SERVICE=REPOSITORY@SHA`.
pub fn commit_of(text: &str) -> Result<(String, BuiltFrom), String> {
    let (name, from) = pair(text).map_err(|_| "write it as SERVICE=REPOSITORY@SHA")?;
    Ok((name, BuiltFrom::parse(&from)?))
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE".to_owned()),
    }
}
