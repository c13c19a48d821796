//! The target of a request, and the targets that it may be redirected to. Pure.
//!
//! Only this machine is reached without TLS, and no redirect leads from TLS to none.

use hyper::Uri;

/// Hosts that are reached without TLS.
const OWN: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// A parsed URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// It is reached over TLS.
    pub tls: bool,
    /// Name or address; an IPv6 address in brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path and query.
    pub path: String,
}

impl Target {
    /// Returns the target of a path on a registry (`host[:port]`).
    pub fn of_registry(host: &str, path: &str) -> Result<Self, String> {
        let name = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(name, _)| name);
        let scheme = if OWN.contains(&name) { "http" } else { "https" };
        Self::parse(&format!("{scheme}://{host}{path}"))
    }

    /// Resolves the location in an answer: a URL, or a path on the same host.
    pub fn onward(&self, to: &str) -> Result<Self, String> {
        let next = match (to.starts_with("//"), to.starts_with('/')) {
            (true, _) => Self::parse(&format!("{}:{to}", self.scheme()))?,
            (false, true) => Self::parse(&format!("{}://{}{to}", self.scheme(), self.authority()))?,
            (false, false) => Self::parse(to)?,
        };
        if self.tls && !next.tls {
            return Err(format!("it points to {}, which would be reached without TLS", next.authority()));
        }
        Ok(next)
    }

    /// Returns true if both are the same server, which may share credentials.
    pub fn is_same_server(&self, other: &Self) -> bool {
        (self.tls, &self.host, self.port) == (other.tls, &other.host, other.port)
    }

    /// Returns `host`, with `:port` if it is not the default.
    pub fn authority(&self) -> String {
        if self.port == usual(self.tls) { self.host.clone() } else { format!("{}:{}", self.host, self.port) }
    }

    /// Returns the host without brackets, as resolvers and certificates use it.
    pub fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    fn scheme(&self) -> &str {
        if self.tls { "https" } else { "http" }
    }

    /// A URL as a user or a server writes it.
    pub fn parse(url: &str) -> Result<Self, String> {
        let shown: String = url.split('?').next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
        let uri: Uri = url.parse().map_err(|_| format!("`{shown}` is not a URL"))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(format!("`{shown}` begins with neither http:// nor https://")),
        };
        let authority = uri.authority().filter(|a| !a.as_str().contains('@') && !a.host().is_empty());
        let authority = authority.ok_or_else(|| format!("`{shown}` has no host"))?;
        let host = authority.host().to_ascii_lowercase();
        if !tls && !OWN.contains(&host.as_str()) {
            return Err(format!("`{shown}` would be asked without TLS"));
        }
        let path = uri.path_and_query().map_or("/", |p| p.as_str());
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { tls, host, port: authority.port_u16().unwrap_or(usual(tls)), path })
    }
}

fn usual(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn target(host: &str) -> Target {
        Target::of_registry(host, "/v2/").unwrap()
    }

    #[test]
    fn only_this_machine_is_asked_without_tls() {
        for host in ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]", "[::1]:5000"] {
            assert!(!target(host).tls, "{host}");
        }
        for host in ["registry-1.docker.io", "127.0.0.2:5000", "localhost.evil.test", "127.0.0.1.evil.test", "[::2]:1"]
        {
            assert!(target(host).tls, "{host}");
        }
        assert_eq!((target("[::1]:5000").bare_host(), target("[::1]:5000").port), ("::1", 5000));
        assert_eq!((target("r.test").authority(), target("r.test").port), ("r.test".into(), 443));
    }

    #[test]
    fn a_way_onward_is_a_url_or_a_path() {
        let from = target("r.test");
        assert_eq!(from.onward("/x?y=%2F").unwrap(), Target { path: "/x?y=%2F".into(), ..from.clone() });
        assert_eq!(
            from.onward("https://cdn.test?a=b#c").unwrap(),
            Target { path: "/?a=b".into(), ..target("cdn.test") }
        );
        assert_eq!(from.onward("//cdn.test:444/x").unwrap().authority(), "cdn.test:444");
    }

    #[test]
    fn no_way_onward_leaves_tls() {
        for to in
            ["http://r.test/x", "http://127.0.0.1/x", "ftp://r.test/x", "x", "https://u:p@r.test/x", "https:///x", "\n"]
        {
            assert!(target("r.test").onward(to).is_err(), "{to}");
        }
        assert!(target("localhost:5000").onward("http://cdn.test/x").is_err());
        assert!(target("localhost:5000").onward("http://127.0.0.1:81/x").is_ok());
    }

    #[test]
    fn another_port_is_another_server() {
        assert!(target("r.test").is_same_server(&target("r.test:443")));
        assert!(!target("r.test").is_same_server(&target("r.test:444")));
        assert!(!target("localhost").is_same_server(&target("127.0.0.1")));
    }
}
