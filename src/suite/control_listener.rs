//! Listeners on this host and its own name resolution: the positive controls of isolation checks.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::future::{join_all, select_ok};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_util::task::AbortOnDropHandle;

/// Time limit of a connection or lookup.
pub const TIMEOUT: Duration = Duration::from_millis(1500);
/// Names outside of any environment.
pub const OUTSIDE: [&str; 2] = ["example.com", "deb.debian.org"];

/// Listens on every address of this host, over TCP and UDP.
pub struct ControlListener {
    /// `address:port` over TCP that this host reaches.
    pub tcp: Vec<String>,
    /// `address:port` over UDP.
    pub udp: Vec<String>,
    _serving: [AbortOnDropHandle<()>; 2],
}

/// Starts listening; keeps only the addresses that this host itself reaches.
pub async fn listen() -> std::io::Result<ControlListener> {
    let tcp = TcpListener::bind(("0.0.0.0", 0)).await?;
    let udp = UdpSocket::bind(("0.0.0.0", 0)).await?;
    let (tcp_port, udp_port) = (tcp.local_addr()?.port(), udp.local_addr()?.port());
    let accepting = AbortOnDropHandle::new(tokio::spawn(async move { while tcp.accept().await.is_ok() {} }));
    let answering = AbortOnDropHandle::new(tokio::spawn(answer_dns(udp)));
    let mut listener = ControlListener { tcp: vec![], udp: vec![], _serving: [accepting, answering] };
    let addresses = host_addresses(&tokio::fs::read_to_string("/proc/net/fib_trie").await?);
    let tried = join_all(addresses.iter().map(|address| connects(SocketAddr::new(*address, tcp_port)))).await;
    for (address, _) in addresses.iter().zip(tried).filter(|(_, connects)| *connects) {
        listener.tcp.push(format!("{address}:{tcp_port}"));
        listener.udp.push(format!("{address}:{udp_port}"));
    }
    Ok(listener)
}

/// Answers every DNS query with the query itself, marked as a response: proof that it arrived.
async fn answer_dns(socket: UdpSocket) {
    let mut packet = [0_u8; 512];
    while let Ok((n, from)) = socket.recv_from(&mut packet).await {
        if n > 3 {
            packet[2] |= 0x80;
            // A lost answer only fails the control, which is reported.
            let _ = socket.send_to(&packet[..n], from).await;
        }
    }
}

async fn connects(to: SocketAddr) -> bool {
    tokio::time::timeout(TIMEOUT, TcpStream::connect(to)).await.is_ok_and(|c| c.is_ok())
}

/// Returns true if this host resolves an outside name.
pub async fn host_resolves() -> bool {
    let looked_up = OUTSIDE.map(|name| {
        Box::pin(async move {
            match tokio::net::lookup_host((name, 80)).await {
                Ok(mut found) => found.next().ok_or(()),
                Err(_) => Err(()),
            }
        })
    });
    // The first name that resolves is enough.
    tokio::time::timeout(TIMEOUT * 2, select_ok(looked_up)).await.is_ok_and(|found| found.is_ok())
}

/// Reads this host's addresses, without loopback, from the kernel's table of local routes.
fn host_addresses(fib_trie: &str) -> BTreeSet<IpAddr> {
    let lines: Vec<&str> = fib_trie.lines().map(str::trim).collect();
    let local = lines.windows(2).filter(|w| w[1].starts_with("/32 host LOCAL"));
    local.filter_map(|w| w[0].trim_start_matches("|-- ").parse::<IpAddr>().ok()).filter(|a| !a.is_loopback()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_host_addresses_without_loopback_and_broadcast() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 192.0.2.2\n        /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n";
        assert_eq!(host_addresses(trie), BTreeSet::from(["192.0.2.2".parse::<IpAddr>().unwrap()]));
    }
}
