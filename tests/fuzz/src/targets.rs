//! One function for each kind of foreign bytes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use dayfly::agent::client::AgentClient;
use dayfly::agent::protocol::{AgentContext, AgentRequest, Opening};
use dayfly::agent::{AgentLink, sealed, serve};
use dayfly::evidence::verify::{Expectations, verify};
use dayfly::evidence::{KeyKind, SigningKey, VerifyingKey, bundle, dsse};
use dayfly::model::sanitize::inert;
use dayfly::oidc::{Forge, Issuer, Jwks};
use dayfly::policy::{Policy, Subject};
use dayfly::secrets::Secrets;
use dayfly::spec::Overrides;
use dayfly::spec::model::{Severity, VerdictSource};
use dayfly::{oidc, plan, spec, suite, testing};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

mod dependencies;
mod gate;
mod images;
mod keys;
mod log;
mod review;

/// Reads bytes, and panics if they broke a rule.
pub type Target = fn(&[u8]);

/// Every target by name; the corpus of each is a folder of that name.
pub const ALL: [(&str, Target); 20] = [
    ("envelope", envelope),
    ("statement", statement),
    ("bundle", bundle),
    ("description", description),
    ("agent", agent),
    ("results", results),
    ("policy", policy),
    ("token", token),
    ("text", text),
    ("advisory", dependencies::advisory),
    ("advisories", dependencies::advisories),
    ("database", dependencies::database),
    ("lockfile", dependencies::lockfile),
    ("image", images::image),
    ("manifest", review::manifest),
    ("register", review::register),
    ("waivers", review::waivers),
    ("log", log::log),
    ("gate", gate::gate),
    ("keys", keys::keys),
];

fn key() -> &'static (SigningKey, VerifyingKey) {
    static KEY: OnceLock<(SigningKey, VerifyingKey)> = OnceLock::new();
    KEY.get_or_init(|| {
        let key = SigningKey::from_seed(KeyKind::Ed25519, &[7; 32]).expect("every seed is a key");
        let public = key.verifying_key();
        (key, public)
    })
}

/// Nobody but the key's holder has an envelope accepted, and every refusal is one printable text.
fn envelope(bytes: &[u8]) {
    match verify(bytes, &key().1, &Expectations::default()) {
        Ok(verified) => {
            let signed = dsse::sign(&[], &key().0);
            assert_eq!(verified.keyid, signed.signatures[0].keyid);
        }
        Err(refusal) => require_inert(&refusal.to_string()),
    }
}

/// The content of an envelope that the right key signed.
fn statement(bytes: &[u8]) {
    let signed = serde_json::to_vec(&dsse::sign(bytes, &key().0)).expect("envelopes are JSON");
    if let Err(refusal) = verify(&signed, &key().1, &Expectations::default()) {
        require_inert(&refusal.to_string());
    }
}

/// A valid envelope, in a bundle whose other members are foreign.
fn bundle(bytes: &[u8]) {
    envelope(bytes);
    let keyid = key().1.keyid();
    let hint = String::from_utf8_lossy(bytes).into_owned();
    let mut wrapped = bundle::wrap(dsse::sign(bytes, &key().0), keyid.clone());
    let foreign = hint != keyid;
    wrapped.verification_material.public_key.hint = hint;
    let json = serde_json::to_vec(&wrapped).expect("bundles are JSON");
    let result = verify(&json, &key().1, &Expectations::default());
    assert!(!foreign || result.is_err(), "a bundle for another key was accepted");
}

fn description(bytes: &[u8]) {
    let overrides = Overrides { pr: Some(7), ..Overrides::default() };
    let files = BTreeMap::from([("schema.sql".to_owned(), b"select 1;".to_vec())]);
    match spec::load_bytes(Path::new("environment.yaml"), bytes, &files, &overrides) {
        Ok(valid) => {
            if let Ok(plan) = plan::build::build(&valid, 7) {
                serde_json::to_vec(&plan).expect("plans are JSON");
            }
        }
        Err(diagnostics) => require_inert(&diagnostics.render(false)),
    }
}

