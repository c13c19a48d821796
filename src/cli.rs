//! The command line: only this module reads flags and the process environment, and writes to the terminal.
//!
//! Data goes to standard output, progress and logs to standard error; `--output json` works everywhere.

use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

// First, for its macros.
#[macro_use]
pub mod stdio;

pub mod advisories;
pub mod agent;
pub mod args;
pub mod audit;
pub mod ci;
pub mod completions;
pub mod config;
pub mod controller;
pub mod cp;
pub mod deps;
pub mod description;
pub mod diff;
pub mod doctor;
pub mod down;
pub mod environment;
pub mod error;
pub mod exec;
pub mod extend;
pub mod files;
pub mod forge_token;
pub mod forward;
pub mod gate;
pub mod help;
pub mod identity;
pub mod identity_token;
pub mod image;
pub mod import;
pub mod init;
pub mod install;
pub mod keep;
pub mod key;
pub mod list;
pub mod log;
pub mod logs;
pub mod man;
pub mod open;
pub mod origin;
pub mod plan;
pub mod policy;
pub mod process_env;
pub mod progress;
pub mod publish;
pub mod reap;
pub mod render;
pub mod report;
pub mod request;
pub mod retention;
pub mod run;
pub mod runner;
pub mod scan;
pub mod schema;
pub mod secrets;
pub mod settings;
pub mod signals;
pub mod status;
pub mod submit;
pub mod target;
pub mod terminal;
pub mod test;
pub mod uninstall;
pub mod up;
pub mod validate;
mod verb_wanted;
pub mod verify;
pub mod waivers;
pub mod wanted;
pub mod watch;

pub use args::*;

/// Private test environments for pull requests, with signed test reports
#[derive(Debug, Parser)]
#[command(name = "dayfly", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// The subcommand
    #[command(subcommand)]
    pub verb: Verb,
    #[command(flatten)]
    pub common: Common,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write a description, an example suite and the file for CI, from what is in this folder
    Init(init::InitArgs),
    /// Draft a description from files of another tool
    #[command(subcommand)]
    Import(import::ImportFormat),
    /// Check a description, a policy or a register and report every error and warning
    Validate {
        #[command(flatten)]
        description: DescriptionArgs,
        #[command(flatten)]
        policy: policy::PolicyCheckArgs,
        /// Exit with code 2 if there are warnings
        #[arg(long)]
        deny_warnings: bool,
    },
    /// Print the JSON Schema of descriptions, policies, registers or waivers
    Schema(schema::SchemaArgs),
    /// Show what `up` would create, in which order, and which services can reach each other
    Plan {
        #[command(flatten)]
        description: DescriptionArgs,
        #[command(flatten)]
        policy: policy::PolicyCheckArgs,
        /// Pull request number
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        pr: u32,
        /// Print only the dependency graph
        #[arg(long, value_enum, value_name = "FORMAT", num_args = 0..=1, default_missing_value = "text")]
        graph: Option<plan::GraphFormat>,
    },
    /// Print the Kubernetes objects of an environment
    Render(render::RenderArgs),
    /// Start an environment and leave it running
    Up(up::UpArgs),
    /// Show what `up` would change in a running environment, and what would be lost
    Diff(diff::DiffArgs),
    /// Update an environment whenever its description, a file or an image changes, and run the suites concerned
    Watch(watch::WatchArgs),
    /// Run suites in a running environment
    Test(test::TestArgs),
    /// Start an environment, run its suites, sign the report, and remove the environment
    Run(run::RunArgs),
    /// Submit a run to a cluster's controller
    Submit(submit::SubmitArgs),
    /// List environments
    List,
    /// Show the status of an environment
    Status {
        #[command(flatten)]
        environment: EnvironmentArgs,
    },
    /// Show the logs of an environment, or of a past run
    Logs(logs::LogsArgs),
    /// Show the passwords of an environment
    Secrets(secrets::SecretsArgs),
    /// Run a command in a service, or a shell
    Exec(exec::ExecArgs),
    /// Copy files between this machine and a service
    Cp(cp::CpArgs),
    /// Forward a local port to a service
    Forward(forward::ForwardArgs),
    /// Remove an environment
    Down(down::DownArgs),
    /// Extend the lifetime of an environment
    Extend(extend::ExtendArgs),
    /// Protect an environment from `dayfly reap`
    Keep(keep::KeepArgs),
    /// Remove environments that are expired, idle or orphaned, or whose pull request is closed
    Reap(reap::ReapArgs),
    /// Render the report of a run
    Report(report::ReportArgs),
    /// Show the report of a run in a browser
    Open(open::OpenArgs),
    /// Verify signed evidence
    Verify(verify::VerifyArgs),
    /// Decide whether images may be installed: by their evidence and a policy
    Gate(gate::GateArgs),
    /// Tell a pull request what a run showed: by a comment, and by a status of the commit
    #[command(subcommand)]
    Publish(publish::PublishAction),
    /// Put everything of some time into one folder, verified, with what is missing
    Audit(audit::AuditArgs),
    /// Look for known vulnerabilities and malicious packages in lock files and images
    Scan(scan::ScanArgs),
    /// Review dependencies: what a change does to them, and their risk register
    #[command(subcommand)]
    Deps(deps::DepsAction),
    /// Make and show a bundle of advisories, for scans without a network
    #[command(subcommand)]
    Advisories(advisories::AdvisoriesAction),
    /// Create, show and verify the log of everything that was signed
    #[command(subcommand)]
    Log(log::LogAction),
    /// Generate and show signing keys
    #[command(subcommand)]
    Key(key::KeyAction),
    /// Write dayfly's own image as an archive for `podman load` or `docker load`
    Image(image::ImageArgs),
    /// Check that this machine or cluster can run environments
    Doctor {
        /// Description whose images to check as well
        file: Option<PathBuf>,
        #[command(flatten)]
        policy: policy::PolicyCheckArgs,
    },
    /// Show the value of every setting, and where it comes from
    Config(config::ConfigArgs),
    /// Print a shell completion script
    Completions {
        /// Shell to complete for
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write manual pages
    Man {
        /// Folder for the manual pages
        folder: PathBuf,
    },
    /// Run the TestEnvironment controller (in-cluster)
    Controller(controller::ControllerArgs),
    /// Install the controller in a cluster; run again to upgrade
    Install(install::InstallArgs),
    /// Remove the controller from a cluster
    Uninstall(uninstall::UninstallArgs),
    /// Perform one run for the controller (in-cluster)
    #[command(hide = true)]
    Runner(runner::RunnerArgs),
    /// Serve requests inside environments
    #[command(hide = true)]
    Agent(agent::AgentArgs),
}

