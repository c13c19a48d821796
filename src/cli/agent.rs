//! `dayfly agent`: serves requests inside environments (internal).

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
        /// Target address, as HOST:PORT
        to: String,
    },
    /// Print the limits of this container, then wait for a signal
    Rest,
    /// Write a folder to standard output, as an archive
    Pack {
        /// Folder to archive
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
            crate::agent::protect()?;
            outln!("{}", crate::agent::limits().await.join("\n"));
            // Process 1 ignores signals without a handler.
            let stop = super::signals::watch_quiet()?;
            stop.cancelled().await;
        }
        Some(Job::Pack { folder }) => {
            let pack = move || crate::agent::pack(&folder, std::io::stdout().lock());
            tokio::task::spawn_blocking(pack).await?.context("failed to pack the folder")?;
        }
        None => {
            crate::agent::protect()?;
            crate::agent::serve(tokio::io::stdin(), tokio::io::stdout()).await?;
        }
    }
    Ok(exit_code::PASSED)
}
