//! Addresses that steps and variables name. Pure.

use super::context::is_literal;
use crate::spec::model::Action;

/// A host and a port that a text names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address<'a> {
    /// Name or address of the host.
    pub(super) host: &'a str,
    /// Port; none if the text names none and its scheme has none.
    pub(super) port: Option<u16>,
}

/// The address that a step must reach to pass; none if it is known only while the suite runs.
pub(super) fn reached_by(action: &Action) -> Option<Address<'_>> {
    match action {
        Action::Http(http) if http.url.starts_with("http") => of_url(&http.url),
        Action::Tcp(tcp) if !tcp.refused && is_literal(&tcp.to) => {
            host_and_port(&tcp.to).map(|(host, port)| Address { host, port: Some(port) })
        }
        Action::Resolve(of) if !of.refused && is_literal(&of.host) => Some(Address { host: &of.host, port: None }),
        _ => None,
    }
}

/// The address of a URL of any scheme.
pub(super) fn of_url(url: &str) -> Option<Address<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if authority.is_empty() || !is_literal(authority) {
        return None;
    }
    let usual = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => Some(Address { host, port: port.parse().ok() }),
        _ => Some(Address { host: authority, port: usual }),
    }
}

/// A text `host:port`.
pub(super) fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let port = port.parse().ok().filter(|p| *p > 0)?;
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_port_has_that_of_its_scheme() {
        assert_eq!(of_url("http://api/x"), Some(Address { host: "api", port: Some(80) }));
        assert_eq!(of_url("amqps://u:p@mq:5671/v"), Some(Address { host: "mq", port: Some(5671) }));
        assert_eq!(of_url("amqp://mq"), Some(Address { host: "mq", port: None }));
        assert_eq!(of_url("https://[::1]/"), Some(Address { host: "[::1]", port: Some(443) }));
        assert_eq!(of_url("http://${host}/"), None);
    }
}
