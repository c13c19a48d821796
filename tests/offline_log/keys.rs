//! Lists of keys: what `verify --keys` trusts and refuses, and why.

use std::fs;
use std::path::Path;
use std::process::Output;

use dayfly::evidence::{KeyKind, VerifyingKey};
use dayfly::report::exit_code;
use jiff::ToSpan as _;
use serde_json::Value;

use crate::place::{Place, accepted, refused, text};
use crate::sample::{key, passed};
use crate::witness::Witness;

/// An entry of a list for a key of statements.
fn entry(key: &VerifyingKey, used: &str, more: &str) -> String {
    let pem = key.to_pem().unwrap().trim().replace('\n', "\n      ");
    format!("  - id: {}\n    use: {used}\n    publicKey: |\n      {pem}\n    {more}\n", key.keyid())
}

fn list(entries: &[String]) -> String {
    format!("apiVersion: dayfly.dev/v1alpha1\nkind: TrustedKeys\nkeys:\n{}", entries.concat())
}

fn own() -> VerifyingKey {
    key(KeyKind::P256, 1).verifying_key()
}

fn verify(place: &Place, run: &Path, entries: &[String], more: &[&str]) -> Output {
    fs::write(place.at("keys.yaml"), list(entries)).unwrap();
    place.dayfly(&[&["verify", run.to_str().unwrap(), "--keys", "keys.yaml"][..], more].concat())
}

#[test]
fn a_key_counts_for_its_use_and_in_its_time_only() {
    let place = Place::new();
    // It began on 2026-03-02.
    let run = place.run(&passed(7));
    let (one, other) = (own(), key(KeyKind::P256, 2).verifying_key());
    let with = |used: &str, more: &str| verify(&place, &run, &[entry(&one, used, more)], &[]);
    accepted(&with("run", "validFrom: 2026-01-01"));
    accepted(&with("run", "validFrom: 2026-01-01\n    validTo: 2026-03-02"));
    refused(&with("run", "validFrom: 2026-03-03"), "is valid only from 2026-03-03T00:00:00Z on");
    refused(
        &with("run", "validFrom: 2026-01-01\n    validTo: 2026-03-01"),
        "was valid only until 2026-03-02T00:00:00Z",
    );
    refused(&with("removal", "validFrom: 2026-01-01"), "is for removals, and this is signed for runs");
    refused(&with("gate", "validFrom: 2026-01-01"), "is for decisions of the gate, and this is signed for runs");
    let others = [entry(&other, "run", "validFrom: 2026-01-01")];
    refused(&verify(&place, &run, &others, &[]), "the list of keys does not have the key SHA256:");
    // Rotation: the next key holds already, and the one before still does.
    let both = [
        entry(&one, "run", "validFrom: 2026-01-01\n    validTo: 2026-04-01"),
        entry(&other, "run", "validFrom: 2026-03-01"),
    ];
    accepted(&verify(&place, &run, &both, &[]));
    let single = run.join("run.intoto.jsonl");
    accepted(&verify(&place, &single, &both, &[]));
    let removals = [entry(&one, "removal", "validFrom: 2026-01-01")];
    refused(&verify(&place, &single, &removals, &[]), "is for removals");

    // The log's key counts likewise, where the list has keys of logs.
    let log = |vkey: &str, more: &str| {
        let id = vkey.split('+').nth(1).unwrap();
        format!("  - id: {id}\n    use: log\n    publicKey: {vkey}\n    validFrom: 2026-01-01{more}\n")
    };
    let runs = entry(&one, "run", "validFrom: 2026-01-01");
    let with_log = |log: String| verify(&place, &run, &[runs.clone(), log], &["--log-public-key", "log.pem.vkey"]);
    accepted(&with_log(log(&place.vkey, "")));
    refused(
        &with_log(log(&Place::new().vkey, "")),
        "--log-public-key: the list of keys does not have the key git.example",
    );
    let revoked = "\n    revokedAt: 2026-06-01\n    reason: it leaked";
    refused(&with_log(log(&place.vkey, revoked)), "was revoked at 2026-06-01T00:00:00Z (it leaked)");
}

