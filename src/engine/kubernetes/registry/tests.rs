//! Conversations with a registry of the tests' own, over real sockets.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

mod contents;

const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";

/// Status, headers, body.
type Reply = (u16, Vec<(String, String)>, Vec<u8>);

fn digest_of(bytes: impl AsRef<[u8]>) -> String {
    Digest::compute(bytes).to_string()
}

/// A server; what it was asked is kept as `path` or `path <authorization>`.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// `reply` gets its own address, the path and the authorization.
    async fn start(reply: impl Fn(&str, &str, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(vec![]));
        let (own, log) = (address.clone(), asked.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (path, shown) = request(&mut stream).await;
                log.lock().unwrap().push(format!("{path} {shown}").trim().to_owned());
                let (status, headers, body) = reply(&own, &path, &shown);
                let mut head =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
                headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
                // The client may have gone, when the answer is longer than it takes.
                let _ = stream.write_all(&[head.as_bytes(), b"\r\n", &body].concat()).await;
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    async fn resolve(&self, name: &str, credentials: Option<&str>) -> Result<Resolved, RegistryError> {
        Registry::new(credentials).unwrap().resolve(&ImageRef::split(&format!("{}/{name}", self.address))).await
    }

    /// A docker configuration for this server, user `u` and password `p`.
    fn login(&self) -> String {
        json!({ "auths": { &self.address: { "username": "u", "password": "p" } } }).to_string()
    }
}

async fn request(stream: &mut TcpStream) -> (String, String) {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\n") {
        text.push(stream.read_u8().await.unwrap());
    }
    let text = String::from_utf8(text).unwrap();
    let path = text.split(' ').nth(1).unwrap().to_owned();
    let shown = text.lines().find_map(|l| l.strip_prefix("authorization: ")).unwrap_or_default();
    (path, shown.to_owned())
}

fn with(name: &str, value: impl Into<String>) -> Vec<(String, String)> {
    vec![(name.to_owned(), value.into())]
}

fn ok(body: &[u8]) -> Reply {
    (200, vec![], body.to_vec())
}

fn missing() -> Reply {
    (
        404,
        vec![],
        json!({ "errors": [{ "code": "MANIFEST_UNKNOWN", "message": "manifest unknown" }] }).to_string().into(),
    )
}

fn config(architecture: &str, user: &str) -> Vec<u8> {
    json!({ "os": "linux", "architecture": architecture, "config": { "User": user } }).to_string().into()
}

fn image(config: &[u8]) -> Vec<u8> {
    let digest = digest_of(config);
    json!({ "schemaVersion": 2, "config": { "mediaType": OCI_CONFIG, "digest": digest }, "layers": [] })
        .to_string()
        .into()
}

fn index(images: &[(&str, &[u8])]) -> Vec<u8> {
    let entries = images.iter().map(|(platform, image)| {
        let (os, architecture) = platform.split_once('/').unwrap();
        json!({ "digest": digest_of(image), "platform": { "os": os, "architecture": architecture } })
    });
    json!({ "schemaVersion": 2, "manifests": entries.collect::<Vec<_>>() }).to_string().into()
}

/// Serves `team/app:1` and every part of it by its digest, as registries do.
fn serve(path: &str, tagged: &[u8], parts: &[&[u8]]) -> Reply {
    let found = match path.rsplit_once('/').unwrap() {
        ("/v2/team/app/manifests", "1") => Some(tagged),
        ("/v2/team/app/manifests" | "/v2/team/app/blobs", digest) => {
            [&[tagged], parts].concat().into_iter().find(|p| digest_of(p) == digest)
        }
        _ => None,
    };
    found.map_or_else(missing, |p| (200, with("Docker-Content-Digest", digest_of(p)), p.to_vec()))
}

fn plain(path: &str) -> Reply {
    let config = config("amd64", "65532");
    serve(path, &image(&config), &[&config])
}

fn plain_image() -> Resolved {
    let digest = digest_of(image(&config("amd64", "65532")));
    Resolved { digest, platform: "linux/amd64".into(), user: Some("65532".into()), built_from: None }
}

