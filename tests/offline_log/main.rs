//! The log of everything that was signed: what it proves, what it finds, and that no writer's death loses or doubles an entry.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::Command;

use dayfly::evidence::store::PROOF;
use dayfly::evidence::{KeyKind, open};

mod client;
mod keys;
mod killed;
mod place;
#[path = "../evidence/sample.rs"]
mod sample;
mod witness;

use place::{Place, accepted, refused, swap, text};
use sample::{failed, key, passed, planned};

#[test]
fn records_every_statement_of_a_run_and_proves_it_without_the_log() {
    let place = Place::new();
    let folder = place.run(&failed(7));
    let shown = place.dayfly(&["log", "show", "demo-pr-12", "--log-public-key", &place.vkey]);
    accepted(&shown);
    let kinds: Vec<String> =
        text(&shown).lines().map(|l| l.split_whitespace().skip(1).take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(kinds, ["opened -", "suite PASSED", "suite FAILED", "run FAILED", "run FAILED"]);
    let none = place.dayfly(&["log", "show", "--pr", "13", "--log-public-key", &place.vkey]);
    assert_eq!((none.status.code(), text(&none).as_str()), (Some(0), ""));
    accepted(&place.verify_log());

    // Proofs stand for themselves.
    fs::rename(place.at("evidence/log"), place.at("gone")).unwrap();
    let verified = place.verify(&folder, &place.vkey);
    accepted(&verified);
    assert!(
        text(&verified).contains("in the log    git.example/team: 4 statement(s), the last is entry 4"),
        "{}",
        text(&verified)
    );
    accepted(&place.verify(&folder.join("run.intoto.jsonl"), &place.vkey));
    refused(&place.verify(&folder.join("run.sigstore.json"), &place.vkey), "verify run.intoto.jsonl");
}

#[test]
fn refuses_a_statement_without_its_proof_and_a_proof_of_another() {
    let (place, other) = (Place::new(), Place::new());
    let (one, two) = (place.run(&failed(7)), place.run(&passed(8)));
    let proof = |folder: &Path, file: &str| folder.join(format!("{file}{PROOF}"));
    let run = proof(&one, "run.intoto.jsonl");
    let good = fs::read(&run).unwrap();

    refused(&place.verify(&one, &other.vkey), "it has no signature by the key git.example/team+");
    fs::copy(proof(&two, "run.intoto.jsonl"), &run).unwrap();
    refused(&place.verify(&one, &place.vkey), "its proof is of another statement");
    fs::write(&run, &good).unwrap();
    swap(&run, "\nindex 4\n", "\nindex 3\n");
    refused(&place.verify(&one, &place.vkey), "does not lead from the entry to the root");
    fs::write(&run, &good).unwrap();
    swap(&run, "\ngit.example/team\n5\n", "\ngit.example/team\n6\n");
    refused(&place.verify(&one, &place.vkey), "the signature of git.example/team does not match");
    fs::remove_file(&run).unwrap();
    refused(&place.verify(&one, &place.vkey), "there is no run.intoto.jsonl.tlog-proof");
    fs::write(&run, good).unwrap();
    accepted(&place.verify(&one, &place.vkey));
}

#[test]
fn finds_withheld_and_unrecorded_evidence_and_runs_that_never_closed() {
    let place = Place::new();
    let (one, two) = (place.run(&failed(7)), place.run(&passed(8)));
    accepted(&place.verify_log());
    // The failed run is withheld, and so is one suite of the other.
    fs::rename(&one, place.at("withheld")).unwrap();
    let said = place.verify_log();
    refused(&said, "missing     entry 3: run      FAILED");
    refused(&said, "missing     entry 0: opened");
    fs::rename(place.at("withheld"), &one).unwrap();
    fs::rename(two.join("suite-acceptance.sigstore.json"), place.at("withheld")).unwrap();
    refused(&place.verify_log(), "suite    PASSED");
    fs::rename(place.at("withheld"), two.join("suite-acceptance.sigstore.json")).unwrap();
    accepted(&place.verify_log());

    // Somebody signs without the log.
    let signing = key(KeyKind::P256, 1);
    open(&passed(9), &planned(&passed(9)), Some(&signing), None, &place.at("evidence")).unwrap();
    refused(
        &place.verify_log(),
        "unrecorded  evidence/demo-pr-12/00000000-0000-0000-0000-000000000009/opened.intoto.jsonl",
    );
    fs::remove_dir_all(place.at("evidence/demo-pr-12/00000000-0000-0000-0000-000000000009")).unwrap();
    open(&passed(9), &planned(&passed(9)), Some(&signing), Some(&place.log()), &place.at("evidence")).unwrap();
    let said = place.verify_log();
    accepted(&said);
    assert!(
        text(&said).contains("never closed  00000000-0000-0000-0000-000000000009 of demo-pr-12: it counts as failed")
    );
}

#[test]
fn finds_a_log_that_does_not_extend_what_was_seen_before() {
    let place = Place::new();
    place.run(&failed(7));
    let said = place.verify_log();
    assert!(text(&said).contains("5 entries; nothing was seen of it before"), "{}", text(&said));
    let (log, older) = (place.at("evidence"), place.at("older"));
    assert!(Command::new("cp").arg("-r").arg(&log).arg(&older).status().unwrap().success());
    place.run(&passed(8));
    let said = place.verify_log();
    assert!(text(&said).contains("9 entries; it extends the 5 that were seen before"), "{}", text(&said));
    // The newest entries are cut off, together with their evidence.
    fs::rename(&log, place.at("newer")).unwrap();
    fs::rename(&older, &log).unwrap();
    refused(&place.verify_log(), "the log was cut short: 9 entries were seen before, and 5 are there");
    // Another history is written over it by who has the key.
    place.run(&passed(9));
    place.run(&passed(10));
    refused(&place.verify_log(), "the log was forked or rewritten");
}

#[test]
fn names_what_is_wrong_with_keys_names_and_folders() {
    let place = Place::new();
    let usage = |arguments: &[&str], why: &str| {
        let output = place.dayfly(arguments);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        assert!(text(&output).contains(why), "{why:?} is not in {}", text(&output));
    };
    usage(&["log", "create", "--origin", "git.example/team", "--log-key", "log.pem"], "there is one already");
    usage(&["log", "create", "--origin", "a+b", "--log-key", "log.pem", "--evidence", "other"], "cannot be a name");
    usage(&["log", "create", "--origin", "a", "--log-key", "absent.pem"], "generate one with");
    place.dayfly(&["key", "generate", "p256.pem"]);
    usage(
        &["log", "create", "--origin", "a", "--log-key", "p256.pem"],
        "generate it with `dayfly key generate FILE --kind ed25519`",
    );
    usage(&["log", "verify"], "give the public key of the log with --log-public-key");
    usage(&["log", "verify", "--log-public-key", "key.pub"], "--log-public-key: key.pub: it is not `name+id+key`");
    usage(
        &["log", "verify", "--evidence", "none", "--log-public-key", &place.vkey],
        "there is none; create one with `dayfly log create`",
    );
    // A folder with a log needs its key, and the right one, before anything starts.
    let hello = Path::new(env!("CARGO_MANIFEST_DIR")).join("environments/hello");
    place.dayfly(&["key", "generate", "other.pem", "--kind", "ed25519"]);
    let change = ["--pr", "1", "--commit", sample::COMMIT, "--engine", "local"];
    let run = [&["run", hello.to_str().unwrap(), "--key", "p256.pem"][..], &change].concat();
    usage(&run, "evidence has a log, which must hold every statement: give its key with --log-key");
    usage(&[&run[..], &["--log-key", "other.pem"]].concat(), "it has no signature by the key git.example/team+");
    fs::write(place.at("vkey"), &place.vkey).unwrap();
    accepted(&place.dayfly(&["log", "verify", "--log-public-key", "vkey"]));
}