/// Both ends of an agent's connection: dayfly's gets any output, the agent's any input; once as it is, and once as the other
/// end would authenticate it.
fn agent(bytes: &[u8]) {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
    });
    let text = String::from_utf8_lossy(bytes).into_owned();
    let key = "5e".repeat(32);
    runtime.block_on(async {
        for authentic in [false, true] {
            let (dayfly, mut other) = tokio::io::duplex(1 << 20);
            let (output, input) = tokio::io::split(dayfly);
            let context = AgentContext::complete(&testing::plan_of(&[("api", &[])]), &Secrets::default());
            let client = AgentClient::connect(AgentLink { input: Box::pin(input), output: Box::pin(output) }, context);
            let answer = async {
                let mut opening = String::new();
                BufReader::new(&mut other).read_line(&mut opening).await.expect("an opening");
                let opening: Opening = serde_json::from_str(&opening).expect("an opening is JSON");
                let lines = sealed(&opening.key, false, &text).expect("a key");
                other.write_all(if authentic { &lines } else { bytes }).await.ok();
                other.shutdown().await.ok();
            };
            if let (Err(lost), ()) = tokio::join!(client.ask(AgentRequest::Status), answer) {
                require_inert(&lost.to_string());
            }
        }
        serve(std::io::Cursor::new(bytes.to_vec()), tokio::io::sink()).await.ok();
        let context = AgentContext::complete(&testing::plan_of(&[("api", &[])]), &Secrets::default());
        let opening = serde_json::to_string(&Opening { key: key.clone(), context }).expect("openings are JSON");
        let lines = sealed(&key, true, &text).expect("a key");
        let input = [opening.as_bytes(), b"\n", &lines].concat();
        serve(std::io::Cursor::new(input), tokio::io::sink()).await.ok();
    });
}

/// Result files of every format.
fn results(bytes: &[u8]) {
    use VerdictSource::{Ctrf, Cyclonedx, Junit, Sarif, Tap, Zap};
    for (extension, formats) in [("xml", &[Junit][..]), ("tap", &[Tap]), ("json", &[Ctrf, Sarif, Cyclonedx, Zap])] {
        let files = BTreeMap::from([(format!("results.{extension}"), bytes.to_vec())]);
        for format in formats {
            let results = suite::results::read(&files, *format, Severity::Low);
            serde_json::to_vec(&results.cases).expect("cases are JSON");
        }
    }
}

/// What is accepted as a policy can be compared with a description.
fn policy(bytes: &[u8]) {
    match Policy::parse(Path::new("policy.yaml"), bytes) {
        Ok(policy) => {
            let subject =
                Subject::Requester { namespace: "team-a".into(), repository: Some("https://git.test/a/b".into()) };
            policy.limits(&subject);
        }
        Err(diagnostics) => require_inert(&diagnostics.render(false)),
    }
}

/// No token passes for a key that nobody has.
fn token(bytes: &[u8]) {
    let server = "https://git.test".to_owned();
    let issuer = Issuer { issuer: server.clone(), forge: Forge::GitLab, server };
    Jwks::parse(bytes).ok();
    let set = br#"{"keys":[{"kty":"EC","crv":"P-256","kid":"one","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
    let keys = Jwks::parse(set).expect("the set is valid");
    let now = jiff::Timestamp::UNIX_EPOCH;
    assert!(oidc::verify(&String::from_utf8_lossy(bytes), &keys, &issuer, "dayfly", now).is_err());
}

/// What is printed holds no control sequence and no workflow command, whatever it was made of.
fn text(bytes: &[u8]) {
    let printed = inert(&String::from_utf8_lossy(bytes));
    require_inert(&printed);
    assert_eq!(inert(&printed), printed);
}

/// A rule of its own, written apart from `inert`: after it, neither a terminal nor a CI system acts on the text.
fn require_inert(text: &str) {
    let printed = inert(text);
    let is_active = |c: char| {
        (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!printed.contains(is_active), "{printed:?}");
    for line in printed.lines() {
        let line = line.trim_start();
        assert!(!line.starts_with("::"), "{line:?}");
        assert!(!line.starts_with("##["), "{line:?}");
        assert!(!line.contains("##vso["), "{line:?}");
    }
}
