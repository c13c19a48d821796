//! Network probes: connections, name resolution, and listeners for positive controls.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;

use super::protocol::AgentResponse;
use super::state::AgentState;
use super::step_result::{StepFailed, StepPassed};
use super::timeouts::{CONNECT, Patience, STEP_CONNECT, TimedOut};
use super::{addresses, io_error};
use crate::spec::model::{Resolve, Tcp};

/// Time limit of a lookup.
const RESOLVE: Duration = Duration::from_secs(3);
/// Maximum number of concurrent attempts.
const ABREAST: usize = 256;

/// Time before a second attempt to connect; far longer than most connections within an environment take.
const ATTEMPT: Duration = Duration::from_millis(250);

/// Why a peer or a name was not reached.
#[derive(Debug)]
pub(super) struct NotReached {
    text: String,
    /// The machine was so busy that this proves nothing about the peer.
    pub busy: bool,
}

impl fmt::Display for NotReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<std::io::Error> for NotReached {
    fn from(error: std::io::Error) -> Self {
        Self { text: io_error::text(&error), busy: false }
    }
}

impl From<TimedOut> for NotReached {
    fn from(end: TimedOut) -> Self {
        Self { text: end.to_string(), busy: end.is_busy() }
    }
}

/// Connects, or returns a plain reason.
pub(super) async fn connect(to: &str, limit: Duration) -> Result<TcpStream, NotReached> {
    connect_with(&Patience::begin(), to, limit).await
}

async fn connect_with(patience: &Patience, to: &str, limit: Duration) -> Result<TcpStream, NotReached> {
    let stream = patience.wait(limit, connect_persistently(to)).await??;
    stream.set_nodelay(true).ok();
    Ok(stream)
}

/// Connects with further attempts: a network that does not know a new peer yet drops the first packet, and the kernel sends
/// the next one only after a second. Earlier attempts go on, because a busy network may answer any of them late.
async fn connect_persistently(to: &str) -> std::io::Result<TcpStream> {
    let mut attempts = FuturesUnordered::new();
    let mut pause = ATTEMPT;
    loop {
        attempts.push(TcpStream::connect(to));
        if let Ok(Some(done)) = timeout(pause, attempts.next()).await {
            return done;
        }
        pause *= 2;
    }
}

/// Performs the `tcp` step. Any failure to connect counts as refused, and is reported.
pub(super) async fn tcp_step(step: &Tcp) -> Result<StepPassed, StepFailed> {
    let limit = if step.refused { CONNECT } else { STEP_CONNECT };
    match (connect(&step.to, limit).await, step.refused) {
        (Ok(stream), false) => reached(step, &stream),
        (Err(why), true) if why.busy => Err(StepFailed::busy(format!("no connection to {}", step.to), why.to_string())),
        (Err(why), true) => Ok(StepPassed::saw(format!("{}: {why}", step.to))),
        (Ok(_), true) => Err(StepFailed::new(format!("no connection to {}", step.to), "the connection was accepted")),
        (Err(why), false) => Err(not_reached(format!("a connection to {}", step.to), &why)),
    }
}

fn not_reached(expected: String, why: &NotReached) -> StepFailed {
    if why.busy { StepFailed::busy(expected, why.to_string()) } else { StepFailed::new(expected, why.to_string()) }
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
    match (resolve(&Patience::begin(), &step.host, RESOLVE).await, step.refused) {
        (Ok(found), false) => Ok(StepPassed::saw(format!("{} is {}", step.host, listed(&found)))),
        (Err(why), true) if why.busy => Err(StepFailed::busy(format!("no address for {}", step.host), why.to_string())),
        (Err(why), true) => Ok(StepPassed::saw(format!("{}: {why}", step.host))),
        (Ok(found), true) => Err(StepFailed::new(format!("no address for {}", step.host), listed(&found))),
        (Err(why), false) => Err(not_reached(format!("an address for {}", step.host), &why)),
    }
}

/// Returns the addresses that accept a connection, in the given order.
pub(super) async fn reach(addresses: Vec<String>, timeout_ms: u64) -> AgentResponse {
    let (limit, patience) = (Duration::from_millis(timeout_ms), Patience::begin());
    let tried = futures::stream::iter(addresses).map(async |to| connect_with(&patience, &to, limit).await.map(|_| to));
    let tried: Vec<_> = tried.buffered(ABREAST).collect().await;
    let busy = tried.iter().any(|tried| tried.as_ref().is_err_and(|why| why.busy));
    AgentResponse::Reached { reached: tried.into_iter().filter_map(Result::ok).collect(), busy }
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
async fn resolve(patience: &Patience, name: &str, limit: Duration) -> Result<Vec<IpAddr>, NotReached> {
    let mut found: Vec<IpAddr> =
        patience.wait(limit, tokio::net::lookup_host((name, 0))).await??.map(|a| a.ip()).collect();
    found.dedup();
    Ok(found)
}

/// Returns the names that resolve, with the system's resolver and each server: `name = 192.0.2.1 by 10.0.0.1`.
pub(super) async fn names(names: Vec<String>, servers: Vec<String>, timeout_ms: u64) -> AgentResponse {
    let (limit, patience) = (Duration::from_millis(timeout_ms), Patience::begin());
    let pairs = names.into_iter().flat_map(|name| {
        let system = std::iter::once((name.clone(), None));
        system.chain(servers.clone().into_iter().map(move |server| (name.clone(), Some(server))))
    });
    let asked = futures::stream::iter(pairs.collect::<Vec<_>>()).map(async |(name, server)| {
        let (found, by) = match &server {
            None => (resolve(&patience, &name, limit).await?, "the system's resolver".to_owned()),
            Some(server) => match patience.wait(limit, query(&name, server)).await? {
                // An empty answer also shows that queries reach the server.
                Some(found) if found.is_empty() => return Ok(Some(format!("{name} = no address by {server}"))),
                found => (found.unwrap_or_default(), server.clone()),
            },
        };
        let found: Vec<String> = found.iter().map(IpAddr::to_string).collect();
        Ok((!found.is_empty()).then(|| format!("{name} = {} by {by}", found.join(", "))))
    });
    let asked: Vec<Result<Option<String>, NotReached>> = asked.buffered(ABREAST).collect().await;
    let busy = asked.iter().any(|asked| asked.as_ref().is_err_and(|why| why.busy));
    AgentResponse::Reached { reached: asked.into_iter().filter_map(|asked| asked.ok().flatten()).collect(), busy }
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
