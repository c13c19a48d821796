//! A log beside the evidence of a user.

use super::User;

impl User {
    /// Creates the log; returns its public key.
    pub fn has_a_log(&self) -> String {
        self.dayfly(&["key", "generate", "log-key.pem", "--kind", "ed25519"]).code(0);
        let create = ["log", "create", "--origin", "git.example/tests", "--log-key", "log-key.pem", "--evidence"];
        let created = self.dayfly(&[&create[..], &["evidence", "--output", "json"]].concat()).code(0).json();
        created["publicKey"].as_str().unwrap().to_owned()
    }

    /// The log is whole, has these kinds of entries in this order, and proves every statement of a run or a removal.
    pub fn finds_in_the_log(&self, key: &str, folder: &str, kinds: &[&str]) {
        let trust = ["--log-public-key", key, "--evidence", "evidence"];
        self.dayfly(&[&["log", "verify", "--seen", "seen.json"], &trust[..]].concat()).code(0).says("VERIFIED");
        let shown = self.dayfly(&[&["log", "show"], &trust[..]].concat()).code(0);
        let found: Vec<&str> = shown.out.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
        assert_eq!(found, kinds);
        self.dayfly(&["verify", folder, "--public-key", "key.pem.pub", "--log-public-key", key])
            .code(0)
            .says("in the log    git.example/tests");
    }
}
