//! `dayfly agent`: what dayfly runs inside environments; not for typing.

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::report::exit_code;

/// Arguments of `agent`.
#[derive(Debug, Args)]
pub struct AgentArgs {
    #[command(subcommand)]
    job: Option<Job>,
}

#[derive(Debug, Subcommand)]
enum Job {
    /// Relay standard streams to HOST:PORT
    Dial {
        /// Where to
        to: String,
    },
    /// Say which limits hold here, then do nothing until ended
    Rest,
    /// Say as which user and group process 1 runs
    User,
    /// Write the files of a folder to standard output, as an archive
    Pack {
        /// The folder
        folder: std::path::PathBuf,
    },
}

/// Serves requests on the standard streams until they end, or relays them.
pub async fn run(args: AgentArgs) -> anyhow::Result<u8> {
    match args.job {
        Some(Job::Dial { to }) => crate::agent::dial(&to, tokio::io::stdin(), tokio::io::stdout())
            .await
            .with_context(|| format!("failed to relay to {to}"))?,
        Some(Job::Rest) => {
            outln!("{}", crate::agent::limits().await.join("\n"));
            // Process 1 is ended only by signals that it asked for.
            let stop = super::signals::watch(String::new())?;
            stop.cancelled().await;
        }
        Some(Job::User) => outln!("{}", crate::agent::user().await.context("failed to look at process 1")?),
        Some(Job::Pack { folder }) => {
            let pack = move || crate::agent::pack(&folder, std::io::stdout().lock());
            tokio::task::spawn_blocking(pack).await?.context("failed to pack the folder")?;
        }
        None => crate::agent::serve(tokio::io::stdin(), tokio::io::stdout()).await?,
    }
    Ok(exit_code::PASSED)
}
