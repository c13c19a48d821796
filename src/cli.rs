//! The verbs that a user types: flags, the process environment and the screen live here and nowhere else.
//!
//! Data goes to standard output, progress and logs to standard error; `--output json` works everywhere.

use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

// First, for its macros.
#[macro_use]
pub mod stdio;

pub mod agent;
pub mod args;
pub mod ci;
pub mod completions;
pub mod controller;
pub mod description;
pub mod doctor;
pub mod down;
pub mod environment;
pub mod error;
pub mod extend;
pub mod forward;
pub mod identity;
pub mod image;
pub mod install;
pub mod keep;
pub mod key;
pub mod list;
pub mod logs;
pub mod man;
pub mod plan;
pub mod process_env;
pub mod progress;
pub mod reap;
pub mod render;
pub mod report;
pub mod request;
pub mod retention;
pub mod run;
pub mod runner;
pub mod schema;
pub mod signals;
pub mod status;
pub mod submit;
pub mod target;
pub mod test;
pub mod uninstall;
pub mod up;
pub mod validate;
pub mod verify;

pub use args::*;

/// A private test environment for every pull request, with a signed report of what was tested in it.
#[derive(Debug, Parser)]
#[command(name = "dayfly", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
    #[command(flatten)]
    pub common: Common,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Check a description and report every fault
    Validate {
        #[command(flatten)]
        description: DescriptionArgs,
    },
    /// Print the JSON Schema of descriptions
    Schema,
    /// Show what would be made, in which order, and who could reach whom
    Plan {
        #[command(flatten)]
        description: DescriptionArgs,
        /// Pull request number
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        pr: u32,
        /// Print only the graph
        #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, default_missing_value = "text")]
        graph: Option<plan::GraphFormat>,
    },
    /// Print the Kubernetes objects of an environment
    Render(render::RenderArgs),
    /// Bring an environment up and leave it running
    Up(up::UpArgs),
    /// Run suites in an environment that is up
    Test(test::TestArgs),
    /// Bring an environment up, run its suites, sign the report, remove everything
    Run(run::RunArgs),
    /// Have a cluster's controller do what run does, and fetch the signed report
    Submit(submit::SubmitArgs),
    /// List environments
    List,
    /// Show one environment
    Status {
        #[command(flatten)]
        environment: EnvironmentArgs,
    },
    /// Show the logs of an environment
    Logs(logs::LogsArgs),
    /// Make a port of a service reachable on this machine
    Forward(forward::ForwardArgs),
    /// Remove an environment
    Down {
        #[command(flatten)]
        environment: EnvironmentArgs,
    },
    /// Let an environment live longer
    Extend(extend::ExtendArgs),
    /// Keep an environment from being reaped
    Keep(keep::KeepArgs),
    /// Remove environments that expired, were closed, are idle or orphaned
    Reap(reap::ReapArgs),
    /// Render the report of a run
    Report(report::ReportArgs),
    /// Check the signatures of a run
    Verify(verify::VerifyArgs),
    /// Make and show signing keys
    Key {
        #[command(subcommand)]
        action: key::KeyAction,
    },
    /// Write dayfly's own image as an archive (for `podman load`, `docker load`)
    Image(image::ImageArgs),
    /// Find out whether this machine or cluster can run environments
    Doctor {
        /// A description whose images must be present
        file: Option<PathBuf>,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages
    Man {
        /// Folder to write them to
        folder: PathBuf,
    },
    /// Make TestEnvironments come about (what a cluster runs)
    Controller(controller::ControllerArgs),
    /// Install the controller in a cluster, with all that it needs; twice is an upgrade
    Install(install::InstallArgs),
    /// Remove from a cluster what was installed
    Uninstall(uninstall::UninstallArgs),
    /// What the controller runs for each run
    #[command(hide = true)]
    Runner(runner::RunnerArgs),
    /// What dayfly runs inside environments
    #[command(hide = true)]
    Agent(agent::AgentArgs),
}

impl Cli {
    /// Performs the verb; the number is the exit code.
    pub async fn perform(self) -> anyhow::Result<u8> {
        let common = &self.common;
        let json = common.output == Output::Json;
        match self.verb {
            Verb::Validate { description } => {
                Ok(validate::run(&description.file, &description::overrides(&description, None), json))
            }
            Verb::Schema => Ok(schema::run()),
            Verb::Plan { description, pr, graph } => {
                Ok(plan::run(&description.file, &description::overrides(&description, None), pr, graph, json))
            }
            Verb::Render(args) => render::run(args, common),
            Verb::Image(args) => image::run(args),
            Verb::Up(args) => up::run(args, common).await,
            Verb::Test(args) => test::run(args, common).await,
            Verb::Run(args) => run::run(args, common).await,
            Verb::Submit(args) => submit::run(args, common).await,
            Verb::List => list::run(common).await,
            Verb::Status { environment } => status::run(environment, common).await,
            Verb::Logs(args) => logs::run(args, common).await,
            Verb::Forward(args) => forward::run(args, common).await,
            Verb::Down { environment } => down::run(environment, common).await,
            Verb::Extend(args) => extend::run(args, common).await,
            Verb::Keep(args) => keep::run(args, common).await,
            Verb::Reap(args) => reap::run(args, common).await,
            Verb::Report(args) => report::run(args),
            Verb::Verify(args) => verify::run(args, json),
            Verb::Key { action } => key::run(action, json),
            Verb::Doctor { file } => doctor::run(file, common).await,
            Verb::Completions { shell } => Ok(completions::run(Self::command(), shell)),
            Verb::Man { folder } => man::run(Self::command(), &folder),
            Verb::Controller(args) => controller::run(args, common).await,
            Verb::Install(args) => install::run(args, common).await,
            Verb::Uninstall(args) => uninstall::run(args, common).await,
            Verb::Runner(args) => runner::run(args, common).await,
            Verb::Agent(args) => agent::run(args).await,
        }
    }
}
