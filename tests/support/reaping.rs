//! Tests of the reaper that hold on every engine; `name` is the description, which nobody else uses.

use std::path::PathBuf;

use super::{Ended, User};

/// One web server.
pub const WEB: &str = "services:\n  web:\n    image: localhost/dayfly/python:1\n    command: [python3, -u, -m, http.server, '8080', --directory, /tmp]\n    port: 8080\n";

impl User {
    /// Reaps among the environments of one description, and records it.
    pub fn reaps(&self, description: &str, more: &[&str]) -> Ended {
        let fixed = ["reap", "--description", description, "--key", "key.pem", "--evidence", "evidence"];
        self.dayfly(&[&fixed, more].concat())
    }

    /// Brings up one environment of `name` for each pull request.
    pub fn has_up(&self, name: &str, more: &[(&str, &[&str])]) {
        let file = self.describes(name, WEB);
        for (pr, flags) in more {
            self.owns(&format!("{name}-pr-{pr}"));
            self.dayfly(&[&["up", &file, "--pr", pr], *flags].concat()).code(0);
            if flags.contains(&"--ttl") {
                self.waits_for_the_end_of(&format!("{name}-pr-{pr}"));
            }
        }
    }

    /// Waits until the time of an environment with a short ttl is over.
    #[track_caller]
    fn waits_for_the_end_of(&self, environment: &str) {
        let expired = || self.dayfly(&["status", environment, "--output", "json"]).code(0).json()["expired"] == true;
        let limit = std::time::Instant::now() + std::time::Duration::from_secs(300);
        while !expired() {
            assert!(std::time::Instant::now() < limit, "{environment} never expires");
        }
    }

    /// Folders of the records of removals of an environment.
    pub fn records(&self, environment: &str) -> Vec<PathBuf> {
        let folder = self.folder.path().join("evidence/removals").join(environment);
        std::fs::read_dir(folder).map(|all| all.map(|e| e.unwrap().path()).collect()).unwrap_or_default()
    }

    /// Verifies a record.
    pub fn verifies(&self, record: &std::path::Path) -> Ended {
        self.dayfly(&["verify", record.to_str().unwrap(), "--key", "key.pem.pub"])
    }

    fn lists_open(&self, text: &str) {
        std::fs::write(self.folder.path().join("open.txt"), text).unwrap();
    }
}

/// Of three pull requests one environment expires, one is closed, one stays; each removal has its record.
pub fn removes_and_records_for_each_reason(user: &User, name: &str) {
    let repository = ["--repository", "https://git.test/o/n"];
    user.has_up(name, &[("1", &["--ttl", "1s"]), ("2", &repository), ("3", &repository)]);
    let [one, two, three] = ["1", "2", "3"].map(|pr| format!("{name}-pr-{pr}"));
    user.reaps(name, &["--expired", "--dry-run"]).code(0).says(&format!("would remove {one}: it expired at"));
    assert!(user.records(&one).is_empty());
    user.reaps(name, &["--expired"]).code(0).says(&format!("removed {one}: it expired at"));
    user.finds_nothing_of(&one);
    user.lists_open("# of o/n\n#3\n");
    let open = ["--open-prs", "open.txt", "--repository", "o/n"];
    user.reaps(name, &open).code(0).says(&format!("removed {two}: pull request 2 is not open"));
    user.dayfly(&["status", &three]).code(0).says("running");
    let told = user.reaps(name, &["--idle", "1ms", "--output", "json"]).code(0);
    let object = told.json();
    assert_eq!(
        (&object["environment"], &object["kind"], &object["removed"]),
        (&three.as_str().into(), &"idle".into(), &true.into())
    );
    user.finds_nothing_of(&three);
    for (environment, said) in [(&one, "expired: "), (&two, "closed: "), (&three, "idle: ")] {
        let records = user.records(environment);
        assert_eq!(records.len(), 1, "{records:?}");
        user.verifies(&records[0]).code(0).says("REMOVED").says(said).says("removed by").says(environment);
    }
    let record = user.records(&three).remove(0);
    assert_eq!(
        object["record"],
        format!("evidence/removals/{three}/{}", record.file_name().unwrap().to_str().unwrap())
    );
    let ended = record.join("ended.intoto.jsonl");
    let text = std::fs::read_to_string(&ended).unwrap();
    std::fs::write(&ended, text.replacen("\"sig\":\"M", "\"sig\":\"N", 1)).unwrap();
    user.verifies(&record).code(10).says("REFUSED");
}

