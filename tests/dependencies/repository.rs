//! A repository whose change is reviewed.
#![allow(dead_code)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::database::{archive, python, record, with};
use super::support::{Ended, User, ended};
use serde_json::json;

/// A lock file of npm with one package `NAME`.
pub const LOCK: &str = r#"{"lockfileVersion":3,"packages":{"":{"dependencies":{"NAME":"1"}},"node_modules/NAME":{"version":"1.0.0",
    "resolved":"https://registry.npmjs.org/NAME/-/NAME-1.0.0.tgz","hasInstallScript":true,"deprecated":"use another"}}}"#;

/// A policy with these rules of dependencies.
pub fn policy(rules: &str) -> String {
    format!("apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault:\n  dependencies: {{ {rules} }}\n")
}

/// The user's working folder is the repository `repo`, beside the bundle of advisories.
pub struct Repository {
    user: User,
}

impl Repository {
    /// A repository with the branch `main`, without a commit.
    pub fn new() -> Self {
        let repository = Self::bare();
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    /// A folder that is no repository.
    pub fn bare() -> Self {
        let repository = Self { user: User::new() };
        fs::create_dir_all(repository.at("")).unwrap();
        let ten_days_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(240);
        let young = json!({"published": ten_days_ago.to_string(), "database_specific": {"severity": "HIGH"}});
        let young = with(record("PYSEC-2026-9", "PyPI", "demo-young", "0", "2"), young);
        archive(&repository.at("../osv.zip"), &[python(), vec![young]].concat());
        fs::write(repository.at("../popular.txt"), "requests\nflask\n").unwrap();
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let popular = ["--popular", "PyPI=../popular.txt", "--snapshot", &now];
        repository.dayfly(&[&["advisories", "import", "../osv.zip", "--out", "b"], &popular[..]].concat()).code(0);
        fs::write(repository.at(".gitignore"), "b\nd.md\nstate\n").unwrap();
        repository
    }

    pub fn description(image: &str) -> String {
        format!(
            "apiVersion: dayfly.dev/v1alpha1\nkind: Environment\nname: shop\nservices:\n  web: {{ image: 'r.example/{image}', port: 8080 }}\n"
        )
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.user.folder.path().join("repo").join(name)
    }

    pub fn writes(&self, name: &str, text: &str) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), text).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.user.command(arguments);
        command.current_dir(self.at("")).env("XDG_STATE_HOME", self.at("state"));
        for variable in ["DAYFLY_ADVISORIES", "DAYFLY_ADVISORIES_KEY", "DAYFLY_POLICY", "DAYFLY_KEY"] {
            command.env_remove(variable);
        }
        command
    }

    pub fn dayfly(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments))
    }

    pub fn diffs(&self, sides: &[&str], more: &[&str]) -> Ended {
        let fixed = ["--advisories", "b", "--output", "json"];
        self.dayfly(&[&["deps", "diff"], sides, &fixed, more].concat())
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]);
        let done = git.args(arguments).current_dir(self.at("")).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// Commits everything.
    pub fn commits(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "change"]);
    }

    pub fn branch(&self, name: &str) {
        self.git(&["switch", "--quiet", "--create", name]);
    }

    /// Runs a line as a person would who copies it.
    pub fn shell(&self, line: &str) {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).current_dir(self.at(""));
        for role in ["AUTHOR", "COMMITTER"] {
            shell.env(format!("GIT_{role}_NAME"), "a").env(format!("GIT_{role}_EMAIL"), "a@example.org");
        }
        let done = shell.output().unwrap();
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    }
}
