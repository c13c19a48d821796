//! An audit holds every record of its time, says what is missing, and is verified without dayfly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use dayfly::engine::EngineKind;
use dayfly::evidence::predicate::{RemovalReason, RemovedEnvironment, Remover, RunnerId};
use dayfly::evidence::{KeyKind, SigningKey, log, open, removal, seal};
use dayfly::report::{Facts, exit_code};
use dayfly::tlog::Log;
use serde_json::Value;

#[path = "evidence/sample.rs"]
mod sample;

use sample::{digest, failed, key, passed, planned, raw};

const DAY: &str = "2026-03-02";

/// The working folder of an auditor: evidence with a log, public keys, and a git repository.
struct Place {
    work: tempfile::TempDir,
    key: SigningKey,
}

impl Place {
    fn new(kind: KeyKind) -> Self {
        let place = Self { work: tempfile::tempdir().unwrap(), key: key(kind, 1) };
        fs::write(place.at("run.pub"), place.key.verifying_key().to_pem().unwrap()).unwrap();
        succeeded(&place.dayfly(&["key", "generate", "gate.pem"]));
        succeeded(&place.dayfly(&["key", "generate", "log.pem", "--kind", "ed25519"]));
        let create = ["log", "create", "--origin", "git.example/team", "--log-key", "log.pem", "--output", "json"];
        let made: Value = serde_json::from_slice(&place.dayfly(&create).stdout).unwrap();
        fs::write(place.at("log.pub"), made["publicKey"].as_str().unwrap()).unwrap();
        place.git(&["init", "--quiet", "--initial-branch=main"]);
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn dayfly(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dayfly"));
        command.current_dir(self.work.path()).env("HOME", self.work.path()).args(arguments);
        for name in ["XDG_STATE_HOME", "DAYFLY_EVIDENCE", "DAYFLY_LOG_KEY", "DAYFLY_GATE_KEY", "DAYFLY_GATE_POLICY"] {
            command.env_remove(name);
        }
        command.output().unwrap()
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a|b", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]);
        git.env("GIT_COMMITTER_DATE", "2026-03-02T12:00:00Z").args(arguments).current_dir(self.work.path());
        let done = git.output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    fn commit(&self, message: &str) -> String {
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn log(&self) -> Log {
        let pem = fs::read_to_string(self.at("log.pem")).unwrap();
        let SigningKey::Ed25519(key) = SigningKey::from_pem(&pem, None).unwrap() else { panic!("another kind of key") };
        Log::open(&self.at("evidence/log"), *key).unwrap()
    }

    fn run(&self, facts: &Facts) -> PathBuf {
        let (log, dir) = (self.log(), self.at("evidence"));
        open(facts, &planned(facts), Some(&self.key), Some(&log), &dir).unwrap();
        seal(facts, &raw(), Some(&self.key), Some(&log), &dir).unwrap();
        let removed = Facts { removed: Some(facts.started), finished: Some(facts.started), ..facts.clone() };
        seal(&removed, &raw(), Some(&self.key), Some(&log), &dir).unwrap().dir
    }

    fn removal(&self, is_complete: bool) -> PathBuf {
        let environment = RemovedEnvironment {
            id: "demo-pr-12".into(),
            engine: EngineKind::Local,
            engine_version: "podman 4.3.1".into(),
            endpoint: "unix:///run/podman/podman.sock".into(),
            run_id: None,
            description_digest: None,
            repo: None,
            pr: None,
            created_on: None,
            expires_on: None,
            used_on: None,
        };
        let program = RunnerId { name: "dayfly".into(), version: "0.1.0".into() };
        let remover = Remover { program, host: "root@host".into(), account: None, job: None, actor: None };
        let reason = RemovalReason { kind: "expired".into(), text: "it expired".into() };
        let at = "2026-03-02T09:00:00Z".parse().unwrap();
        let mut record = removal::begin(environment, remover, reason, at, &self.key).unwrap();
        if is_complete {
            record.end(Ok(vec![]), at, &self.key).unwrap();
        }
        let folder = record.write(&self.at("evidence")).unwrap();
        log::record(&folder, &self.log()).unwrap();
        folder
    }

    fn audit(&self, out: &str, more: &[&str]) -> Output {
        let trust = ["--public-key", "run.pub", "--public-key", "gate.pem.pub", "--log-public-key", "log.pub"];
        self.dayfly(&[&["audit", "--from", DAY, "--out", out], &trust[..], more].concat())
    }

    fn index(&self, out: &str) -> Value {
        serde_json::from_slice(&fs::read(self.at(out).join("index.json")).unwrap()).unwrap()
    }

    fn script(&self, out: &str) -> Output {
        Command::new(self.at(out).join("verify.sh")).output().unwrap()
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn succeeded(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(output));
    text(output)
}

fn refused(output: &Output, why: &str) {
    assert_eq!(output.status.code(), Some(exit_code::REFUSED.into()), "{}", text(output));
    assert!(text(output).contains(why), "{why:?} is not in {}", text(output));
}

fn of_commit(run: u128, commit: &str) -> Facts {
    let mut facts = passed(run);
    facts.environment = format!("demo-pr-{run}");
    facts.change.commit = commit.to_owned();
    facts.change.pr = u32::try_from(run).unwrap();
    facts
}

#[test]
fn holds_everything_and_verifies_without_dayfly() {
    let place = Place::new(KeyKind::P256);
    // A commit that a run tested as it is, and a merge of a head that a run tested.
    let first = place.commit("Begin");
    place.run(&of_commit(7, &first));
    place.git(&["checkout", "--quiet", "-b", "change"]);
    let head = place.commit("Change");
    place.git(&["checkout", "--quiet", "main"]);
    place.git(&["merge", "--quiet", "--no-ff", "--message", "Merge pull request #8 from team/change", "change"]);
    place.run(&of_commit(8, &head));
    place.removal(true);
    fs::write(place.at("gate.yaml"), "apiVersion: dayfly.dev/v1alpha1\nkind: GatePolicy\nkeys: [run.pub]\n").unwrap();
    let image = format!("sha256:{}", digest("file-api"));
    succeeded(&place.dayfly(&[
        "gate",
        "--policy",
        "gate.yaml",
        "--key",
        "gate.pem",
        "--log-key",
        "log.pem",
        "--image",
        &image,
    ]));
    // A run of another time is not part of it, and its entries in the log are.
    let earlier = "2026-02-01T08:00:00Z".parse().unwrap();
    place.run(&Facts { started: earlier, ..of_commit(6, &first) });

    let told = succeeded(&place.audit("audit", &["--branch", "main"]));
    assert!(told.contains("2 of 2 have a run that passed") && told.contains("0 findings"), "{told}");
    let index = place.index("audit");
    let names = |list: &str, field: &str| -> Vec<String> {
        index[list].as_array().unwrap().iter().map(|row| row[field].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("runs", "environment"), ["demo-pr-7", "demo-pr-8"]);
    assert_eq!(names("components", "image"), ["registry.example/file-api"]);
    assert_eq!(names("removals", "environment"), ["demo-pr-12"]);
    assert_eq!(names("decisions", "image"), [image]);
    assert_eq!(index["pullRequests"].as_array().unwrap().len(), 2);
    let page = fs::read_to_string(place.at("audit/README.md")).unwrap();
    assert!(page.contains("every change has a run that passed") && page.contains("a\\|b"), "{page}");
    let verified = succeeded(&place.script("audit"));
    assert!(verified.contains("VERIFIED  4 records"), "{verified}");
    assert!(verified.contains("are of statements in records"), "{verified}");
}

#[test]
fn says_what_is_missing() {
    let place = Place::new(KeyKind::P256);
    let (first, second, third) = (place.commit("Begin"), place.commit("Fix it (#12)"), place.commit("Never tested"));
    place.run(&of_commit(7, &first));
    place.run(&Facts { environment: "demo-pr-12".into(), ..passed(12) });
    let mut not_passed = failed(13);
    not_passed.change.commit = place.commit("Broken");
    let broken = not_passed.change.commit.clone();
    place.run(&not_passed);
    place.removal(false);
    let opened = Facts { environment: "demo-pr-14".into(), ..passed(14) };
    open(&opened, &planned(&opened), Some(&place.key), Some(&place.log()), &place.at("evidence")).unwrap();
    let output = place.audit("audit", &["--branch", "main", "--git", "."]);
    for finding in [
        format!("change {second} (Fix it (#12)): only the number of its pull request connects it with runs"),
        format!("change {third} (Never tested): no run of this time tested it"),
        format!("change {broken} (Broken): the latest run that tested it did not pass"),
        "run 00000000-0000-0000-0000-00000000000e of demo-pr-14 was opened and never closed".to_owned(),
        "the removal of demo-pr-12 did not end completely".to_owned(),
    ] {
        refused(&output, &finding);
    }
    assert!(!text(&output).contains(&format!("change {first}")), "{}", text(&output));
    // Runs of another repository prove nothing.
    refused(
        &place.audit("other", &["--branch", "main", "--repository", "team/other"]),
        &format!("change {first} (Begin): no run"),
    );
}

#[test]
fn finds_records_that_were_dropped_changed_or_signed_by_others() {
    let place = Place::new(KeyKind::P256);
    let folder = place.run(&of_commit(7, sample::COMMIT));
    place.run(&of_commit(8, sample::COMMIT));
    succeeded(&place.audit("before", &[]));
    let report = fs::read(folder.join("report.json")).unwrap();
    fs::write(folder.join("report.json"), "{}").unwrap();
    refused(&place.audit("changed", &[]), "report.json");
    fs::write(folder.join("report.json"), report).unwrap();
    fs::rename(&folder, place.at("kept")).unwrap();
    refused(&place.audit("dropped", &[]), "is not in the evidence folder");
    fs::rename(place.at("kept"), &folder).unwrap();
    let other = of_commit(9, sample::COMMIT);
    open(&other, &planned(&other), Some(&key(KeyKind::P256, 2)), Some(&place.log()), &place.at("evidence")).unwrap();
    refused(&place.audit("signed", &[]), "is not among the trusted ones");
}

#[test]
fn the_script_refuses_whatever_was_changed() {
    let place = Place::new(KeyKind::Ed25519);
    let folder = place.run(&failed(7));
    succeeded(&place.audit("audit", &[]));
    succeeded(&place.script("audit"));
    let run = Path::new("records").join(folder.strip_prefix(place.at("evidence")).unwrap());
    let change = |file: &Path, why: &str, edit: &dyn Fn(&str) -> String| {
        let path = place.at("audit").join(file);
        let before = fs::read_to_string(&path).unwrap();
        let after = edit(&before);
        assert_ne!(after, before, "{}", file.display());
        fs::write(&path, after).unwrap();
        refused(&place.script("audit"), why);
        fs::write(&path, before).unwrap();
    };
    let other_key = key(KeyKind::Ed25519, 2).verifying_key().to_pem().unwrap();
    change(&run.join("report.json"), "does not have the SHA-256", &|text| text.replace("FAILED", "PASSED") + " ");
    change(&run.join("raw").join(digest(sample::LOG)), "does not have the SHA-256", &|text| format!("{text}x"));
    change(Path::new("keys/1.pub"), "the signature of", &|_| other_key.clone());
    change(&run.join("run.intoto.jsonl"), "the signature of", &|text| text.replace("\"sig\":\"", "\"sig\":\"AAAA"));
    let opened = fs::read_to_string(place.at("audit").join(&run).join("opened.intoto.jsonl")).unwrap();
    change(&run.join("suite-acceptance.sigstore.json"), "does not have the SHA-256", &|_| opened.clone());
    change(&run.join("run.intoto.jsonl.tlog-proof"), "root of the log", &|text| text.replace("index ", "index 1"));
    change(&run.join("run.intoto.jsonl.tlog-proof"), "the signature of the checkpoint", &|text| {
        text.replace("git.example/team\n", "git.example/team\n1")
    });
    change(Path::new("log/checkpoint"), "the signature of the checkpoint", &|text| text.replacen("\n5\n", "\n6\n", 1));
}

#[test]
fn a_sample_is_drawn_by_its_seed() {
    let place = Place::new(KeyKind::P256);
    for run in 1..=9 {
        place.run(&of_commit(run, sample::COMMIT));
    }
    let drawn = |out: &str, seed: &str| {
        succeeded(&place.audit(out, &["--sample", "3", "--seed", seed]));
        let sample = place.index(out)["sample"].clone();
        assert_eq!(sample.as_array().unwrap().len(), 3);
        sample
    };
    assert_eq!(drawn("a", "1"), drawn("b", "1"));
    assert!((2..6).any(|seed| drawn(&format!("s{seed}"), &seed.to_string()) != drawn(&format!("t{seed}"), "1")));
}

#[test]
fn refuses_requests_that_make_no_sense() {
    let place = Place::new(KeyKind::P256);
    for (more, why) in [
        (&["--to", "2026-01-01"][..], "is before --from"),
        (&["--branch", "absent"], "--branch absent"),
        (&["--sample", "3"], "--seed"),
        (&["--evidence", "absent"], "no evidence folder absent"),
    ] {
        let output = place.audit("audit", more);
        assert_eq!(output.status.code(), Some(exit_code::USAGE.into()), "{}", text(&output));
        assert!(text(&output).contains(why), "{why:?} is not in {}", text(&output));
        assert!(!place.at("audit").exists());
    }
    fs::create_dir(place.at("audit")).unwrap();
    let output = place.audit("audit", &[]);
    assert_eq!(output.status.code(), Some(exit_code::USAGE.into()), "{}", text(&output));
}