/// Whenever it is not sure, nothing is removed for a closed pull request, and the exit code says so.
pub fn closes_nothing_without_a_reliable_list(user: &User, name: &str) {
    user.has_up(name, &[("1", &["--repository", "o/n"]), ("2", &["--repository", "o/second"])]);
    let (one, two) = (format!("{name}-pr-1"), format!("{name}-pr-2"));
    let open = |repository: &'static str| ["--open-prs", "open.txt", "--repository", repository];
    for text in ["", "# none\n", "9\nten\n"] {
        user.lists_open(text);
        user.reaps(name, &open("o/n")).code(7).says("nothing is removed for a closed one").says("nothing is due");
    }
    user.lists_open("9\n");
    user.reaps(name, &open("o/other")).code(0).says("does not cover it").says("nothing is due");
    let file = std::fs::File::options().write(true).open(user.folder.path().join("open.txt")).unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    user.reaps(name, &open("o/n")).code(0).says("created after the list").says("nothing is due");
    // Where nothing can be recorded, nothing is removed either.
    user.lists_open("9\n");
    std::fs::write(user.folder.path().join("full"), "").unwrap();
    let nowhere = ["reap", "--description", name, "--key", "key.pem", "--evidence", "full/evidence"];
    user.dayfly(&[&nowhere[..], &open("o/n")].concat())
        .code(8)
        .says("was not removed")
        .says("its removal could not be recorded")
        .says("full/evidence");
    for environment in [&one, &two] {
        user.dayfly(&["status", environment]).code(0).says("running");
        assert!(user.records(environment).is_empty());
    }
    // Other reasons hold all the same; and whoever says that none is open is believed, where the repository is known.
    user.lists_open("");
    let both = [&open("o/n")[..], &["--none-open"]].concat();
    user.reaps(name, &both).code(0).says(&format!("removed {one}")).says("it belongs to o/second");
    user.reaps(name, &[&open("o/n")[..], &["--idle", "1ms"]].concat()).code(7).says(&format!("removed {two}"));
}

/// An extended environment lives longer; a kept one stays until it is released.
pub fn keeps_extended_and_held_environments(user: &User, name: &str) {
    user.has_up(name, &[("1", &["--ttl", "1s"])]);
    let environment = format!("{name}-pr-1");
    let environment = environment.as_str();
    user.dayfly(&["keep", environment, "--reason", "looking for a leak"]).code(0).says("is kept: looking for a leak");
    user.reaps(name, &["--expired"]).code(0).says("it is kept (looking for a leak)").says("nothing is due");
    let status = user.dayfly(&["status", environment, "--output", "json"]).code(0).json();
    assert_eq!((&status["kept"], &status["expired"]), (&"looking for a leak".into(), &true.into()));
    user.dayfly(&["status", environment]).code(0).says("kept: looking for a leak");
    user.dayfly(&["list"]).code(0).says("kept: looking for a leak");
    user.dayfly(&["extend", environment, "2h"]).code(0).says("expires in 2h");
    user.dayfly(&["extend", environment, "1h"]).code(0).says("anyhow");
    user.dayfly(&["keep", environment, "--release"]).code(0).says("kept no more");
    user.reaps(name, &["--expired"]).code(0).says("nothing is due");
    user.reaps(name, &["--idle", "1ms"]).code(0).says("removed");
    for gone in [&["extend", environment, "1h"][..], &["keep", environment, "--release"]] {
        user.dayfly(gone).code(2).says(&format!("there is no environment {environment}")).says("see `dayfly list");
    }
}
