//! The network as it is from here: which addresses accept, which names resolve, and bait that others may try.

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

/// Longest time for one look-up of a name.
const RESOLVE: Duration = Duration::from_secs(3);
/// Attempts under way at once.
const ABREAST: usize = 256;

/// How long one attempt to connect is left alone: far longer than any way within one environment takes.
const ATTEMPT: Duration = Duration::from_millis(250);

/// Connects, and says in plain words what happened instead.
pub(super) async fn connect(to: &str, limit: Duration) -> Result<TcpStream, String> {
    match timeout(limit, persistently(to)).await {
        Ok(Ok(stream)) => {
            stream.set_nodelay(true).ok();
            Ok(stream)
        }
        Ok(Err(error)) => Err(io_error::text(&error)),
        Err(_) => Err(format!("no answer within {} ms", limit.as_millis())),
    }
}

/// A network that has not heard of a new peer yet drops the first packet, and the kernel sends the next one only after a
/// second: a new attempt is made before that.
async fn persistently(to: &str) -> std::io::Result<TcpStream> {
    loop {
        if let Ok(done) = timeout(ATTEMPT, TcpStream::connect(to)).await {
            return done;
        }
    }
}

/// The `tcp` step. Refused is every way in which no connection comes about; which one it was is told.
pub(super) async fn tcp_step(step: &Tcp) -> Result<StepPassed, StepFailed> {
    match (connect(&step.to, CONNECT).await, step.refused) {
        (Ok(stream), false) => reached(step, &stream),
        (Err(why), true) => Ok(StepPassed::saw(format!("{}: {why}", step.to))),
        (Ok(_), true) => Err(StepFailed::new(format!("no connection to {}", step.to), "the connection was accepted")),
        (Err(why), false) => Err(StepFailed::new(format!("a connection to {}", step.to), why)),
    }
}

/// A connection that came about, and the address behind the name.
fn reached(step: &Tcp, stream: &TcpStream) -> Result<StepPassed, StepFailed> {
    let peer = stream
        .peer_addr()
        .map_err(|e| StepFailed::ours("the address that was reached", io_error::text(&e)))?
        .to_string();
    if let Some(other) = step.capture.values().find(|from| *from != "address") {
        return Err(StepFailed::ours("something that a connection has to capture: `address`", format!("`{other}`")));
    }
    let captured = step.capture.keys().map(|name| (name.clone(), peer.clone())).collect();
    Ok(StepPassed { saw: format!("{} accepts a connection", step.to), captured })
}

/// The `resolve` step, by the system's resolver. A resolver that does not answer gives no address either.
pub(super) async fn resolve_step(step: &Resolve) -> Result<StepPassed, StepFailed> {
    let listed = |found: &[IpAddr]| found.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
    match (resolve(&step.host, RESOLVE).await, step.refused) {
        (Ok(found), false) => Ok(StepPassed::saw(format!("{} is {}", step.host, listed(&found)))),
        (Err(why), true) => Ok(StepPassed::saw(format!("{}: {why}", step.host))),
        (Ok(found), true) => Err(StepFailed::new(format!("no address for {}", step.host), listed(&found))),
        (Err(why), false) => Err(StepFailed::new(format!("an address for {}", step.host), why)),
    }
}

/// Which addresses accept a connection, in the order given.
pub(super) async fn reach(addresses: Vec<String>, timeout_ms: u64) -> AgentResponse {
    let limit = Duration::from_millis(timeout_ms);
    let tried =
        futures::stream::iter(addresses).map(|to| async move { connect(&to, limit).await.is_ok().then_some(to) });
    let reached = tried.buffered(ABREAST).filter_map(std::future::ready).collect().await;
    AgentResponse::Reached { reached }
}

/// Accepts connections until the link ends.
pub(super) async fn listen(state: &AgentState, port: u16) -> AgentResponse {
    let listener = match TcpListener::bind(("::", port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(("0.0.0.0", port)).await,
    };
    let listener = match listener {
        Ok(listener) => listener,
        Err(error) => {
            return AgentResponse::Error {
                message: format!("cannot listen on port {port}: {}", io_error::text(&error)),
            };
        }
    };
    let port = listener.local_addr().map_or(port, |a| a.port());
    state.keep(async move {
        loop {
            // A connection that fails before it is accepted is the caller's concern.
            drop(listener.accept().await);
        }
    });
    AgentResponse::Listening { addresses: addresses::own().await.iter().map(IpAddr::to_string).collect(), port }
}

/// Addresses of a name by the system's resolver.
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

/// Which names resolve, by the system's resolver and by each server: `name = 192.0.2.1 by 10.0.0.1`.
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
                // That a server answers at all shows that questions get out to it.
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

/// Asks one DNS server for A records over UDP.
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
