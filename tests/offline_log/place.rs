//! An evidence folder with a log, as a user has it, and what a command said.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use dayfly::evidence::{KeyKind, SigningKey, open, seal};
use dayfly::report::{Facts, exit_code};
use dayfly::tlog::Log;
use serde_json::Value;

use crate::sample::{key, planned, raw};

/// An evidence folder with a log, made as a user makes it.
pub struct Place {
    pub work: tempfile::TempDir,
    pub vkey: String,
}

impl Place {
    pub fn new() -> Self {
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

    pub fn at(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    pub fn dayfly(&self, arguments: &[&str]) -> Output {
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

    pub fn log(&self) -> Log {
        let pem = fs::read_to_string(self.at("log.pem")).unwrap();
        let SigningKey::Ed25519(key) = SigningKey::from_pem(&pem, None).unwrap() else { panic!("another kind of key") };
        Log::open(&self.at("evidence/log"), *key).unwrap()
    }

    /// Seals a run as `dayfly run` does: before and after the removal.
    pub fn run(&self, facts: &Facts) -> PathBuf {
        let (log, dir, key) = (self.log(), self.at("evidence"), key(KeyKind::P256, 1));
        open(facts, &planned(facts), Some(&key), Some(&log), &dir).unwrap();
        seal(facts, &raw(), Some(&key), Some(&log), &dir).unwrap();
        let removed = Facts { removed: Some(facts.started), ..facts.clone() };
        seal(&removed, &raw(), Some(&key), Some(&log), &dir).unwrap().dir
    }

    pub fn verify_log(&self) -> Output {
        self.dayfly(&["log", "verify", "--log-public-key", &self.vkey])
    }

    pub fn verify(&self, path: &Path, vkey: &str) -> Output {
        self.dayfly(&["verify", path.to_str().unwrap(), "--public-key", "key.pub", "--log-public-key", vkey])
    }
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub fn refused(output: &Output, why: &str) {
    assert_eq!(output.status.code(), Some(exit_code::REFUSED.into()), "{}", text(output));
    assert!(text(output).contains(why), "{why:?} is not in {}", text(output));
}

pub fn accepted(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", text(output));
}

pub fn swap(path: &Path, from: &str, to: &str) {
    let before = fs::read_to_string(path).unwrap();
    assert!(before.contains(from));
    fs::write(path, before.replace(from, to)).unwrap();
}
