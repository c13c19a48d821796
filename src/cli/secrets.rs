//! `dayfly secrets`: shows the passwords of an environment to its owner, and to nobody by accident.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use clap::Args;

use super::error::{engine_error, usage_error};
use super::{Common, Output, environment, stdio, target};
use crate::engine::Engine;
use crate::lease::{Lease, owner_in_words};
use crate::lifecycle::usage;
use crate::report::exit_code;
use crate::spec::diagnostic::known;

/// Arguments of `secrets`.
#[derive(Debug, Args)]
pub struct SecretsArgs {
    /// Name of the environment, such as `hello-pr-1`
    environment: String,
    /// Name of the secret, such as `mq.api` or `db.postgres` (default: all)
    name: Option<String>,
    /// Print secrets although standard output is not a terminal: a file or a log would keep them
    #[arg(long)]
    reveal: bool,
}

/// Prints one secret, or the names and values of all.
pub async fn run(args: SecretsArgs, common: &Common) -> anyhow::Result<u8> {
    if !args.reveal && !std::io::stdout().is_terminal() {
        let why = "standard output is not a terminal, and a file or a log would keep the secrets; --reveal prints them \
                   all the same";
        return Err(usage_error(why).into());
    }
    let engine = target::engine(common).await?;
    let lease = environment::lease_or_not_found(&args.environment, engine.as_ref(), common).await?;
    check_owner(&lease, engine.as_ref()).await?;
    let secrets = engine.secrets(&args.environment).await.map_err(|e| engine_error(common, &e))?;
    usage::record_use(engine.as_ref(), &lease).await;
    let values = match &args.name {
        Some(name) => match secrets.values.get_key_value(name) {
            Some((name, value)) => vec![(name, value)],
            None => {
                let names = known(name, secrets.values.keys().map(String::as_str));
                return Err(usage_error(&format!("{} has no secret {name}; {names}", args.environment)).into());
            }
        },
        None => secrets.values.iter().collect(),
    };
    match (common.output, &args.name) {
        (Output::Json, _) => outln!("{:#}", serde_json::json!(values.into_iter().collect::<BTreeMap<_, _>>())),
        (Output::Text, Some(_)) => values.iter().for_each(|(_, value)| outln!("{value}")),
        (Output::Text, None) if values.is_empty() => errln!("{} has no secrets", args.environment),
        (Output::Text, None) => {
            let width = values.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            let lines = values.iter().map(|(name, value)| format!("{name:<width$}  {value}\n"));
            stdio::out(&lines.collect::<String>());
        }
    }
    Ok(exit_code::PASSED)
}

/// Refuses the environment of another account on the engine, or of a TestEnvironment. An engine without accounts has one user.
async fn check_owner(lease: &Lease, engine: &dyn Engine) -> anyhow::Result<()> {
    let account = engine.account().await;
    let is_own = match &lease.owner {
        Some(owner) => owner.namespace.is_none() && owner.account == account,
        None => account.is_none(),
    };
    if is_own {
        return Ok(());
    }
    let belongs = owner_in_words(lease.owner.as_ref());
    let who = account.map_or_else(|| "this user".to_owned(), |account| format!("the account {account}"));
    Err(usage_error(&format!("{} belongs to {belongs}, and {who} is not its owner", lease.environment)).into())
}