#[test]
fn a_revoked_key_voids_all_that_no_witness_saw_before() {
    let place = Place::new();
    let witness = Witness::new(&place, "audit.example/one");
    let old = place.run(&passed(7));
    accepted(&witness.sign(&place, &["--first"]));
    let new = place.run(&passed(8));
    // Both say that they are of March. Only one of them was seen.
    let at = jiff::Timestamp::now() + 60.seconds();
    let revoked = |at: &str| {
        let more = format!("validFrom: 2026-01-01\n    revokedAt: {at}\n    reason: the runner was broken into");
        [entry(&own(), "run", &more)]
    };
    let after = revoked(&at.to_string());
    let proof = ["--log-public-key", "log.pem.vkey", "--witness", "audit.example-one.pem.vkey"];
    let with = |run: &Path, entries: &[String]| verify(&place, run, entries, &proof);
    refused(&verify(&place, &old, &after, &[]), "(the runner was broken into), and nothing but the signer's clock");
    refused(&verify(&place, &old, &after, &proof[..2]), "nothing but the signer's clock");
    accepted(&with(&old, &after));
    accepted(&with(&old.join("run.intoto.jsonl"), &after));
    refused(&with(&new, &after), "nothing but the signer's clock");
    refused(&with(&old, &revoked("2026-06-01")), "and no witness saw this before 20");
    // A later signature of the witness does not take the first one's time away, and proves the other run, too.
    accepted(&witness.sign(&place, &[]));
    accepted(&with(&old, &after));
    accepted(&with(&new, &after));
    // Another witness, another log and a moved folder prove nothing.
    let stranger = Witness::new(&place, "audit.example/two");
    let by_stranger = ["--log-public-key", "log.pem.vkey", "--witness", &stranger.vkey];
    refused(&verify(&place, &old, &after, &by_stranger), "nothing but the signer's clock");
    fs::rename(&old, place.at("moved")).unwrap();
    refused(&with(&place.at("moved"), &after), "there is no log around");
}

#[test]
fn a_list_that_cannot_be_used_is_named_with_its_line_and_field() {
    let place = Place::new();
    let good = entry(&own(), "run", "validFrom: 2026-01-01");
    let check = |text: &str| {
        fs::write(place.at("keys.yaml"), text).unwrap();
        place.dayfly(&["key", "list", "keys.yaml"])
    };
    let shown = check(&list(std::slice::from_ref(&good)));
    accepted(&shown);
    assert!(text(&shown).starts_with("valid     runs "), "{}", text(&shown));
    let json: Value =
        serde_json::from_slice(&place.dayfly(&["key", "list", "keys.yaml", "--output", "json"]).stdout).unwrap();
    assert_eq!((&json["keys"][0]["state"], &json["keys"][0]["use"]), (&"valid".into(), &"run".into()));

    let id = own().keyid();
    for (from, to, field, why) in [
        ("validFrom: 2026-01-01", "validFrom: soon", "keys[0].validFrom", "is neither a day nor a time"),
        ("validFrom: 2026-01-01", "validFrom: 2026-02-01\n    validTo: 2026-01-01", "keys[0].validTo", "ends before"),
        ("validFrom: 2026-01-01", "validFrom: 2026-01-01\n    revokedAt: 2026-02-01", "keys[0]", "without a reason"),
        ("validFrom: 2026-01-01", "validFrom: 2026-01-01\n    reason: x", "keys[0].reason", "is not revoked"),
        ("use: run", "use: all", "keys[0].use", "all"),
        ("use: run", "use: log", "keys[0].publicKey", "this is not the public key of a log"),
        (&id, "SHA256:AAAA", "keys[0].id", "the id is not that of the key"),
        ("BEGIN PUBLIC KEY", "BEGIN NOTHING", "keys[0].publicKey", "this is not a public key"),
        ("use: run", "use: run\n    colour: red", "keys[0].colour", "colour"),
    ] {
        let said = check(&list(&[good.replacen(from, to, 1)]));
        assert_eq!(said.status.code(), Some(exit_code::USAGE.into()), "{}", text(&said));
        assert!(text(&said).contains(why) && text(&said).contains("--> keys.yaml:"), "{why}: {}", text(&said));
        let said = place.dayfly(&["key", "list", "keys.yaml", "--output", "json"]);
        let said: Value = serde_json::from_slice(&said.stdout).unwrap();
        assert_eq!(said[0]["path"], field, "{said}");
    }
    let said = check(&list(&[good.clone(), good.replace("use: run", "use: removal")]));
    assert!(text(&said).contains("this is the key of keys[0] again"), "{}", text(&said));
    let said = check(&list(&[]).replace("keys:\n", "keys: []\n"));
    assert!(text(&said).contains("there is no key"), "{}", text(&said));
    let said = place.dayfly(&["verify", "keys.yaml", "--keys", "absent.yaml"]);
    assert!(text(&said).contains("failed to read the list of keys absent.yaml"), "{}", text(&said));
}