impl Cli {
    /// The command line with its help, for parsing and for manual pages.
    pub fn explained() -> clap::Command {
        help::explain(Self::command())
    }

    /// Runs the subcommand and returns the exit code. `sources` are those of its arguments.
    pub async fn perform(mut self, sources: &origin::Sources) -> anyhow::Result<u8> {
        let origins = settings::apply(&mut self.common, self.verb.wanted(), sources)?;
        let common = &self.common;
        let json = common.output == Output::Json;
        match self.verb {
            Verb::Validate { description, policy, deny_warnings } => {
                validate::run(&description, &policy, deny_warnings, json)
            }
            Verb::Init(args) => init::run(&args, common),
            Verb::Import(format) => import::run(format, common),
            Verb::Schema(args) => Ok(schema::run(&args)),
            Verb::Plan { description, policy, pr, graph } => plan::run(&description, &policy, pr, graph, json),
            Verb::Render(args) => render::run(args, common),
            Verb::Image(args) => image::run(args),
            Verb::Up(args) => up::run(args, common).await,
            Verb::Diff(args) => diff::run(args, common).await,
            Verb::Watch(args) => watch::run(args, &Self::explained(), common).await,
            Verb::Test(args) => test::run(args, common).await,
            Verb::Run(args) => run::run(args, common).await,
            Verb::Submit(args) => submit::run(args, common).await,
            Verb::List => list::run(common).await,
            Verb::Status { environment } => status::run(environment, common).await,
            Verb::Logs(args) => logs::run(args, common).await,
            Verb::Secrets(args) => secrets::run(args, common).await,
            Verb::Exec(args) => exec::run(args, common).await,
            Verb::Cp(args) => cp::run(args, common).await,
            Verb::Forward(args) => forward::run(args, common).await,
            Verb::Down(args) => down::run(args, common).await,
            Verb::Extend(args) => extend::run(args, common).await,
            Verb::Keep(args) => keep::run(args, common).await,
            Verb::Reap(args) => reap::run(args, common).await,
            Verb::Report(args) => report::run(args),
            Verb::Open(args) => open::run(args).await,
            Verb::Verify(args) => verify::run(args, json),
            Verb::Gate(args) => gate::run(&args, common),
            Verb::Publish(action) => publish::run(action, common).await,
            Verb::Audit(args) => audit::run(&args, common),
            Verb::Scan(args) => scan::run(&args, common).await,
            Verb::Deps(action) => deps::run(action, common),
            Verb::Advisories(action) => advisories::run(action, common).await,
            Verb::Log(action) => log::run(action, common),
            Verb::Key(action) => key::run(action, json),
            Verb::Doctor { file, policy } => doctor::run(file, &policy, common).await,
            Verb::Config(args) => config::run(&args, &origins, common),
            Verb::Completions { shell } => Ok(completions::run(Self::command(), shell)),
            Verb::Man { folder } => man::run(Self::explained(), &folder),
            Verb::Controller(args) => controller::run(args, common).await,
            Verb::Install(args) => install::run(args, common).await,
            Verb::Uninstall(args) => uninstall::run(args, common).await,
            Verb::Runner(args) => runner::run(args, common).await,
            Verb::Agent(args) => agent::run(args).await,
        }
    }
}
