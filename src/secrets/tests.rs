#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;
use crate::plan::{SuitePlan, Unit};
use crate::testing;

fn plan() -> Plan {
    let api =
        Unit { secrets: vec!["jwt-key".into(), "mq.api".into(), "data.app".into()], tls: true, ..testing::unit("api") };
    let of_kind = |name: &str, kind| Unit { kind, ..testing::unit(name) };
    let accept = SuitePlan { secrets: vec!["jwt-key".into()], ..testing::suite("accept", vec![]) };
    Plan {
        secrets: BTreeMap::from([("jwt-key".into(), 32)]),
        broker: serde_json::from_value(json!({
            "name": "mq", "port": 5671, "tls": true, "vhosts": { "in": {} },
            "users": { "api": { "permissions": { "in": {} } }, "audit": { "permissions": { "in": {} } } },
        }))
        .unwrap(),
        databases: serde_json::from_value(json!({ "data": { "database": "app", "roles": ["app"], "sql": [] } }))
            .unwrap(),
        suites: BTreeMap::from([("accept".into(), accept)]),
        ..testing::plan(vec![of_kind("mq", UnitKind::Broker), of_kind("data", UnitKind::Database), api])
    }
}

#[test]
fn every_name_gets_a_long_value_of_its_own() {
    let made = generate(&plan(), None).unwrap();
    let names: Vec<&str> = made.values.keys().map(String::as_str).collect();
    assert_eq!(names, ["data.app", "data.postgres", "jwt-key", "mq.api", "mq.audit"]);
    assert_eq!(made.values["jwt-key"].len(), 64);
    assert!(made.values.values().all(|v| v.len() >= 48 && v.bytes().all(|b| b.is_ascii_hexdigit())));
    assert_eq!(made.values.values().collect::<BTreeSet<_>>().len(), made.values.len());
    assert_ne!(generate(&plan(), None).unwrap().values["jwt-key"], made.values["jwt-key"]);
}

#[test]
fn everybody_gets_the_authority_and_only_the_secrets_that_they_list() {
    let made = generate(&plan(), None).unwrap();
    let names = |of: &str| made.files[of].keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(names("api"), ["ca.crt", "data.app", "jwt-key", "mq.api", "tls.crt", "tls.key"]);
    assert_eq!(names("mq"), ["ca.crt", "definitions.json", "rabbitmq.conf", "tls.crt", "tls.key"]);
    assert_eq!(names("data"), ["ca.crt", "data.postgres"]);
    assert_eq!(names("accept"), ["ca.crt", "jwt-key"]);
    assert_eq!(made.files["api"]["jwt-key"], made.values["jwt-key"].as_bytes());
    let definitions = String::from_utf8(made.files["mq"]["definitions.json"].clone()).unwrap();
    assert!(made.values.values().all(|value| !definitions.contains(value)));
}

#[test]
fn a_secret_that_nothing_makes_is_named() {
    let mut plan = plan();
    plan.units[2].secrets.push("mq.ghost".into());
    assert_eq!(
        generate(&plan, None).unwrap_err().to_string(),
        "give the secret `mq.ghost` to `api`: nothing makes a secret of that name"
    );
}

#[test]
fn secrets_survive_storage_and_their_debug_output_shows_names_only() {
    let made = generate(&plan(), None).unwrap();
    let back: Secrets = serde_json::from_str(&serde_json::to_string(&made).unwrap()).unwrap();
    assert_eq!((&back.values, &back.ca, &back.files), (&made.values, &made.ca, &made.files));
    let shown = format!("{made:?} {back:#?}");
    assert!(shown.contains("jwt-key"));
    assert!(made.values.values().all(|value| !shown.contains(value)));
    assert!(!shown.contains("PRIVATE KEY"));
}

#[test]
fn a_certificate_holds_for_the_units_names_and_for_no_other() {
    let made = generate(&plan(), None).unwrap();
    for (name, holds) in [
        ("api", true),
        ("api.sample-pr-1", true),
        ("api.sample-pr-1.svc.cluster.local", true),
        ("localhost", true),
        ("mq", false),
        ("api.other", false),
    ] {
        assert_eq!(handshake(&made, name).is_ok(), holds, "{name}");
    }
}

#[test]
fn another_environments_authority_is_not_trusted() {
    let made = generate(&plan(), None).unwrap();
    let stranger = Secrets { ca: generate(&plan(), None).unwrap().ca, ..made };
    assert!(handshake(&stranger, "api").is_err());
}

/// A TLS handshake in memory, with the certificate of `api` on the other side.
fn handshake(made: &Secrets, name: &str) -> Result<(), rustls::Error> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let certificate = CertificateDer::from_pem_slice(&made.files["api"]["tls.crt"]).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&made.files["api"]["tls.key"]).unwrap();
    let server =
        rustls::ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let server = server.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(made.ca.as_bytes()).unwrap()).unwrap();
    let client = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let client = client.with_root_certificates(roots).with_no_client_auth();
    let mut server = rustls::ServerConnection::new(server.into()).unwrap();
    let mut client =
        rustls::ClientConnection::new(client.into(), ServerName::try_from(name.to_owned()).unwrap()).unwrap();
    while client.is_handshaking() || server.is_handshaking() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut wire = wire.as_slice();
        while !wire.is_empty() {
            client.read_tls(&mut wire).unwrap();
            client.process_new_packets()?;
        }
    }
    Ok(())
}
