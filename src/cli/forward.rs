//! `dayfly forward`: forwards a port on 127.0.0.1 to a service.
//!
//! No network leads into an environment, so an agent inside relays each connection over the engine's API.

use std::sync::Arc;

use clap::Args;
use tokio::io::{AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use super::error::usage_error;
use super::{Common, Output, environment, signals, target};
use crate::engine::Engine;
use crate::lease::Lease;
use crate::lifecycle::usage::{self, InUse};
use crate::report::exit_code;

/// Arguments of `forward`.
#[derive(Debug, Args)]
pub struct ForwardArgs {
    /// Name of the environment, such as `hello-pr-1`
    environment: String,
    /// Service, or SERVICE:PORT for a port other than the main one, by name or number
    service: String,
    /// Local port on 127.0.0.1 (0 for any free port)
    #[arg(long, short, value_name = "PORT", default_value_t = 0)]
    port: u16,
}

/// Listens until Ctrl-C.
pub async fn run(args: ForwardArgs, common: &Common) -> anyhow::Result<u8> {
    let engine = target::engine(common).await?;
    let lease = environment::lease_or_not_found(&args.environment, engine.as_ref(), common).await?;
    let (unit, port) = target(&args.service, &lease)?;
    let listener = TcpListener::bind(("127.0.0.1", args.port))
        .await
        .map_err(|e| usage_error(&format!("failed to listen on 127.0.0.1:{}: {e}", args.port)))?;
    let local = listener.local_addr()?;
    match common.output {
        Output::Json => {
            outln!("{}", serde_json::json!({"address": local.to_string(), "service": unit, "port": port}))
        }
        Output::Text => outln!("{local} forwards to {unit}:{port}; press Ctrl-C to stop"),
    }
    usage::record_use(engine.as_ref(), &lease).await;
    let stop = signals::watch_quiet()?;
    loop {
        let (stream, _) = tokio::select! {
            () = stop.cancelled() => return Ok(exit_code::PASSED),
            accepted = listener.accept() => accepted?,
        };
        usage::record_use(engine.as_ref(), &lease).await;
        tokio::spawn(forward_connection(engine.clone(), lease.clone(), unit.clone(), port, stream));
    }
}

fn target(service: &str, lease: &Lease) -> anyhow::Result<(String, u16)> {
    let (name, port) = service.split_once(':').map_or((service, None), |(name, port)| (name, Some(port)));
    let known = || lease.plan.units.iter().map(|u| u.name.as_str()).collect::<Vec<_>>().join(", ");
    let unit = lease
        .plan
        .unit(name)
        .ok_or_else(|| usage_error(&format!("unknown service {name}; expected one of: {}", known())))?;
    let port = match port {
        None => unit.port.ok_or_else(|| usage_error(&format!("{name} declares no port; use {name}:PORT")))?,
        Some(text) => match unit.ports.get(text).copied().or_else(|| text.parse().ok().filter(|port| *port > 0)) {
            Some(port) => port,
            None => {
                let names: Vec<String> = unit.ports.keys().map(|port| format!(", or {port}")).collect();
                anyhow::bail!(usage_error(&format!(
                    "invalid port {text:?} of {name}: expected a number from 1 to 65535{}",
                    names.concat()
                )));
            }
        },
    };
    Ok((name.to_owned(), port))
}

async fn forward_connection(engine: Arc<dyn Engine>, lease: Lease, unit: String, port: u16, mut stream: TcpStream) {
    let _in_use = InUse::start(engine.clone(), lease.clone());
    let mut link = match engine.port_forward(&lease, &unit, port).await {
        Ok(link) => link,
        Err(e) => {
            errln!("error: failed to {e}");
            return;
        }
    };
    let (mut from, mut to) = stream.split();
    let up = async {
        let done = copy(&mut from, &mut link.input).await;
        // Signals end of input to the service.
        let _ = link.input.shutdown().await;
        done
    };
    let down = copy(&mut link.output, &mut to);
    // If either end closes, only this connection ends.
    tokio::select! {
        _ = async { let _ = up.await; std::future::pending::<()>().await } => {}
        _ = down => {}
    }
}
