//! Bait on this host, and what this host itself sees of the outside: the positive controls of isolation checks.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio_util::task::AbortOnDropHandle;

use super::isolation::{OUTSIDE, PATIENCE};

/// A listener of dayfly's own on every address of this host, over TCP and UDP.
pub struct HostBait {
    /// `address:port` of each listener over TCP that this host itself reaches.
    pub tcp: Vec<String>,
    /// The same over UDP.
    pub udp: Vec<String>,
    _serving: [AbortOnDropHandle<()>; 2],
}

/// Listens on every address and keeps those that this host itself reaches: the positive control.
pub async fn lay() -> std::io::Result<HostBait> {
    let tcp = TcpListener::bind(("0.0.0.0", 0)).await?;
    let udp = UdpSocket::bind(("0.0.0.0", 0)).await?;
    let (tcp_port, udp_port) = (tcp.local_addr()?.port(), udp.local_addr()?.port());
    let accepting = AbortOnDropHandle::new(tokio::spawn(async move { while tcp.accept().await.is_ok() {} }));
    let answering = AbortOnDropHandle::new(tokio::spawn(answer_everything(udp)));
    let mut bait = HostBait { tcp: vec![], udp: vec![], _serving: [accepting, answering] };
    for address in host_addresses(&tokio::fs::read_to_string("/proc/net/fib_trie").await?) {
        if connects(SocketAddr::new(address, tcp_port)).await {
            bait.tcp.push(format!("{address}:{tcp_port}"));
            bait.udp.push(format!("{address}:{udp_port}"));
        }
    }
    Ok(bait)
}

/// Answers every DNS question with the same question marked as a response: enough to prove that it arrived.
async fn answer_everything(socket: UdpSocket) {
    let mut packet = [0_u8; 512];
    while let Ok((n, from)) = socket.recv_from(&mut packet).await {
        if n > 3 {
            packet[2] |= 0x80;
            // A lost answer only makes the control fail, which is reported.
            let _ = socket.send_to(&packet[..n], from).await;
        }
    }
}

async fn connects(to: SocketAddr) -> bool {
    tokio::time::timeout(PATIENCE, TcpStream::connect(to)).await.is_ok_and(|c| c.is_ok())
}

/// Whether this host resolves an outside name: what inside is compared with.
pub async fn resolves_here() -> bool {
    for name in OUTSIDE {
        let looked_up = tokio::time::timeout(PATIENCE * 2, tokio::net::lookup_host((name, 80))).await;
        if looked_up.is_ok_and(|r| r.is_ok_and(|mut a| a.next().is_some())) {
            return true;
        }
    }
    false
}

/// The addresses of this host, loopback left out, from the kernel's table of local routes.
fn host_addresses(fib_trie: &str) -> BTreeSet<IpAddr> {
    let lines: Vec<&str> = fib_trie.lines().map(str::trim).collect();
    let local = lines.windows(2).filter(|w| w[1].starts_with("/32 host LOCAL"));
    local.filter_map(|w| w[0].trim_start_matches("|-- ").parse::<IpAddr>().ok()).filter(|a| !a.is_loopback()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_own_addresses_are_read_without_loopback_and_broadcast() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 192.0.2.2\n        /32 host LOCAL\n     |-- 192.0.2.255\n        /32 link BROADCAST\n";
        assert_eq!(host_addresses(trie), BTreeSet::from(["192.0.2.2".parse::<IpAddr>().unwrap()]));
    }
}