#[tokio::test]
async fn a_tag_becomes_a_digest_with_platform_and_user() {
    let server = Server::start(|_, path, _| plain(path)).await;
    assert_eq!(server.resolve("team/app:1", None).await.unwrap(), plain_image());
    let pinned = format!("team/app@{}", plain_image().digest);
    assert_eq!(server.resolve(&pinned, None).await.unwrap(), plain_image());
}

#[tokio::test]
async fn of_an_index_this_machines_image_is_looked_at_and_the_index_is_named() {
    let (wanted, other) = (manifest::wanted_platform(), "linux/s390x");
    let configs = [config("here", "7"), config("s390x", "8")];
    let images = [image(&configs[0]), image(&configs[1])];
    let whole = index(&[(other, &images[1]), (&wanted, &images[0])]);
    let digest = digest_of(&whole);
    let reply =
        move |_: &str, path: &str, _: &str| serve(path, &whole, &[&images[0], &images[1], &configs[0], &configs[1]]);
    let server = Server::start(reply).await;
    let expected = Resolved { digest, platform: "linux/here".into(), user: Some("7".into()), built_from: None };
    assert_eq!(server.resolve("team/app:1", None).await.unwrap(), expected);
}

#[tokio::test]
async fn an_index_without_this_machines_image_says_what_it_has() {
    let whole = index(&[("linux/s390x", b"1"), ("unknown/unknown", b"2")]);
    let server = Server::start(move |_, path, _| serve(path, &whole, &[])).await;
    let why = server.resolve("team/app:1", None).await.unwrap_err().to_string();
    assert!(why.contains(&manifest::wanted_platform()) && why.contains("only linux/s390x:"), "{why}");
}

