//! The log of everything that was signed: what it proves, what it finds, and that no writer's death loses or doubles an entry.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use dayfly::evidence::store::PROOF;
use dayfly::evidence::{KeyKind, SigningKey, open, read, seal};
use dayfly::report::{Facts, exit_code};
use dayfly::testing::{Requirement, skip};
use dayfly::tlog::{Log, View};
use serde_json::Value;

#[path = "evidence/sample.rs"]
mod sample;

use sample::{failed, key, passed, planned, raw};

/// An evidence folder with a log, made as a user makes it.
struct Place {
    work: tempfile::TempDir,
    vkey: String,
}

impl Place {
    fn new() -> Self {
        let work = tempfile::tempdir().unwrap();
        let mut place = Self { work, vkey: String::new() };
        fs::write(place.at("key.pub"), key(KeyKind::P256, 1).verifying_key().to_pem().unwrap()).unwrap();
        let made = place.dayfly(&["key", "generate", "log.pem", "--kind", "ed25519"]);
        assert!(made.status.success(), "{made:?}");
        let made = place.dayfly(&[
            "log",
            "create",
            "--origin",
            "git.example/team",
            "--log-key",
            "log.pem",
            "--output",
            "json",
        ]);
        assert!(made.status.success(), "{made:?}");
        let made: Value = serde_json::from_slice(&made.stdout).unwrap();
        place.vkey = made["publicKey"].as_str().unwrap().to_owned();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn dayfly(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_dayfly"))
            .current_dir(self.work.path())
            .env("HOME", self.work.path())
            .env_remove("XDG_STATE_HOME")
            .env_remove("DAYFLY_EVIDENCE")
            .env_remove("DAYFLY_LOG_KEY")
            .args(arguments)
            .output()
            .unwrap()
    }

    fn log(&self) -> Log {
        let pem = fs::read_to_string(self.at("log.pem")).unwrap();
        let SigningKey::Ed25519(key) = SigningKey::from_pem(&pem, None).unwrap() else { panic!("another kind of key") };
        Log::open(&self.at("evidence/log"), *key).unwrap()
    }

    /// Seals a run as `dayfly run` does: before and after the removal.
    fn run(&self, facts: &Facts) -> PathBuf {
        let (log, dir, key) = (self.log(), self.at("evidence"), key(KeyKind::P256, 1));
        open(facts, &planned(facts), Some(&key), Some(&log), &dir).unwrap();
        seal(facts, &raw(), Some(&key), Some(&log), &dir).unwrap();
        let removed = Facts { removed: Some(facts.started), ..facts.clone() };
        seal(&removed, &raw(), Some(&key), Some(&log), &dir).unwrap().dir
    }

    fn verify_log(&self) -> Output {
        self.dayfly(&["log", "verify", "--log-public-key", &self.vkey])
    }

    fn verify(&self, path: &Path, vkey: &str) -> Output {
        self.dayfly(&["verify", path.to_str().unwrap(), "--public-key", "key.pub", "--log-public-key", vkey])
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn refused(output: &Output, why: &str) {
    assert_eq!(output.status.code(), Some(exit_code::REFUSED.into()), "{}", text(output));
    assert!(text(output).contains(why), "{why:?} is not in {}", text(output));
}

fn accepted(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", text(output));
}

fn swap(path: &Path, from: &str, to: &str) {
    let before = fs::read_to_string(path).unwrap();
    assert!(before.contains(from));
    fs::write(path, before.replace(from, to)).unwrap();
}

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

/// A client that knows only the texts of the formats.
#[test]
fn is_read_by_a_client_that_dayfly_has_no_part_in() {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verifiers/venv/bin/python");
    if !python.exists() {
        return skip(Requirement::Verifiers, "securesystemslib is missing; run tests/verifiers/setup");
    }
    let place = Place::new();
    // More than one tile, and a level above.
    let many: Vec<Vec<u8>> = (0..300).map(|n| format!("{{\"n\":{n}}}").into_bytes()).collect();
    place.log().append(&many).unwrap();
    let folder = place.run(&failed(7));
    let client = |change: &dyn Fn()| {
        change();
        let mut command = Command::new(&python);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers/tlog_client.py"));
        command.arg(&place.vkey).arg(place.at("evidence/log"));
        for name in read::read_statements(&folder).unwrap().keys() {
            command.arg(folder.join(format!("{name}{PROOF}"))).arg(folder.join(name));
        }
        command.output().unwrap()
    };
    let good = client(&|| {});
    assert_eq!(text(&good), "305 entries\n");
    let checkpoint = place.at("evidence/log/checkpoint");
    let refused = |output: Output, why: &str| {
        assert_eq!((output.status.code(), text(&output)), (Some(1), format!("{why}\n")));
    };
    refused(client(&|| swap(&checkpoint, "\n305\n", "\n304\n")), "the checkpoint's signature does not match");
    swap(&checkpoint, "\n304\n", "\n305\n");
    let tile = place.at("evidence/log/tile/0/000");
    let whole = fs::read(&tile).unwrap();
    refused(client(&|| fs::write(&tile, &whole[32..]).unwrap()), "tile 0 of level 0 has other hashes");
    fs::write(&tile, whole).unwrap();
    let run = folder.join(format!("run.intoto.jsonl{PROOF}"));
    let good = fs::read_to_string(&run).unwrap();
    refused(client(&|| swap(&run, "\nindex 304\n", "\nindex 303\n")), "the proof does not lead to the root");
    fs::write(&run, good).unwrap();
    assert_eq!(text(&client(&|| {})), "305 entries\n");
}

const WRITER: &str = "DAYFLY_TEST_LOG_WRITER";
const KEY: [u8; 32] = [9; 32];

/// Not a test by itself: one of the writers of the next one. Appends until it is killed, and says what was acknowledged.
#[test]
fn a_writer_that_appends_until_it_is_killed() {
    let Ok(folder) = std::env::var(WRITER) else { return };
    let log = Log::open(Path::new(&folder), ed25519_dalek::SigningKey::from_bytes(&KEY)).unwrap();
    for n in 0_u64.. {
        let entry = format!("{}/{n}", std::process::id());
        let proofs = log.append(&[entry.clone().into_bytes()]).unwrap();
        println!("\nacknowledged {entry} {}", proofs[0].index);
    }
}

/// Two writers at once, each killed at a moment from a seed: nothing is lost, doubled or half-visible.
#[test]
fn loses_and_doubles_nothing_when_writers_are_killed() {
    let rounds: u64 = std::env::var("DAYFLY_TEST_LOG_KILLS").map_or(40, |n| n.parse().unwrap());
    let seed: u64 = std::env::var("DAYFLY_TEST_SEED").map_or(1, |n| n.parse().unwrap());
    println!("rounds {rounds}, seed {seed} (DAYFLY_TEST_LOG_KILLS, DAYFLY_TEST_SEED)");
    let work = tempfile::tempdir().unwrap();
    let log = Log::create(work.path(), "log.example/killed", ed25519_dalek::SigningKey::from_bytes(&KEY)).unwrap();
    let mut random = seed;
    let mut acknowledged: BTreeMap<String, u64> = BTreeMap::new();
    let mut before = View::open(work.path(), log.key(), &[]).unwrap().checkpoint().clone();
    for round in 0..rounds {
        let writers: Vec<_> = (0..2).map(|_| Writer::start(work.path())).collect();
        for writer in writers {
            // xorshift: the moments are those of the seed.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            acknowledged.extend(writer.kill_after(Duration::from_micros(random % 40_000)));
        }
        let view = View::open(work.path(), log.key(), &[]).unwrap();
        view.extends(&before).unwrap_or_else(|e| panic!("round {round}: {e}"));
        before = view.checkpoint().clone();
    }
    // Publishes what the last writers left behind.
    log.append(&[b"end".to_vec()]).unwrap();
    let mut entries = vec![];
    View::open(work.path(), log.key(), &[])
        .unwrap()
        .check(|_, e| entries.push(String::from_utf8(e.to_vec()).unwrap()))
        .unwrap();
    assert_eq!(entries.iter().collect::<BTreeSet<_>>().len(), entries.len(), "an entry is there twice");
    for (entry, index) in &acknowledged {
        assert_eq!(entries.get(usize::try_from(*index).unwrap()), Some(entry), "an acknowledged entry is lost");
    }
    println!("{} entries, {} acknowledged", entries.len(), acknowledged.len());
    assert!(acknowledged.len() as u64 > rounds, "the writers wrote too little for a judgement");
}

struct Writer {
    child: std::process::Child,
    said: mpsc::Receiver<String>,
}

impl Writer {
    fn start(log: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_writer_that_appends_until_it_is_killed", "--nocapture", "--test-threads=1"])
            .env(WRITER, log)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (tell, said) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        Self { child, said }
    }

    /// Waits for the first acknowledgement and then for a while, kills the writer, and returns what was acknowledged.
    fn kill_after(mut self, while_it_writes: Duration) -> Vec<(String, u64)> {
        let read = |line: String| {
            let (entry, index) = line.strip_prefix("acknowledged ")?.split_once(' ')?;
            Some((entry.to_owned(), index.parse().ok()?))
        };
        let mut all = vec![];
        while all.is_empty() {
            all.extend(self.said.recv_timeout(Duration::from_secs(90)).ok().map(read).expect("the writer writes"));
        }
        std::thread::sleep(while_it_writes);
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        all.extend(self.said.iter().filter_map(read));
        all
    }
}
