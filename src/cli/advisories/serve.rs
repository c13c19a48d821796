//! `dayfly advisories serve`.

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::open::{AdvisoriesArgs, Refused};
use crate::advisories::bundle::Trust;
use crate::advisories::responder::Responder;
use crate::advisories::scan::{UNSIGNED, outdated};
use crate::cli::error::usage_error;
use crate::cli::policy::PolicyCheckArgs;
use crate::cli::wanted::Wanted;
use crate::cli::{Common, Output, signals};
use crate::report::exit_code;

/// Arguments of `advisories serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    advisories: AdvisoriesArgs,
    #[command(flatten)]
    policy: PolicyCheckArgs,
    /// Port on 127.0.0.1 (0 for any free port)
    #[arg(long, short, value_name = "PORT", default_value_t = 0)]
    port: u16,
}

impl ServeArgs {
    /// The arguments that `dayfly.toml` can set.
    pub(super) fn wants<'a>(&'a mut self, wanted: &mut Wanted<'a>) {
        self.advisories.wants(wanted);
        self.policy.wants(wanted);
    }
}

/// Answers until Ctrl-C.
pub async fn run(args: ServeArgs, common: &Common) -> anyhow::Result<u8> {
    let limits = args.policy.limits(common.output == Output::Json)?.dependencies;
    let bundle = match args.advisories.require()? {
        Ok(bundle) => bundle,
        Err(refused) => return Ok(refused.code()),
    };
    if limits.signed && matches!(bundle.trust, Trust::Unchecked(_)) {
        return Ok(Refused(UNSIGNED.into()).code());
    }
    for (ecosystem, facts) in &bundle.header.ecosystems {
        if let Some(why) = outdated(ecosystem, facts.snapshot, &limits, Timestamp::now()) {
            errln!("warning: {why}; queries about it get an error");
        }
    }
    let failed = |e: std::io::Error| usage_error(&format!("failed to listen on 127.0.0.1:{}: {e}", args.port));
    let responder = Responder::bind(args.port, *bundle, limits).await.map_err(failed)?;
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
