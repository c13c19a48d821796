//! `dayfly advisories serve`, asked as scanners ask it.
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::database::{archive, python, record};
use super::support::Running;
use super::{Shop, now};

/// The status and the answer to a query about a package.
fn asked(url: &str, ecosystem: &str, name: &str, version: &str) -> (String, Value) {
    let host = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let query = json!({"package": {"name": name, "ecosystem": ecosystem}, "version": version}).to_string();
    let mut stream = TcpStream::connect(host).unwrap();
    let head =
        format!("POST /v1/query HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}", query.len());
    stream.write_all(format!("{head}\r\n\r\n{query}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().to_owned(), serde_json::from_str(body).unwrap())
}

#[test]
fn what_cannot_be_decided_is_an_error_and_not_an_empty_answer() {
    let shop = Shop::new();
    // Advisories of PyPI are fresh, those of npm are old.
    archive(&shop.at("npm.zip"), &[record("GHSA-npm", "npm", "demo", "0", "1.0.0")]);
    shop.dayfly(&["advisories", "import", "npm.zip", "--out", "n", "--snapshot", "2024-01-01T00:00:00Z"]).code(0);
    archive(&shop.at("osv.zip"), &python());
    shop.dayfly(&["advisories", "import", "osv.zip", "--out", "p", "--snapshot", &now()]).code(0);
    let serve = |bundle: &str| Running::start(shop.command(&["advisories", "serve", "--advisories", bundle]));
    let url = |server: &mut Running| server.until("answers queries").split(' ').next().unwrap().to_owned();

    let mut fresh = serve("p");
    let at = url(&mut fresh);
    let (status, found) = asked(&at, "PyPI", "Demo.Web", "2.1");
    assert_eq!((status.as_str(), found["vulns"].as_array().unwrap().len()), ("200", 3), "{found}");
    assert_eq!(asked(&at, "PyPI", "demo-web", "2.6"), ("200".to_owned(), json!({})));
    for (ecosystem, version, why) in [("npm", "1.0.0", "the advisories have none of npm"), ("PyPI", "odd!", "compared")]
    {
        let (status, found) = asked(&at, ecosystem, "demo-web", version);
        assert_eq!(status, "500");
        assert!(found["message"].as_str().unwrap().contains(why), "{found}");
    }
    fresh.signal("INT");
    fresh.ends().code(0);

    let mut old = serve("n");
    old.until("days old; the policy allows 7 days; queries about it get an error");
    let (status, found) = asked(&url(&mut old), "npm", "demo", "1.0.0");
    assert!(status == "500" && found["message"].as_str().unwrap().contains("days old"), "{status} {found}");
    old.signal("INT");
    old.ends().code(0);

    let policy = "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault:\n  dependencies:\n    signed: true\n";
    shop.writes("policy.yaml", policy);
    let refused = shop.dayfly(&["advisories", "serve", "--advisories", "p", "--policy", "policy.yaml"]);
    refused.code(10).says("the policy wants signed advisories");
}
