//! Parses addresses from the kernel's tables and DNS answers. Pure, except `own`, which reads two files.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Returns this position's addresses, without loopback and link-local ones.
pub(super) async fn own() -> BTreeSet<IpAddr> {
    let trie = tokio::fs::read_to_string("/proc/net/fib_trie").await.unwrap_or_default();
    let inet6 = tokio::fs::read_to_string("/proc/net/if_inet6").await.unwrap_or_default();
    from_fib_trie(&trie).into_iter().map(IpAddr::V4).chain(from_if_inet6(&inet6).into_iter().map(IpAddr::V6)).collect()
}

/// Parses lines such as `|-- 10.0.0.5` that are followed by `/32 host LOCAL`.
fn from_fib_trie(text: &str) -> BTreeSet<Ipv4Addr> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let local = lines.windows(2).filter(|pair| pair[1] == "/32 host LOCAL");
    local
        .filter_map(|pair| pair[0].strip_prefix("|-- ")?.parse().ok())
        .filter(|ip: &Ipv4Addr| !ip.is_loopback() && !ip.is_link_local())
        .collect()
}

/// Parses the first column: the address in hexadecimal.
fn from_if_inet6(text: &str) -> BTreeSet<Ipv6Addr> {
    let addresses = text.lines().filter_map(|line| u128::from_str_radix(line.split_whitespace().next()?, 16).ok());
    addresses.map(Ipv6Addr::from).filter(|ip| !ip.is_loopback() && !ip.is_unicast_link_local()).collect()
}

/// Encodes a recursive query for A records; none if the name is invalid.
pub(super) fn dns_question(number: u16, name: &str) -> Option<Vec<u8>> {
    let mut packet = Vec::with_capacity(64);
    packet.extend(number.to_be_bytes());
    // Recursion desired; one question.
    packet.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.trim_end_matches('.').split('.') {
        let size = u8::try_from(label.len()).ok().filter(|size| (1..64).contains(size))?;
        packet.push(size);
        packet.extend(label.as_bytes());
    }
    // End of name, type A, class IN.
    packet.extend([0, 0, 1, 0, 1]);
    Some(packet)
}

/// Returns the A records of an answer, or those before the end of a truncated packet.
pub(super) fn dns_answer(packet: &[u8]) -> Vec<IpAddr> {
    let mut found = Vec::new();
    records(packet, &mut found);
    found
}

fn records(packet: &[u8], found: &mut Vec<IpAddr>) -> Option<()> {
    let questions = number(packet, 4)?;
    let answers = number(packet, 6)?;
    let mut at = 12;
    for _ in 0..questions {
        at = after_name(packet, at)? + 4;
    }
    for _ in 0..answers {
        at = after_name(packet, at)?;
        let (kind, size) = (number(packet, at)?, usize::from(number(packet, at + 8)?));
        let data = packet.get(at + 10..at + 10 + size)?;
        if let (1, [a, b, c, d]) = (kind, data) {
            found.push(IpAddr::from([*a, *b, *c, *d]));
        }
        at += 10 + size;
    }
    Some(())
}

fn number(packet: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]))
}

/// Returns the position after a name, which ends with an empty label or a pointer of two bytes.
fn after_name(packet: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *packet.get(at)? {
            0 => return Some(at + 1),
            size if size >= 0xc0 => return Some(at + 2),
            size => at += usize::from(size) + 1,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_are_those_the_kernel_calls_local() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     +-- 10.89.0.0/24 2 0 2\n        |-- 10.89.0.0\n           /24 link UNICAST\n        |-- 10.89.0.7\n           /32 host LOCAL\n        |-- 10.89.0.255\n           /32 link BROADCAST\n     |-- 127.0.0.1\n        /32 host LOCAL\n";
        assert_eq!(from_fib_trie(trie), BTreeSet::from([Ipv4Addr::new(10, 89, 0, 7)]));
        let inet6 = "fe800000000000000042acfffe110002 05 40 20 80 eth0\nfd000000000000000000000000000007 05 40 00 80 eth0\n00000000000000000000000000000001 01 80 10 80 lo\n";
        assert_eq!(from_if_inet6(inet6), BTreeSet::from(["fd00::7".parse().unwrap()]));
    }

    #[test]
    fn a_dns_question_names_every_label() {
        let packet = dns_question(0x1234, "a.example.").unwrap();
        assert_eq!(
            packet,
            [
                0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, b'a', 7, b'e', b'x', b'a', b'm', b'p', b'l', b'e', 0, 0,
                1, 0, 1
            ]
        );
        assert_eq!(dns_question(1, "a..b"), None);
        assert_eq!(dns_question(1, &"x".repeat(64)), None);
    }

    #[test]
    fn an_answer_gives_its_addresses_and_a_cut_one_what_came_before() {
        let mut packet = dns_question(7, "a.b").unwrap();
        packet[7] = 2;
        // A CNAME, then an address, both for the name at offset 12.
        packet.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 12]);
        packet.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 9]);
        assert_eq!(dns_answer(&packet), [IpAddr::from([192, 0, 2, 9])]);
        assert!(dns_answer(&packet[..packet.len() - 1]).is_empty());
        assert!(dns_answer(&[]).is_empty());
    }
}
