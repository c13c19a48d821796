//! Witnesses: what they sign and refuse, and what those find by them who never saw the log.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::place::{Place, accepted, refused, swap, text};
use crate::sample::{failed, passed};

/// A witness with a key and a memory of its own.
pub struct Witness {
    key: String,
    name: String,
    pub vkey: String,
}

impl Witness {
    pub fn new(place: &Place, name: &str) -> Self {
        let key = format!("{}.pem", name.replace('/', "-"));
        let made = place.dayfly(&["key", "generate", &key, "--kind", "ed25519"]);
        assert!(made.status.success(), "{made:?}");
        let pem = fs::read_to_string(place.at(&key)).unwrap();
        let dayfly::evidence::SigningKey::Ed25519(private) =
            dayfly::evidence::SigningKey::from_pem(&pem, None).unwrap()
        else {
            panic!("another kind of key")
        };
        let kind = dayfly::tlog::note::KeyUse::Witness;
        let vkey = dayfly::tlog::LogKey::new(name, kind, private.verifying_key()).unwrap().to_string();
        Self { key, name: name.to_owned(), vkey }
    }

    pub fn id(&self) -> String {
        self.vkey.split('+').nth(1).unwrap().to_owned()
    }

    fn memory(&self) -> String {
        format!("{}.seen", self.key)
    }

    pub fn sign(&self, place: &Place, more: &[&str]) -> Output {
        let memory = self.memory();
        let fixed = ["log", "witness", "evidence", "--log-public-key", &place.vkey, "--witness-key", &self.key];
        let named = ["--name", &self.name, "--seen", &memory];
        place.dayfly(&[&fixed[..], &named, more].concat())
    }
}

/// Verifies as somebody who never saw the log.
fn verify_anew(place: &Place, witnesses: &[&Witness], more: &[&str]) -> Output {
    drop(fs::remove_dir_all(place.at(".local")));
    let mut arguments = vec!["log", "verify", "--log-public-key", &place.vkey];
    for witness in witnesses {
        arguments.extend(["--witness", &witness.vkey]);
    }
    place.dayfly(&[&arguments[..], more].concat())
}

fn usage(output: &Output, why: &str) {
    assert_eq!(output.status.code(), Some(2), "{}", text(output));
    assert!(text(output).contains(why), "{why:?} is not in {}", text(output));
}

fn copy(place: &Place, from: &str, to: &str) {
    drop(fs::remove_dir_all(place.at(to)));
    assert!(Command::new("cp").arg("-r").arg(place.at(from)).arg(place.at(to)).status().unwrap().success());
}

#[test]
fn a_witness_finds_another_history_for_those_who_never_saw_the_log() {
    let place = Place::new();
    let witness = Witness::new(&place, "audit.example/one");
    place.run(&failed(7));
    let signed = witness.sign(&place, &["--first"]);
    accepted(&signed);
    assert!(text(&signed).contains("SIGNED    git.example/team: 5 entries at "), "{}", text(&signed));
    copy(&place, "evidence", "older");
    place.run(&passed(8));
    accepted(&witness.sign(&place, &[]));
    let said = verify_anew(&place, &[&witness], &["--max-age", "1h"]);
    accepted(&said);
    assert!(text(&said).contains("witnessed   9 entries by audit.example/one at 20"), "{}", text(&said));
    copy(&place, "evidence", "whole");

    // Who has the log's key writes another history over it, with as many entries, and without the failed run. Nobody else would notice.
    copy(&place, "older", "evidence");
    fs::remove_dir_all(place.at("evidence/demo-pr-12")).unwrap();
    fs::remove_dir_all(place.at("evidence/log")).unwrap();
    let create = ["log", "create", "--origin", "git.example/team", "--log-key", "log.pem"];
    accepted(&place.dayfly(&create));
    place.run(&passed(9));
    place.run(&passed(10));
    place.run(&passed(11));
    accepted(&verify_anew(&place, &[], &[]));
    refused(&verify_anew(&place, &[&witness], &[]), "the witness audit.example/one signed nothing that is here");
    // It cannot have what the witness signed, whichever of its signatures is put back.
    for folder in ["older", "whole"] {
        copy(&place, &format!("{folder}/log/witnessed"), "evidence/log/witnessed");
        let entries = if folder == "older" { 5 } else { 9 };
        let why = format!(
            "the log was forked or rewritten: {entries} entries were signed by the witness audit.example/one at 20"
        );
        refused(&verify_anew(&place, &[&witness], &[]), &why);
    }
    // Nor does it get another one.
    refused(
        &witness.sign(&place, &[]),
        "the log was forked or rewritten: 9 entries were seen before, and 12 are there",
    );

    // An older state with the older signature fits, and only its time tells.
    copy(&place, "older", "evidence");
    accepted(&verify_anew(&place, &[&witness], &[]));
    refused(&verify_anew(&place, &[&witness], &["--max-age", "0s"]), "which is longer ago than --max-age");
    refused(&witness.sign(&place, &[]), "the log was cut short: 9 entries were seen before, and 5 are there");
    // An older state with the newest signature does not.
    copy(&place, "whole/log/witnessed", "evidence/log/witnessed");
    refused(&verify_anew(&place, &[&witness], &[]), "the log was cut short: 9 entries were signed by the witness");
}

