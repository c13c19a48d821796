//! Finds the engine's socket: the requested one, or one of the usual places.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};

use super::client::{LocalEngine, Product};
use super::explain;
use super::options::{Options, SocketVariables};
use super::raw::Raw;
use crate::engine::EngineError;
use crate::render::container::EngineProfile;

/// Time limit of the first answer of a socket.
const PING_LIMIT: Duration = Duration::from_secs(10);
/// Time limit of any other answer, in seconds; the import of dayfly's own image takes longest.
const ANSWER_SECS: u64 = 120;

/// Returns the addresses to try, in order, each with its origin. Only one if the user named it.
fn candidates(s: &SocketVariables) -> Vec<(String, String)> {
    let named = [("DOCKER_HOST", &s.docker_host), ("CONTAINER_HOST", &s.container_host)];
    if let Some((name, host)) = named.iter().find_map(|(n, h)| h.as_ref().map(|h| (*n, h.clone()))) {
        return vec![(host, format!("from {name}"))];
    }
    let mut paths: Vec<PathBuf> = vec![];
    paths.extend(s.runtime_dir.as_ref().map(|d| d.join("podman/podman.sock")));
    paths.push("/run/podman/podman.sock".into());
    paths.extend(s.runtime_dir.as_ref().map(|d| d.join("docker.sock")));
    paths.extend(s.home.as_ref().map(|d| d.join(".docker/run/docker.sock")));
    paths.push("/var/run/docker.sock".into());
    paths.into_iter().map(|p| (format!("unix://{}", p.display()), String::new())).collect()
}

/// Returns advice for the failures.
fn advice(tried: &[(String, String)]) -> String {
    let any = |sign: &str| tried.iter().any(|(_, why)| why.contains(sign));
    let mut todo = vec![];
    if any("permission denied") {
        todo.push("let this user open the socket: use rootless podman (`systemctl --user start podman.socket`), or add the user to the `docker` group and log in again");
    }
    if any("refused") {
        todo.push("start the engine behind the socket: `systemctl start podman.socket` or `systemctl start docker`");
    }
    if todo.is_empty() && tried.iter().any(|(what, _)| what.ends_with("_HOST)")) {
        todo.push("correct the address, or unset the variable to try the usual sockets");
    } else if todo.is_empty() {
        todo.push("start one: `systemctl --user start podman.socket` (rootless), `systemctl start podman.socket`, or `systemctl start docker`; or name its socket in DOCKER_HOST (unix:///path)");
    }
    todo.iter().map(|t| format!("  → {t}")).collect::<Vec<_>>().join("\n")
}

fn unreachable(tried: &[(String, String)]) -> EngineError {
    let list = tried.iter().map(|(what, why)| format!("  {what}: {why}")).collect::<Vec<_>>().join("\n");
    EngineError::Unreachable { detail: format!("none answered; tried\n{list}\n{}", advice(tried)) }
}

/// Parses an address.
fn transport(host: &str) -> Result<Raw, String> {
    if let Some(path) = host.strip_prefix("unix://").or(host.starts_with('/').then_some(host)) {
        return Ok(Raw::Unix(path.to_owned()));
    }
    match host.strip_prefix("tcp://").or_else(|| host.strip_prefix("http://")) {
        Some(address) => Ok(Raw::Tcp(address.trim_end_matches('/').to_owned())),
        None => Err("not an address that dayfly can use: give unix:///path or tcp://host:port".into()),
    }
}

impl LocalEngine {
    /// Connects to the first engine that answers.
    pub async fn connect(options: Options) -> Result<Self, EngineError> {
        let mut tried = vec![];
        for (host, origin) in candidates(&options.socket_variables) {
            match reach(&host, &options).await {
                Ok(engine) => return Ok(engine),
                Err(why) => tried.push((if origin.is_empty() { host } else { format!("{host} ({origin})") }, why)),
            }
        }
        Err(unreachable(&tried))
    }
}

async fn reach(host: &str, options: &Options) -> Result<LocalEngine, String> {
    let raw = transport(host)?;
    try_connection(&raw).await?;
    // The version endpoint is not used: podman runs other programs to answer it, which takes most of a second.
    let hello = tokio::time::timeout(PING_LIMIT, raw.get_headers("/_ping"))
        .await
        .map_err(|_| format!("no answer within {} s", PING_LIMIT.as_secs()))?
        .map_err(|f| f.words)?;
    let header = |name: &str| hello.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let api = negotiated(header("api-version"));
    let docker = match &raw {
        Raw::Unix(path) => Docker::connect_with_unix(path, ANSWER_SECS, &api),
        Raw::Tcp(address) => Docker::connect_with_http(&format!("http://{address}"), ANSWER_SECS, &api),
    };
    let (product, version) = product(header("server"));
    let major = version.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if product == Product::Podman && major.is_some_and(|major| major < 4) {
        return Err(format!("podman {version} is too old: podman 4 or newer is needed"));
    }
    let log_driver = if product == Product::Podman { "k8s-file" } else { "json-file" };
    Ok(LocalEngine {
        docker: docker.map_err(|e| explain::words(&e))?,
        raw,
        product,
        version,
        // Containers share this host's kernel. A remote engine is assumed to support IPv6.
        profile: EngineProfile {
            log_driver,
            ipv6: Path::new("/proc/sys/net/ipv6").exists() || host.starts_with("tcp"),
        },
        options: options.clone(),
        agent_image: Arc::default(),
        images: Arc::default(),
        next_subnet: Arc::default(),
    })
}

