//! `dayfly advisories serve`.

use clap::Args;
use serde_json::json;

use super::open::{AdvisoriesArgs, Opened};
use crate::advisories::responder::Responder;
use crate::cli::error::usage_error;
use crate::cli::{Common, Output, signals};
use crate::report::exit_code;

/// Arguments of `advisories serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    pub(super) advisories: AdvisoriesArgs,
    /// Port on 127.0.0.1 (0 for any free port)
    #[arg(long, short, value_name = "PORT", default_value_t = 0)]
    port: u16,
}

/// Answers until Ctrl-C.
pub async fn run(args: ServeArgs, common: &Common) -> anyhow::Result<u8> {
    let bundle = match args.advisories.open().map_err(|e| usage_error(&format!("{e:#}")))? {
        Opened::Bundle(bundle) => bundle,
        Opened::None => return Err(usage_error("name a bundle with --advisories").into()),
        Opened::Unusable(why) => {
            errln!("REFUSED  {why}");
            return Ok(exit_code::REFUSED);
        }
    };
    let failed = |e: std::io::Error| usage_error(&format!("failed to listen on 127.0.0.1:{}: {e}", args.port));
    let responder = Responder::bind(args.port, *bundle).await.map_err(failed)?;
    let url = responder.url()?;
    match common.output {
        Output::Json => outln!("{}", json!({"url": url})),
        Output::Text => outln!("{url} answers queries of OSV; press Ctrl-C to stop"),
    }
    let stop = signals::watch_quiet()?;
    tokio::select! {
        () = stop.cancelled() => Ok(exit_code::PASSED),
        never = responder.serve() => match never {},
    }
}