/// Wants a token that `/token` grants to whoever shows `login`.
fn with_token(own: &str, path: &str, shown: &str, login: &str) -> Reply {
    let challenge = format!(r#"Bearer realm="http://{own}/token",service="s",scope="x""#);
    match (path.starts_with("/token"), shown == "Bearer t1", shown == login) {
        (true, _, true) => ok(br#"{"token": "t1"}"#),
        (true, _, false) => (401, vec![], vec![]),
        (false, true, _) => plain(path),
        (false, false, _) => (401, with("WWW-Authenticate", challenge), vec![]),
    }
}

#[tokio::test]
async fn a_token_is_fetched_when_it_is_asked_for_and_used_from_then_on() {
    let server = Server::start(|own, path, shown| with_token(own, path, shown, "")).await;
    assert_eq!(server.resolve("team/app:1", None).await.unwrap(), plain_image());
    let blob = format!("/v2/team/app/blobs/{} Bearer t1", digest_of(config("amd64", "65532")));
    let expected = [
        "/v2/team/app/manifests/1",
        "/token?service=s&scope=repository%3Ateam%2Fapp%3Apull",
        "/v2/team/app/manifests/1 Bearer t1",
        &blob,
    ];
    assert_eq!(server.asked(), expected);
}

#[tokio::test]
async fn a_token_for_the_pull_secret_is_asked_for_with_its_password() {
    let server = Server::start(|own, path, shown| with_token(own, path, shown, "Basic dTpw")).await;
    assert_eq!(server.resolve("team/app:1", Some(&server.login())).await.unwrap(), plain_image());
    let refused = server.resolve("team/app:1", None).await.unwrap_err();
    assert!(matches!(refused, RegistryError::Refused { with_credentials: false, .. }), "{refused}");
    assert!(refused.to_string().contains("--pull-secret"));
}

#[tokio::test]
async fn a_password_is_shown_only_after_it_was_asked_for_and_once() {
    let reply = |_: &str, path: &str, shown: &str| match shown {
        "Basic dTpw" => plain(path),
        _ => (401, with("WWW-Authenticate", "Basic realm=\"r\""), vec![]),
    };
    let server = Server::start(reply).await;
    assert_eq!(server.resolve("team/app:1", Some(&server.login())).await.unwrap(), plain_image());
    assert_eq!(server.asked()[..2], ["/v2/team/app/manifests/1", "/v2/team/app/manifests/1 Basic dTpw"]);

    let asked = server.asked().len();
    let wrong = server.login().replace("\"p\"", "\"q\"");
    let refused = server.resolve("team/app:1", Some(&wrong)).await.unwrap_err();
    assert!(matches!(refused, RegistryError::Refused { with_credentials: true, .. }), "{refused}");
    assert_eq!(server.asked().len(), asked + 2);
}

#[tokio::test]
async fn an_image_that_is_not_there_is_told_from_one_that_lost_a_part() {
    let server = Server::start(|_, path, _| if path.contains("blobs") { missing() } else { plain(path) }).await;
    let why = server.resolve("team/app:2", None).await.unwrap_err();
    assert!(matches!(why, RegistryError::NotFound(_)) && why.to_string().contains("404, manifest unknown"), "{why}");
    let why = server.resolve("team/app:1", None).await.unwrap_err();
    assert!(matches!(why, RegistryError::Other(_)) && why.to_string().contains("lost a part"), "{why}");
}

/// The error about `team/<name>` when `reply` replaces the answer for the one part whose path holds `part`.
async fn with_a_lie(name: &str, honest: &[&[u8]], part: &str, reply: Reply) -> String {
    let honest: Vec<Vec<u8>> = honest.iter().map(|p| p.to_vec()).collect();
    let part = part.to_owned();
    let server = Server::start(move |_, path, _| {
        let parts: Vec<&[u8]> = honest.iter().map(Vec::as_slice).collect();
        if path.contains(&part) { reply.clone() } else { serve(path, parts[0], &parts) }
    });
    let why = server.await.resolve(name, None).await.unwrap_err();
    assert!(matches!(why, RegistryError::Other(_)), "{why}");
    why.to_string()
}

#[tokio::test]
async fn bytes_with_another_digest_are_not_believed() {
    let configs = [config("amd64", "7"), config("amd64", "root")];
    let images = [image(&configs[0]), image(&configs[1])];
    let whole = index(&[(&manifest::wanted_platform(), &images[0])]);
    let parts: Vec<&[u8]> = [&whole, &images[0], &images[1], &configs[0], &configs[1]].map(Vec::as_slice).to_vec();
    let refused = |served: &[u8], asked: &[u8]| {
        format!("serves is {} and not {}: do not run it", digest_of(served), digest_of(asked))
    };

    let other = (200, with("Docker-Content-Digest", digest_of(b"")), whole.clone());
    let why = with_a_lie("team/app:1", &parts, "manifests/1", other).await;
    assert!(why.contains(&refused(&whole, b"")), "{why}");

    let digest = digest_of(&images[0]);
    let pinned = format!("team/app@{digest}");
    // An image in itself consistent, but not the one that was asked for.
    let why = with_a_lie(&pinned, &parts, &digest, ok(&images[1])).await;
    assert!(why.contains(&refused(&images[1], &images[0])), "{why}");
    let why = with_a_lie("team/app:1", &parts, &digest, ok(&images[1])).await;
    assert!(why.contains(&refused(&images[1], &images[0])), "{why}");
    let why = with_a_lie("team/app:1", &parts, "blobs", ok(&configs[1])).await;
    assert!(why.contains(&refused(&configs[1], &configs[0])), "{why}");
}

/// Sends whoever asks for a blob to `to`, and wants a password for everything.
async fn redirecting(to: String) -> Server {
    let reply = move |_: &str, path: &str, shown: &str| match (shown, path.contains("blobs")) {
        ("Basic dTpw", true) => (307, with("Location", format!("{to}{path}")), vec![]),
        ("Basic dTpw", false) => plain(path),
        _ => (401, with("WWW-Authenticate", "Basic"), vec![]),
    };
    Server::start(reply).await
}

#[tokio::test]
async fn redirects_are_followed_but_credentials_stay() {
    let elsewhere = Server::start(|_, path, _| plain(path)).await;
    let server = redirecting(format!("http://{}", elsewhere.address)).await;
    assert_eq!(server.resolve("team/app:1", Some(&server.login())).await.unwrap(), plain_image());
    assert_eq!(elsewhere.asked(), [format!("/v2/team/app/blobs/{}", digest_of(config("amd64", "65532")))]);

    let asking = Server::start(|own, path, shown| with_token(own, path, shown, "Basic dTpw")).await;
    let server = redirecting(format!("http://{}", asking.address)).await;
    let why = server.resolve("team/app:1", Some(&server.login())).await.unwrap_err();
    assert!(matches!(why, RegistryError::Refused { .. }), "{why}");
    assert_eq!(asking.asked(), elsewhere.asked());
}

#[tokio::test]
async fn redirects_end_after_three_and_never_leave_tls() {
    let server = redirecting(String::new()).await;
    let why = server.resolve("team/app:1", Some(&server.login())).await.unwrap_err();
    assert!(why.to_string().contains("more than 3 times"), "{why}");
    assert_eq!(server.asked().iter().filter(|a| a.contains("blobs")).count(), 4);
    let server = redirecting("http://cdn.test".to_owned()).await;
    let why = server.resolve("team/app:1", Some(&server.login())).await.unwrap_err();
    assert!(why.to_string().contains("without TLS"), "{why}");
}

#[tokio::test]
async fn without_the_place_of_blobs_only_the_user_is_unknown() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let server = redirecting(format!("http://{gone}")).await;
    let found = server.resolve("team/app:1", Some(&server.login())).await.unwrap();
    assert_eq!((found.digest, found.user), (plain_image().digest, None));
}

#[tokio::test]
async fn a_registry_that_does_not_answer_is_unreachable() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let registry = Registry::new(None).unwrap();
    let why = registry.resolve(&ImageRef::split(&format!("{gone}/a:1"))).await.unwrap_err();
    assert!(matches!(why, RegistryError::Unreachable(_)), "{why}");
    // Speaks HTTP where TLS is due: `127.0.0.2` is not one of the hosts that are asked without it.
    let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let why = registry.resolve(&ImageRef::split(&format!("{address}/a:1"))).await.unwrap_err();
    assert!(matches!(why, RegistryError::Unreachable(_)) && why.to_string().contains("TLS"), "{why}");
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_read() {
    let server = Server::start(|_, _, _| ok(&vec![b' '; LONGEST_MANIFEST + 1])).await;
    let why = server.resolve("team/app:1", None).await.unwrap_err();
    assert!(matches!(why, RegistryError::Other(_)) && why.to_string().contains("more than 4 MiB"), "{why}");
}

#[tokio::test]
async fn faults_of_the_registry_are_told_apart_from_refusals() {
    for (status, says) in [(500, "try again later"), (429, "asked too often")] {
        let server = Server::start(move |_, _, _| (status, vec![], vec![])).await;
        let why = server.resolve("team/app:1", None).await.unwrap_err();
        assert!(matches!(why, RegistryError::Other(_)) && why.to_string().contains(says), "{why}");
    }
    let server = Server::start(|_, _, _| (403, vec![], vec![])).await;
    assert!(matches!(server.resolve("a:1", None).await.unwrap_err(), RegistryError::Refused { .. }));
}

#[tokio::test]
async fn what_is_no_reference_or_no_configuration_is_said_before_anyone_is_asked() {
    let registry = Registry::new(None).unwrap();
    let why = registry.resolve(&ImageRef::split("Not An Image")).await.unwrap_err();
    assert!(matches!(why, RegistryError::Other(_)) && why.to_string().contains("is not an image name"), "{why}");
    assert!(matches!(Registry::new(Some("no")).err().unwrap(), RegistryError::Other(_)));
}

#[test]
fn an_answer_can_be_awaited_on_any_thread() {
    fn sendable<T: Send>(_: &T) {}
    let registry = Registry::new(None).unwrap();
    sendable(&registry.resolve(&ImageRef::split("rabbitmq:4")));
}

#[test]
fn knows_for_which_images_there_are_credentials() {
    let text = json!({"auths": {"registry.test/team": {"username": "u", "password": "p"}}}).to_string();
    assert!(has_credentials(&text, "registry.test/team/private:1"));
    for other in ["registry.test/other/a:1", "docker.io/library/a", "localhost/team/a:1"] {
        assert!(!has_credentials(&text, other), "{other}");
    }
    assert!(has_credentials("rubbish", "registry.test/other/a:1"));
}