/// Returns the API version to use: the engine's own, or the newest that the client library knows.
fn negotiated(offered: &str) -> ClientVersion {
    let newest = (API_DEFAULT_VERSION.major_version, API_DEFAULT_VERSION.minor_version);
    let offered = offered.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    let (major_version, minor_version) = offered.unwrap_or(newest).min(newest);
    ClientVersion { major_version, minor_version }
}

/// Parses product and version from a header such as `Libpod/4.3.1 (linux)` or `Docker/28.0.1 (linux)`.
fn product(server: &str) -> (Product, String) {
    let (name, version) = server.split_once('/').unwrap_or((server, ""));
    let version = version.split(' ').next().unwrap_or_default().to_owned();
    (if name == "Libpod" { Product::Podman } else { Product::Docker }, version)
}

/// Opens and closes a connection, because its error is clearer than the client's.
async fn try_connection(raw: &Raw) -> Result<(), String> {
    let opened = match raw {
        Raw::Unix(path) => tokio::net::UnixStream::connect(path).await.map(drop),
        Raw::Tcp(address) => tokio::time::timeout(PING_LIMIT, tokio::net::TcpStream::connect(address))
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map(drop),
    };
    opened.map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => "no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        std::io::ErrorKind::ConnectionRefused => "connection refused: no engine listens there".into(),
        _ => e.to_string(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tries_only_the_host_that_the_user_named() {
        let named = SocketVariables {
            docker_host: Some("unix:///a.sock".into()),
            container_host: Some("unix:///b.sock".into()),
            runtime_dir: Some("/run/user/7".into()),
            home: None,
        };
        assert_eq!(candidates(&named), [("unix:///a.sock".to_owned(), "from DOCKER_HOST".to_owned())]);
    }

    #[test]
    fn tries_rootless_podman_first_and_docker_last() {
        let s = SocketVariables {
            runtime_dir: Some("/run/user/7".into()),
            home: Some("/home/u".into()),
            ..SocketVariables::default()
        };
        let hosts: Vec<String> = candidates(&s).into_iter().map(|(h, _)| h).collect();
        assert_eq!(
            hosts,
            [
                "unix:///run/user/7/podman/podman.sock",
                "unix:///run/podman/podman.sock",
                "unix:///run/user/7/docker.sock",
                "unix:///home/u/.docker/run/docker.sock",
                "unix:///var/run/docker.sock"
            ]
        );
    }

    #[test]
    fn advice_matches_the_failure() {
        let denied = unreachable(&[("unix:///var/run/docker.sock".into(), "permission denied".into())]).to_string();
        assert!(denied.contains("`docker` group") && !denied.contains("systemctl start docker"), "{denied}");
        let absent = unreachable(&[("unix:///var/run/docker.sock".into(), "no such file".into())]).to_string();
        assert!(absent.contains("podman.socket"), "{absent}");
        let named = unreachable(&[("unix:///x.sock (from DOCKER_HOST)".into(), "no such file".into())]).to_string();
        assert!(named.contains("unset the variable") && !named.contains("systemctl"), "{named}");
    }

    #[test]
    fn recognizes_the_product_by_its_server_header() {
        assert_eq!(product("Libpod/4.3.1 (linux)"), (Product::Podman, "4.3.1".into()));
        assert_eq!(product("Docker/28.0.1 (linux)"), (Product::Docker, "28.0.1".into()));
    }

    #[test]
    fn uses_the_older_of_both_api_versions() {
        let version = |offered| (negotiated(offered).major_version, negotiated(offered).minor_version);
        assert_eq!(version("1.41"), (1, 41));
        let newest = (API_DEFAULT_VERSION.major_version, API_DEFAULT_VERSION.minor_version);
        assert_eq!(version("1.999"), newest);
        assert_eq!(version(""), newest);
    }

    #[test]
    fn refuses_an_ssh_address_with_advice() {
        assert!(transport("ssh://host").unwrap_err().contains("unix:///path"));
    }
}
