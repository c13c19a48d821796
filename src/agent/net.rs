//! Network probes: connections, name resolution, and listeners for positive controls.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::StreamExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;

use super::protocol::AgentResponse;
use super::state::AgentState;
use super::step_result::{StepFailed, StepPassed};
use super::timeouts::CONNECT;
use super::{addresses, io_error};
use crate::spec::model::{Resolve, Tcp};

/// Time limit of a lookup.
const RESOLVE: Duration = Duration::from_secs(3);
/// Maximum number of concurrent attempts.
const ABREAST: usize = 256;

/// Time before another attempt to connect; far longer than any connection within an environment takes.
const ATTEMPT: Duration = Duration::from_millis(250);

/// Connects, or returns a plain reason.
pub(super) async fn connect(to: &str, limit: Duration) -> Result<TcpStream, String> {
    match timeout(limit, connect_persistently(to)).await {
        Ok(Ok(stream)) => {
            stream.set_nodelay(true).ok();
            Ok(stream)
        }
        Ok(Err(error)) => Err(io_error::text(&error)),
        Err(_) => Err(format!("no answer within {} ms", limit.as_millis())),
    }
}

/// Connects with repeated attempts: a network that does not know a new peer yet drops the first packet, and the kernel
/// sends the next one only after a second.
async fn connect_persistently(to: &str) -> std::io::Result<TcpStream> {
    loop {
        if let Ok(done) = timeout(ATTEMPT, TcpStream::connect(to)).await {
            return done;
        }
    }
}

/// Performs the `tcp` step. Any failure to connect counts as refused, and is reported.
pub(super) async fn tcp_step(step: &Tcp) -> Result<StepPassed, StepFailed> {
    match (connect(&step.to, CONNECT).await, step.refused) {
        (Ok(stream), false) => reached(step, &stream),
        (Err(why), true) => Ok(StepPassed::saw(format!("{}: {why}", step.to))),
        (Ok(_), true) => Err(StepFailed::new(format!("no connection to {}", step.to), "the connection was accepted")),
        (Err(why), false) => Err(StepFailed::new(format!("a connection to {}", step.to), why)),
    }
}

/// Builds the result of a connection, with the captured address.
fn reached(step: &Tcp, stream: &TcpStream) -> Result<StepPassed, StepFailed> {
    let peer = stream
        .peer_addr()
        .map_err(|e| StepFailed::agent_fault("the address that was reached", io_error::text(&e)))?
        .to_string();
    if let Some(other) = step.capture.values().find(|from| *from != "address") {
        return Err(StepFailed::agent_fault("a capture of `address`", format!("`{other}`")));
    }
    let captured = step.capture.keys().map(|name| (name.clone(), peer.clone())).collect();
    Ok(StepPassed { saw: format!("{} accepts a connection", step.to), captured })
}

/// Performs the `resolve` step with the system's resolver. No answer counts as no address.
pub(super) async fn resolve_step(step: &Resolve) -> Result<StepPassed, StepFailed> {
    let listed = |found: &[IpAddr]| found.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
    match (resolve(&step.host, RESOLVE).await, step.refused) {
        (Ok(found), false) => Ok(StepPassed::saw(format!("{} is {}", step.host, listed(&found)))),
        (Err(why), true) => Ok(StepPassed::saw(format!("{}: {why}", step.host))),
        (Ok(found), true) => Err(StepFailed::new(format!("no address for {}", step.host), listed(&found))),
        (Err(why), false) => Err(StepFailed::new(format!("an address for {}", step.host), why)),
    }
}

/// Returns the addresses that accept a connection, in the given order.
pub(super) async fn reach(addresses: Vec<String>, timeout_ms: u64) -> AgentResponse {
    let limit = Duration::from_millis(timeout_ms);
    let tried =
        futures::stream::iter(addresses).map(|to| async move { connect(&to, limit).await.is_ok().then_some(to) });
    let reached = tried.buffered(ABREAST).filter_map(std::future::ready).collect().await;
    AgentResponse::Reached { reached }
}

/// Accepts connections until the agent ends.
pub(super) async fn listen(state: &AgentState, port: u16) -> AgentResponse {
    let listener = match TcpListener::bind(("::", port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(("0.0.0.0", port)).await,
    };
    let listener = match listener {
        Ok(listener) => listener,
        Err(error) => {
            return AgentResponse::Error {
                message: format!("failed to listen on port {port}: {}", io_error::text(&error)),
            };
        }
    };
    let port = listener.local_addr().map_or(port, |a| a.port());
    state.spawn(async move {
        loop {
            // The caller handles a connection that fails before it is accepted.
            drop(listener.accept().await);
        }
    });
    AgentResponse::Listening { addresses: addresses::own().await.iter().map(IpAddr::to_string).collect(), port }
}

/// Resolves a name with the system's resolver.
pub(super) async fn resolve(name: &str, limit: Duration) -> Result<Vec<IpAddr>, String> {
    match timeout(limit, tokio::net::lookup_host((name, 0))).await {
        Ok(Ok(found)) => {
            let mut found: Vec<IpAddr> = found.map(|a| a.ip()).collect();
            found.dedup();
            Ok(found)
        }
        Ok(Err(error)) => Err(io_error::text(&error)),
        Err(_) => Err(format!("no answer within {} ms", limit.as_millis())),
    }
}

/// Returns the names that resolve, with the system's resolver and each server: `name = 192.0.2.1 by 10.0.0.1`.
pub(super) async fn names(names: Vec<String>, servers: Vec<String>, timeout_ms: u64) -> AgentResponse {
    let limit = Duration::from_millis(timeout_ms);
    let pairs = names.into_iter().flat_map(|name| {
        let system = std::iter::once((name.clone(), None));
        system.chain(servers.clone().into_iter().map(move |server| (name.clone(), Some(server))))
    });
    let asked = futures::stream::iter(pairs.collect::<Vec<_>>()).map(|(name, server)| async move {
        let (found, by) = match &server {
            None => (resolve(&name, limit).await.unwrap_or_default(), "the system's resolver".to_owned()),
            Some(server) => match timeout(limit, query(&name, server)).await.ok().flatten() {
                // An empty answer also shows that queries reach the server.
                Some(found) if found.is_empty() => return Some(format!("{name} = no address by {server}")),
                found => (found.unwrap_or_default(), server.clone()),
            },
        };
        let found: Vec<String> = found.iter().map(IpAddr::to_string).collect();
        (!found.is_empty()).then(|| format!("{name} = {} by {by}", found.join(", ")))
    });
    let reached = asked.buffered(ABREAST).filter_map(std::future::ready).collect().await;
    AgentResponse::Reached { reached }
}

/// Queries a DNS server for A records over UDP.
async fn query(name: &str, server: &str) -> Option<Vec<IpAddr>> {
    let server = match server.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, 53),
        Err(_) => server.parse().ok()?,
    };
    let mut number = [0; 2];
    getrandom::fill(&mut number).ok()?;
    let question = addresses::dns_question(u16::from_be_bytes(number), name)?;
    let socket = UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).await.ok()?;
    socket.connect(server).await.ok()?;
    socket.send(&question).await.ok()?;
    let mut packet = [0; 1500];
    loop {
        let size = socket.recv(&mut packet).await.ok()?;
        if packet[..2] == number {
            return Some(addresses::dns_answer(&packet[..size]));
        }
    }
}