#[test]
fn a_witness_must_have_signed_all_and_each_of_several_counts() {
    let place = Place::new();
    let (one, two) = (Witness::new(&place, "audit.example/one"), Witness::new(&place, "audit.example/two"));
    place.run(&failed(7));
    accepted(&one.sign(&place, &["--first"]));
    place.run(&passed(8));
    let entries = "the witness audit.example/one has not signed entries 5 to 8: it signed last at 20";
    refused(&verify_anew(&place, &[&one], &[]), entries);
    accepted(&one.sign(&place, &[]));
    refused(&verify_anew(&place, &[&one, &two], &[]), "unwitnessed the witness audit.example/two signed nothing");
    accepted(&two.sign(&place, &["--first"]));
    let said = verify_anew(&place, &[&one, &two], &["--output", "json"]);
    accepted(&said);
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_eq!(said["verified"], true);
    assert_eq!(said["witnesses"][1]["name"], "audit.example/two");
    assert_eq!(said["witnesses"][1]["entries"], 9);
    assert_eq!(said["unwitnessed"], serde_json::json!([]));

    // The signature of another witness does not count, nor one of a checkpoint that the log did not sign.
    let last = |witness: &Witness| place.at("evidence/log/witnessed").join(witness.id());
    let good = fs::read(last(&one)).unwrap();
    fs::copy(last(&two), last(&one)).unwrap();
    refused(&verify_anew(&place, &[&one], &[]), "it has no signature by the witness audit.example/one");
    fs::write(last(&one), &good).unwrap();
    swap(&last(&one), "\n9\n", "\n8\n");
    refused(&verify_anew(&place, &[&one], &[]), "the signature of git.example/team does not match");
    fs::write(last(&one), good).unwrap();
    accepted(&verify_anew(&place, &[&one, &two], &[]));
    // A first signature of each size stays.
    let mut history: Vec<_> = fs::read_dir(place.at("evidence/log/witnessed").join(format!("{}.history", one.id())))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    history.sort();
    assert_eq!(history, ["5", "9"]);
}

#[test]
fn a_witness_begins_only_when_it_is_told_to_and_has_a_key_of_its_own() {
    let place = Place::new();
    let witness = Witness::new(&place, "audit.example/one");
    usage(&witness.sign(&place, &[]), "audit.example-one.pem.seen has nothing of the log git.example/team");
    assert!(!place.at("evidence/log/witnessed").exists());
    accepted(&witness.sign(&place, &["--first"]));
    usage(&witness.sign(&place, &["--first"]), "has the log git.example/team already; leave out --first");
    // The public keys are files for those who verify.
    let file = "audit.example-one.pem.vkey";
    assert_eq!(fs::read_to_string(place.at(file)).unwrap().trim(), witness.vkey);
    let with_files = ["log", "verify", "--log-public-key", "log.pem.vkey", "--witness", file];
    accepted(&place.dayfly(&with_files));

    let renamed = Witness { name: "audit.example/two".into(), key: witness.key.clone(), vkey: String::new() };
    usage(&renamed.sign(&place, &[]), "has another public key: each log and each witness needs a key of its own");
    let bad = Witness { name: "audit+two".into(), key: witness.key.clone(), vkey: String::new() };
    usage(&bad.sign(&place, &[]), "--name: \"audit+two\" cannot be a name");
    let logs = Witness { name: "audit.example/log".into(), key: "log.pem".into(), vkey: String::new() };
    usage(&logs.sign(&place, &["--first"]), "the key is that of the log");
    let swapped = ["log", "verify", "--log-public-key", file, "--witness", "log.pem.vkey"];
    usage(&place.dayfly(&swapped), "--log-public-key: it is the key of a witness");

    // A memory that cannot be kept stops the signature before anybody sees it.
    place.run(&failed(7));
    let last = place.at("evidence/log/witnessed").join(witness.id());
    let before = fs::read(&last).unwrap();
    fs::write(place.at(&witness.memory()), "{").unwrap();
    usage(&witness.sign(&place, &[]), "has no checkpoints of logs; bring the file back");
    fs::remove_file(place.at(&witness.memory())).unwrap();
    fs::create_dir(place.at(&witness.memory())).unwrap();
    usage(&witness.sign(&place, &["--first"]), "it is not a regular file");
    assert_eq!(fs::read(&last).unwrap(), before);
    // Nor does a clock that was set back sign.
    fs::remove_dir(place.at(&witness.memory())).unwrap();
    accepted(&witness.sign(&place, &["--first"]));
    ahead(&place, &witness);
    let said = witness.sign(&place, &[]);
    assert_eq!(said.status.code(), Some(2), "{}", text(&said));
    assert!(
        text(&said).contains("and this witness signed at 2100-01-01T00:00:00Z already; set the clock"),
        "{}",
        text(&said)
    );
}

/// Makes the memory of a witness one of the year 2100.
fn ahead(place: &Place, witness: &Witness) {
    let pem = fs::read_to_string(place.at(&witness.key)).unwrap();
    let dayfly::evidence::SigningKey::Ed25519(key) = dayfly::evidence::SigningKey::from_pem(&pem, None).unwrap() else {
        panic!("another kind of key")
    };
    let kind = dayfly::tlog::note::KeyUse::Witness;
    let signer = dayfly::tlog::LogSigner::new(&witness.name, kind, *key).unwrap();
    let note = fs::read_to_string(place.at("evidence/log/checkpoint")).unwrap();
    let text = note.split_once("\n\n").unwrap().0;
    let signed = format!("{note}{}", signer.line(&format!("{text}\n"), 4_102_444_800));
    let memory = serde_json::json!({&place.vkey: signed});
    fs::write(Path::new(&place.at(&witness.memory())), memory.to_string()).unwrap();
}
