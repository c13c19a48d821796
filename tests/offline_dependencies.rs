//! Advisories and scans through the command: import, show, scan, serve; and what must never pass.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "dependencies/serve.rs"]
mod serve;
mod support;

use std::cmp::Ordering;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use database::{archive, python, record, with, zip};
use dayfly::packages::{Ecosystem, Version};
use dayfly::testing::{Requirement, skip};
use serde_json::{Value, json};
use support::scans::database;
use support::{Ended, Running, User, ended};

/// When the databases of most tests were taken: now, so that they are fresh.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// An operator with databases, and a developer with a project.
struct Shop {
    user: User,
}

impl Shop {
    /// A shop whose bundle `b` has the records of `python`.
    fn new() -> Self {
        let shop = Self::bare();
        archive(&shop.at("osv.zip"), &python());
        shop.imports(&["osv.zip", "--snapshot", &now()]).code(0);
        shop
    }

    fn bare() -> Self {
        let user = User::new();
        fs::create_dir(user.folder.path().join("state")).unwrap();
        Self { user }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.user.folder.path().join(name)
    }

    fn writes(&self, name: &str, text: &str) {
        fs::create_dir_all(self.at(name).parent().unwrap()).unwrap();
        fs::write(self.at(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.user.command(arguments);
        command.env("XDG_STATE_HOME", self.at("state"));
        for variable in ["DAYFLY_ADVISORIES", "DAYFLY_ADVISORIES_KEY", "DAYFLY_POLICY", "DAYFLY_KEY"] {
            command.env_remove(variable);
        }
        command
    }

    fn dayfly(&self, arguments: &[&str]) -> Ended {
        ended(self.command(arguments))
    }

    /// Writes the bundle `b`, signed.
    fn imports(&self, arguments: &[&str]) -> Ended {
        self.dayfly(&[&["advisories", "import", "--out", "b", "--key", "key.pem"], arguments].concat())
    }

    fn shows(&self, arguments: &[&str]) -> Ended {
        self.dayfly(
            &[&["advisories", "show", "--advisories", "b", "--advisories-key", "key.pem.pub"], arguments].concat(),
        )
    }

    fn scans(&self, arguments: &[&str]) -> Ended {
        self.dayfly(&[&["scan", "--advisories", "b", "--advisories-key", "key.pem.pub"], arguments].concat())
    }

    /// The verdict about a requirements file, and its first reason.
    fn verdict(&self, requirements: &str) -> (String, String) {
        self.writes("requirements.txt", requirements);
        verdict_of(&self.scans(&["requirements.txt", "--output", "json"]))
    }
}

fn verdict_of(ended: &Ended) -> (String, String) {
    let result = ended.json();
    let verdict = result["verdict"].as_str().unwrap().to_owned();
    let code = match verdict.as_str() {
        "passed" => 0,
        "failed" => 6,
        _ => 7,
    };
    assert_eq!(ended.code, code, "{result:#}");
    (verdict, result["reasons"][0].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_scan_names_what_is_known_and_what_fixes_it() {
    let shop = Shop::new();
    shop.writes(
        "project/requirements.txt",
        "Demo.Web==2.1\n    # via demo-app\ndemo-app==1.0\ndemo-db==1.5\ndemo-old==1.0\n",
    );
    shop.writes("project/dev/requirements-dev.txt", "-r ../requirements.txt\ndemo-evil==1.0.1\n");
    let scan = shop.scans(&["project", "--output", "json", "--sarif", "s.sarif", "--csv", "s.csv"]).code(6);
    let result = scan.json();
    assert_eq!(result["reasons"], json!(["3 finding(s) that the policy does not accept, 1 of a malicious package"]));
    let shown: Vec<String> = result["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            format!(
                "{} {} {} {} {} {}",
                f["id"], f["aliases"], f["severity"], f["version"], f["fixedIn"], f["fixesEverything"]
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#""MAL-2026-1" [] "unknown" "1.0.1" [] null"#,
            r#""PYSEC-2026-1" ["CVE-2026-1","GHSA-aaaa-bbbb-cccc"] "critical" "2.1" ["2.4"] "2.6""#,
            r#""GHSA-dddd-eeee-ffff" [] "medium" "2.1" ["2.6"] "2.6""#,
        ]
    );
    let second = &result["findings"][1];
    assert_eq!((&second["score"], &second["broughtBy"]), (&json!(9.8f32), &json!(["demo-app"])));
    assert_eq!(second["purl"], "pkg:pypi/demo-web@2.1");
    assert_eq!(second["places"][0], json!({"file": "project/requirements.txt", "line": 1}), "read twice, shown once");
    assert_eq!(result["coverage"][0]["packages"], 5);
    assert!(result["database"]["verifiedBy"].as_str().unwrap().starts_with("SHA256:"));

    let sarif: Value = serde_json::from_slice(&fs::read(shop.at("s.sarif")).unwrap()).unwrap();
    let run = &sarif["runs"][0];
    assert_eq!(run["results"].as_array().unwrap().len(), 3);
    assert_eq!(run["results"][1]["level"], "error");
    assert_eq!(run["results"][1]["locations"][0]["physicalLocation"]["region"]["startLine"], 1);
    let index = run["results"][2]["ruleIndex"].as_u64().unwrap();
    assert_eq!(run["tool"]["driver"]["rules"][usize::try_from(index).unwrap()]["id"], "GHSA-dddd-eeee-ffff");
    let csv = fs::read_to_string(shop.at("s.csv")).unwrap();
    assert_eq!(csv.lines().count(), 4);
    assert!(csv.contains(r#""PYSEC-2026-1","CVE-2026-1 GHSA-aaaa-bbbb-cccc","critical","9.8","false","#), "{csv}");

    shop.scans(&["project"])
        .code(6)
        .says("demo-web 2.1 (PyPI), brought by demo-app  project/requirements.txt:1")
        .says("critical   PYSEC-2026-1 (CVE-2026-1, GHSA-aaaa-bbbb-cccc)")
        .says("fixed in 2.4; 2.6 fixes everything")
        .says("MALICIOUS")
        .says("FAILED");
    assert_eq!(shop.verdict("demo-web==2.6\ndemo-db==1.5\ndemo-old==1.0\n"), ("passed".into(), String::new()));
}

#[test]
fn a_scan_lists_what_it_looked_at_as_cyclonedx() {
    let shop = Shop::new();
    let hash = "ab".repeat(32);
    shop.writes(
        "project/requirements.txt",
        &format!("Demo.Web==2.6 --hash=sha256:{hash}\n    # via demo-app\ndemo-app==1.0\ndemo-odd==1\n"),
    );
    shop.writes(
        "project/web/Cargo.lock",
        &format!("version = 4\n[[package]]\nname = \"a?x=1#\\u001b\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\n[[package]]\nname = \"a\"\nversion = \"1.0.0+b\"\nsource = \"registry+x\"\nchecksum = \"{hash}\"\n"),
    );
    shop.writes(
        "project/package-lock.json",
        r#"{"lockfileVersion":3,"packages":{"":{"dependencies":{"@s/a":"1"}},"node_modules/@s/a":{"version":"1.0.0","integrity":"sha1-C+7Hteo/D9vJXQ3UfzxbwnXaijM= sha512-AA==","dependencies":{"@s/../b":"1"}},"node_modules/@s/../b":{"version":"1.0.0"}}}"#,
    );
    shop.writes("project/go.mod", "module x\n\ngo 1.22\n\nrequire github.com/BurntSushi/toml v1.3.2\n");
    // A folder, and one file; `--sbom` changes nothing of the verdict.
    let project = shop.scans(&["project", "--sbom", "project.json"]);
    assert_eq!(project.code, shop.scans(&["project"]).code);
    shop.scans(&["project/web/Cargo.lock", "--sbom", "cargo.json"]).code(7);
    let document = |name: &str| -> Value { serde_json::from_slice(&fs::read(shop.at(name)).unwrap()).unwrap() };
    let whole = document("project.json");
    let files: Vec<_> = whole["components"].as_array().unwrap().iter().filter(|c| c["type"] == "file").collect();
    assert_eq!(files.len(), 4);
    assert_eq!(files[0]["hashes"][0]["content"].as_str().unwrap().len(), 64);
    let gaps = whole["metadata"]["properties"].as_array().unwrap();
    assert!(gaps.iter().any(|g| g["value"].as_str().unwrap().contains("Cargo.lock")), "{gaps:?}");
    let one = document("cargo.json");
    assert_eq!(one["metadata"]["component"]["name"], "project/web/Cargo.lock");
    assert_eq!(one["compositions"][0]["aggregate"], "incomplete", "a name that is none is missing");
    assert!(!fs::read_to_string(shop.at("cargo.json")).unwrap().contains("\\u001b"));
    shop.scans(&["project", "--sbom", "again.json"]);
    assert_eq!(document("again.json")["serialNumber"], whole["serialNumber"]);
    shop.scans(&["project", "--sbom", "no/folder/x.json"]).code(2).says("failed to write no/folder/x.json");
    let paths = ["project.json", "cargo.json"].map(|name| shop.at(name));
    support::scans::validates(&paths.each_ref().map(|path| path.to_str().unwrap()));
}

#[test]
fn what_proves_nothing_is_never_passed() {
    let shop = Shop::new();
    let safe = "demo-web==2.6\n";
    assert_eq!(shop.verdict(safe).0, "passed");
    let inconclusive = |requirements: &str, why: &str| {
        let (verdict, reason) = shop.verdict(requirements);
        assert_eq!(verdict, "inconclusive", "{reason}");
        assert!(reason.contains(why), "{reason:?} does not say {why:?}");
    };
    inconclusive("demo-web>=2.6\n", "requirements.txt:1: \"demo-web\" is not pinned");
    inconclusive("demo-web==2.6\ndemo-git @ git+https://x\n", "requirements.txt:2");
    inconclusive("demo-web==not.a.version\n", "cannot be compared");
    inconclusive("# nothing\n", "no package was found");
    shop.writes("web/package-lock.json", r#"{"lockfileVersion":3,"packages":{"node_modules/a":{"version":"1.0.0"}}}"#);
    let npm = verdict_of(&shop.scans(&["web", "--output", "json"]));
    assert_eq!(npm, ("inconclusive".into(), "the advisories have none of npm, of which there are 1 package(s)".into()));
    let none = verdict_of(&shop.dayfly(&["scan", "requirements.txt", "--output", "json"]));
    assert_eq!(none.0, "inconclusive");
    // A folder without lock files.
    fs::create_dir(shop.at("empty")).unwrap();
    assert_eq!(verdict_of(&shop.scans(&["empty", "--output", "json"])).1, "no package was found");

    // The database is damaged in every way.
    let whole = fs::read(shop.at("b")).unwrap();
    let damaged = |bytes: &[u8], why: &str| {
        fs::write(shop.at("b"), bytes).unwrap();
        inconclusive(safe, why);
        shop.shows(&["--check"]).code(10);
    };
    damaged(b"", "not a bundle");
    damaged(&whole[..whole.len() / 2], "cut off");
    damaged(&[&whole[..], b"x"].concat(), "cut off, or has more");
    damaged(b"dayfly-advisories 1\n\xff\xff\xff\xff", "too large");
    // One byte, anywhere: pages that nobody reads are found by --check alone.
    for at in (0..whole.len()).step_by(whole.len() / 40) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(shop.at("b"), &bytes).unwrap();
        shop.shows(&["--check"]).code(10);
        assert_ne!((shop.verdict("demo-web==2.1\n").0, at), ("passed".to_owned(), at));
    }
    fs::remove_file(shop.at("b")).unwrap();
    inconclusive(safe, "No such file");
    shop.shows(&[]).code(10);
}

#[test]
fn old_advisories_prove_nothing_and_the_policy_says_what_is_old() {
    let shop = Shop::bare();
    archive(&shop.at("osv.zip"), &python());
    // Without a date, the last change of a record counts: 2026-11-20.
    shop.imports(&["osv.zip", "--snapshot", "2026-01-01T00:00:00Z"]).code(0);
    let (verdict, why) = shop.verdict("demo-web==2.6\n");
    assert_eq!(verdict, "inconclusive");
    assert!(
        why.starts_with("the advisories of PyPI are ") && why.ends_with(" days old; the policy allows 7 days"),
        "{why}"
    );
    let policy = |rules: &str| {
        shop.writes(
            "policy.yaml",
            &format!("apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault:\n  dependencies: {{ {rules} }}\n"),
        );
        verdict_of(&shop.scans(&["requirements.txt", "--policy", "policy.yaml", "--output", "json"])).0
    };
    assert_eq!(policy("maxAge: 8784h"), "passed");
    shop.writes("requirements.txt", "demo-db==1.2\n");
    assert_eq!(policy("maxAge: 8784h"), "failed", "a vulnerability without severity fails");
    assert_eq!(policy("maxAge: 8784h, unknownSeverity: pass"), "passed");
    shop.writes("requirements.txt", "demo-web==2.5\n");
    assert_eq!(policy("maxAge: 8784h, failOn: medium"), "failed");
    assert_eq!(policy("maxAge: 8784h, failOn: high"), "passed");
    shop.writes(
        "policy.yaml",
        "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault:\n  dependencies: { maxAge: soon }\n",
    );
    shop.scans(&["requirements.txt", "--policy", "policy.yaml"]).code(2).says("`soon` is not a valid duration");
}

#[test]
fn only_signed_and_newer_bundles_are_taken() {
    let shop = Shop::new();
    let first = fs::read(shop.at("b")).unwrap();
    shop.imports(&["osv.zip", "--snapshot", &now()]).code(0);
    assert_eq!(shop.verdict("demo-web==2.6\n").0, "passed");
    fs::write(shop.at("b"), &first).unwrap();
    let (verdict, why) = shop.verdict("demo-web==2.6\n");
    assert_eq!(verdict, "inconclusive");
    assert!(why.contains("an older one is refused"), "{why}");
    shop.imports(&["osv.zip", "--sequence", "1"]).code(2).says("--sequence 1 is not above");
    // Another key, and no key.
    shop.dayfly(&["key", "generate", "other.pem"]).code(0);
    shop.dayfly(&["advisories", "import", "osv.zip", "--out", "o", "--key", "other.pem", "--snapshot", &now()]).code(0);
    let scan = |bundle: &str, more: &[&str]| {
        verdict_of(
            &shop.dayfly(&[&["scan", "requirements.txt", "--output", "json", "--advisories", bundle], more].concat()),
        )
    };
    let pinned = ["--advisories-key", "key.pem.pub"];
    assert!(scan("o", &pinned).1.contains("the signature is not by"));
    shop.dayfly(&["advisories", "import", "osv.zip", "--out", "u", "--snapshot", &now()]).code(0).says("not signed");
    assert!(scan("u", &pinned).1.contains("the bundle is not signed"));
    assert_eq!(scan("u", &[]).0, "passed", "without a key, a signature is not asked for");
    shop.writes(
        "policy.yaml",
        "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault: { dependencies: { signed: true } }\n",
    );
    assert!(scan("u", &["--policy", "policy.yaml"]).1.contains("--advisories-key"));
    // An import replaces only bundles of its own key.
    shop.dayfly(&["advisories", "import", "osv.zip", "--out", "o", "--key", "key.pem"])
        .code(2)
        .says("failed to replace o");
    shop.dayfly(&["advisories", "import", "osv.zip", "--out", "requirements.txt"]).code(2).says("not a bundle");
}

#[test]
fn imports_every_kind_of_database_with_its_lists() {
    let shop = Shop::bare();
    fs::create_dir_all(shop.at("osv/npm")).unwrap();
    archive(&shop.at("osv/npm/all.zip"), &[record("GHSA-npm", "npm", "@s/demo", "0", "1.2.3")]);
    archive(
        &shop.at("osv/debian.zip"),
        &[with(
            record("DEBIAN-CVE-2026-9", "Debian:12", "demo-ssl", "0", "3.0-1~deb12u2"),
            json!({"upstream": ["CVE-2026-9"]}),
        )],
    );
    shop.writes(
        "pypa/vulns/demo/PYSEC-2026-7.yaml",
        "id: PYSEC-2026-7\nmodified: \"2026-11-20T00:00:00Z\"\nsummary: >-\n  of a tree\naliases:\n- CVE-2026-7\naffected:\n- package:\n    ecosystem: PyPI\n    name: demo-tree\n    purl: pkg:pypi/demo-tree\n  ranges:\n  - type: ECOSYSTEM\n    events:\n    - introduced: \"0\"\n    - fixed: 1.10\n  versions:\n  - 1.10rc1\n",
    );
    shop.writes("pypa/README.md", "# Not a record");
    shop.writes("pypa/triage/false_positives.yaml", "- CVE-2026-8\n");
    shop.writes(
        "rustsec/crates/demo/RUSTSEC-2026-0001.md",
        "```toml\n[advisory]\nid = \"RUSTSEC-2026-0001\"\npackage = \"demo\"\ndate = \"2026-11-02\"\ninformational = \"unmaintained\"\n[versions]\npatched = []\n```\n\n# demo is unmaintained\n",
    );
    shop.writes("kev.json", r#"{"dateReleased":"2026-11-28T00:00:00Z","vulnerabilities":[{"cveID":"CVE-2026-7"}]}"#);
    shop.writes(
        "epss.csv",
        "#model_version:x,score_date:2026-11-29T00:00:00Z\ncve,epss,percentile\nCVE-2026-7,0.25,0.9\n",
    );
    shop.writes("top.txt", "requests\nDemo_Tree\n");
    let lists = ["--kev", "kev.json", "--epss", "epss.csv", "--popular", "PyPI=top.txt", "--snapshot", &now()];
    shop.imports(&[&["osv", "pypa", "rustsec"], &lists[..]].concat())
        .code(0)
        .says("crates.io                       1         1")
        .says("exploited (KEV)  1 of 2026-11-28T00:00:00Z")
        .says("popular PyPI     2 of an unknown date");
    shop.shows(&["--check"]).code(0).says("signature        verified, by SHA256:").says("Debian:12");
    shop.shows(&["CVE-2026-7"]).code(0).says("PYSEC-2026-7").says("of a tree");
    shop.shows(&["PYSEC-2026-7"]).code(0).says("demo-tree (PyPI)");
    shop.shows(&["CVE-1"]).code(2).says("there is no record");
    shop.writes("requirements.txt", "demo-tree==1.9\n");
    let scan = shop.scans(&["requirements.txt", "--output", "json"]).code(6).json();
    let finding = &scan["findings"][0];
    assert_eq!(
        (&finding["exploited"], &finding["epss"], &finding["fixedIn"]),
        (&json!(true), &json!(0.25), &json!(["1.10"]))
    );
    shop.writes(
        "Cargo.lock",
        "version = 4\n[[package]]\nname = \"demo\"\nversion = \"0.1.0\"\nsource = \"registry+x\"\n",
    );
    shop.scans(&["Cargo.lock"]).code(0).says("unmaintained").says("accepted by the policy");
}

#[test]
fn an_import_leaves_nothing_out_silently() {
    let shop = Shop::new();
    let before = fs::read(shop.at("b")).unwrap();
    let refused = |name: &str, records: &[Value], why: &str| {
        archive(&shop.at(name), records);
        shop.imports(&[name, "--snapshot", &now()]).code(2).says(why);
        assert_eq!(fs::read(shop.at("b")).unwrap(), before, "the bundle is as it was");
    };
    let good = || python();
    let and = |bad: Value| [good(), vec![bad]].concat();
    let bad = |more: Value| with(record("X-1", "PyPI", "demo", "0", "1"), more);
    refused(
        "range.zip",
        &and(bad(
            json!({"affected": [{"package": {"ecosystem": "PyPI", "name": "x"}, "ranges": [{"type": "MAGIC"}]}]}),
        )),
        "unknown type \"MAGIC\"",
    );
    refused(
        "event.zip",
        &and(bad(
            json!({"affected": [{"package": {"ecosystem": "PyPI", "name": "x"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"begun": "0"}]}]}]}),
        )),
        "unknown event \"begun\"",
    );
    refused("schema.zip", &and(bad(json!({"schema_version": "2.0.0"}))), "its schema has version");
    refused("half.zip", &python()[..2], "the rest would be forgotten");
    refused("none.zip", &[], "it holds no advisory");
    zip(&shop.at("id.zip"), &[("x.json".into(), br#"{"id":"a\u001b[2J"}"#.to_vec())]);
    shop.imports(&["id.zip"]).code(2).says("its id is missing");
    zip(&shop.at("text.zip"), &[("a\u{1b}[2J.json".into(), b"{".to_vec())]);
    let said = shop.imports(&["text.zip"]).code(2);
    assert!(!said.err.contains('\u{1b}'), "{:?}", said.err);
    // A file of zeros that grows a thousandfold.
    zip(&shop.at("bomb.zip"), &[("x.json".into(), vec![b' '; 40 << 20])]);
    shop.imports(&["bomb.zip"]).code(2).says("it is larger than 16 MiB");
    let mut whole = fs::read(shop.at("osv.zip")).unwrap();
    whole[60] ^= 1;
    fs::write(shop.at("flipped.zip"), &whole).unwrap();
    shop.imports(&["flipped.zip"]).code(2);
    fs::write(shop.at("cut.zip"), &whole[..whole.len() / 2]).unwrap();
    shop.imports(&["cut.zip"]).code(2).says("not a zip archive");
    assert_eq!(fs::read(shop.at("b")).unwrap(), before);
    // What the operator accepts is said.
    shop.imports(&["event.zip", "--skip-invalid", "--snapshot", &now()]).code(0).says("warning: left out:");
    shop.imports(&["half.zip", "--allow-loss", "--snapshot", &now()]).code(0);
    shop.imports(&["osv.zip", "--snapshot", "2999-01-01T00:00:00Z"]).code(2).says("in the future");
}

#[test]
fn of_one_record_the_last_change_counts() {
    let shop = Shop::bare();
    let old = with(record("A-1", "PyPI", "demo", "0", "1"), json!({"modified": "2026-01-01T00:00:00Z"}));
    let new = with(record("A-1", "PyPI", "demo", "0", "2"), json!({"modified": "2026-02-01T00:00:00Z"}));
    let gone = with(
        record("A-1", "PyPI", "demo", "0", "2"),
        json!({"modified": "2026-03-01T00:00:00Z", "withdrawn": "2026-03-01T00:00:00Z"}),
    );
    archive(&shop.at("old.zip"), &[old, record("B-1", "PyPI", "other", "0", "1")]);
    archive(&shop.at("new.zip"), &[new]);
    archive(&shop.at("gone.zip"), &[gone]);
    for order in [["old.zip", "new.zip"], ["new.zip", "old.zip"]] {
        shop.imports(&[&order[..], &["--snapshot", &now()]].concat()).code(0);
        assert_eq!(shop.verdict("demo==1.5\n").0, "failed");
    }
    shop.imports(&["new.zip", "gone.zip", "old.zip", "--allow-loss", "--snapshot", &now()]).code(0);
    assert_eq!(shop.verdict("demo==1.5\n").0, "passed");
    shop.shows(&["A-1"]).code(0).says("withdrawn  2026-03-01");
}

#[test]
fn settings_name_the_advisories_but_not_in_a_job_of_ci() {
    let shop = Shop::new();
    shop.writes("environment.yaml", "apiVersion: dayfly.dev/v1alpha1\nkind: Environment\nname: shop\nservices:\n  web: { image: 'registry.example/web:1', port: 8080 }\n");
    shop.writes("dayfly.toml", "advisories = \"b\"\nadvisories-key = \"key.pem.pub\"\n");
    shop.writes("requirements.txt", "demo-web==2.6\n");
    shop.dayfly(&["scan", "requirements.txt"]).code(0).says("signed by SHA256:");
    let mut job = shop.command(&["scan", "requirements.txt"]);
    job.env("CI", "true");
    ended(job).code(7).says("`advisories` is ignored in a CI job").says("there are no advisories");
    let mut job = shop.command(&["scan", "requirements.txt"]);
    job.env("CI", "true").env("DAYFLY_ADVISORIES", "b").env("DAYFLY_ADVISORIES_KEY", "key.pem.pub");
    ended(job).code(0);
    shop.dayfly(&["config"]).code(0).says("advisories-key");
}

#[test]
fn nothing_of_a_lock_file_reaches_a_terminal_as_it_is() {
    let shop = Shop::new();
    shop.writes("requirements.txt", "demo\u{1b}[2J==1\n::error::x==1\n##vso[task]==1\ndemo-web==2.1 \u{202e}\n");
    let said = shop.scans(&["requirements.txt"]).code(7);
    let all = format!("{}{}", said.out, said.err);
    assert!(!all.contains(['\u{1b}', '\u{202e}']) && !all.contains("##vso["), "{all:?}");
    assert!(all.lines().all(|l| !l.trim_start().starts_with("::")), "{all}");
    shop.writes("Cargo.lock", "package = \"\u{7f}\"");
    shop.scans(&["Cargo.lock"]).code(2).says("failed to read Cargo.lock:1");
    shop.scans(&["gone.lock"]).code(2).says("failed to read gone.lock");
    shop.writes("notes.md", "");
    shop.scans(&["notes.md"]).code(2).says("its name is not that of a lock file");
}

#[test]
fn severities_come_from_vectors_and_from_words() {
    let shop = Shop::bare();
    let rated = |id: &str, name: &str, more: Value| with(record(id, "PyPI", name, "0", "9"), more);
    let package = |more: Value| {
        let mut affected = json!({"package": {"ecosystem": "PyPI", "name": "e"}, "versions": ["1"]});
        affected.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "affected": [affected] })
    };
    let v3 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
    archive(
        &shop.at("osv.zip"),
        &[
            rated(
                "A-1",
                "a",
                json!({"severity": [{"type": "CVSS_V2", "score": "AV:L/AC:H/Au:M/C:P/I:N/A:N"}, {"type": "CVSS_V3", "score": v3}]}),
            ),
            rated(
                "B-1",
                "b",
                json!({"database_specific": {"severity": "MODERATE"}, "aliases": null, "references": null}),
            ),
            rated("C-1", "c", json!({"severity": [{"type": "Ubuntu", "score": "medium"}]})),
            rated(
                "D-1",
                "d",
                json!({"severity": null, "database_specific": {"severity": {"odd": 1}, "informational": true}}),
            ),
            rated("E-1", "e", package(json!({"severity": [{"type": "CVSS_V3", "score": v3}]}))),
            rated("F-1", "e", package(json!({"ecosystem_specific": {"severity": "High"}}))),
        ],
    );
    shop.imports(&["osv.zip", "--snapshot", &now()]).code(0);
    shop.writes("requirements.txt", "a==1\nb==1\nc==1\nd==1\ne==1\n");
    let result = shop.scans(&["requirements.txt", "--output", "json"]).code(6).json();
    let of = |f: &Value| format!("{} {}", f["id"].as_str().unwrap(), f["severity"].as_str().unwrap());
    let mut found: Vec<String> = result["findings"].as_array().unwrap().iter().map(of).collect();
    found.sort();
    assert_eq!(found, ["A-1 critical", "B-1 medium", "C-1 medium", "D-1 unknown", "E-1 critical", "F-1 high"]);
}

#[test]
fn versions_of_debian_are_in_the_order_of_dpkg_itself() {
    if Command::new("dpkg").arg("--version").output().is_err() {
        return skip(Requirement::Verifiers, "dpkg is not there");
    }
    let debian: Ecosystem = "Debian:12".parse().unwrap();
    let texts = [
        "0",
        "0~",
        "0~~",
        "1",
        "1.0",
        "1.0-0",
        "1.0-1",
        "1.0-1~deb12u1",
        "1.0-1+deb12u1",
        "1.0-1+b1",
        "1.0~rc1-1",
        "1:0.1",
        "2.0",
        "007",
        "7",
        "1.2.10",
        "1.2.9",
        "1.0a",
        "1.0+",
        "1.0-2-1",
        "1.0.",
        "1..0",
        "1.a",
        "1.~a",
        "99999999999999999999",
        "0:1.0-1",
    ];
    for a in texts {
        for b in texts {
            let order = Version::parse(&debian, a).unwrap().compare(&Version::parse(&debian, b).unwrap()).unwrap();
            let word = match order {
                Ordering::Less => "lt",
                Ordering::Equal => "eq",
                Ordering::Greater => "gt",
            };
            let agreed = Command::new("dpkg").args(["--compare-versions", a, word, b]).status().unwrap();
            assert!(agreed.success(), "dpkg does not say {a} {word} {b}");
        }
    }
}

/// Findings of pip-audit: package and ids.
fn of_pip_audit(output: &Value) -> Vec<(String, Vec<String>, Vec<String>)> {
    let mut all = vec![];
    for package in output["dependencies"].as_array().unwrap() {
        for found in package["vulns"].as_array().into_iter().flatten() {
            let text = |v: &Value| v.as_str().unwrap().to_owned();
            let mut ids: Vec<String> = found["aliases"].as_array().unwrap().iter().map(text).collect();
            ids.push(text(&found["id"]));
            ids.sort();
            all.push((
                text(&package["name"]),
                ids,
                found["fix_versions"].as_array().unwrap().iter().map(text).collect(),
            ));
        }
    }
    all.sort();
    all
}

#[test]
fn pip_audit_finds_the_same_in_the_same_advisories() {
    let target = std::env::var("CARGO_TARGET_DIR").map_or_else(|_| PathBuf::from("target"), PathBuf::from);
    let pip_audit = target.join("tmp/verifiers/pip-audit/bin/pip-audit");
    if !pip_audit.exists() {
        return skip(Requirement::Verifiers, "pip-audit is not installed; run tests/verifiers/setup");
    }
    let shop = Shop::new();
    let mut server = Running::start(shop.command(&["advisories", "serve", "--advisories", "b"]));
    let url = server.until("answers queries").split(' ').next().unwrap().to_owned();
    let audit = |requirements: &str| {
        shop.writes("r.txt", requirements);
        let mut command = Command::new(&pip_audit);
        command.args(["--strict", "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]);
        command.args([
            "--vulnerability-service",
            "osv",
            "--osv-url",
            &url,
            "--cache-dir",
            "cache",
            "--requirement",
            "r.txt",
        ]);
        ended({
            command.current_dir(shop.user.folder.path());
            command
        })
    };
    let requirements = "Demo.Web==2.1\ndemo-db==1.4.9\ndemo-old==1.0\ndemo-evil==1.0.1\ndemo-evil2==1.0\ndemo-app==7\n";
    let theirs = of_pip_audit(&audit(requirements).code(1).json());
    shop.writes("requirements.txt", requirements);
    let ours = shop.scans(&["requirements.txt", "--output", "json"]).code(6).json();
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let mut found: Vec<_> = ours["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            let mut ids: Vec<String> = f["aliases"].as_array().unwrap().iter().map(text).collect();
            ids.push(text(&f["id"]));
            ids.sort();
            (text(&f["package"]), ids, f["fixedIn"].as_array().unwrap().iter().map(text).collect::<Vec<_>>())
        })
        .collect();
    found.sort();
    assert_eq!(found, theirs);
    assert_eq!(found.len(), 4);
    audit("demo-web==2.6\n").code(0);
    // What cannot be decided is an error and not an empty answer.
    archive(&shop.at("npm.zip"), &[record("GHSA-npm", "npm", "demo", "0", "1.0.0")]);
    shop.dayfly(&["advisories", "import", "npm.zip", "--out", "n", "--snapshot", &now()]).code(0);
    let mut other = Running::start(shop.command(&["advisories", "serve", "--advisories", "n"]));
    let url = other.until("answers queries").split(' ').next().unwrap().to_owned();
    let mut command = Command::new(&pip_audit);
    command.args([
        "--no-deps",
        "--disable-pip",
        "--progress-spinner",
        "off",
        "--vulnerability-service",
        "osv",
        "--osv-url",
        &url,
    ]);
    command.args(["--cache-dir", "other", "--requirement", "r.txt"]).current_dir(shop.user.folder.path());
    assert_eq!(ended(command).code, 1);
    for session in [server, other] {
        session.signal("INT");
        session.ends().code(0);
    }
}

/// The advisories are made up, so that this judges one thing alone: nothing that dayfly depends on is left out of a scan. With
/// `DAYFLY_TEST_ADVISORIES` (a bundle), it also judges what is known of them.
#[test]
fn everything_that_dayfly_depends_on_can_be_looked_up() {
    let own = env!("CARGO_MANIFEST_DIR");
    let shop = Shop::bare();
    let unrelated = ["PyPI", "npm", "crates.io"].map(|e| record(&format!("X-{e}"), e, "no-such-package", "0", "1"));
    archive(&shop.at("osv.zip"), &unrelated);
    shop.imports(&["osv.zip", "--snapshot", &now()]).code(0);
    let scan = shop.scans(&[own, "--output", "json", "--sbom", "own.json"]).code(0).json();
    let covered = |ecosystem: &str| {
        let all = scan["coverage"].as_array().unwrap();
        all.iter().find(|c| c["ecosystem"] == ecosystem).map_or(0, |c| c["packages"].as_u64().unwrap())
    };
    // Counted by another reader.
    let mut crates = std::collections::BTreeSet::new();
    for lock in ["Cargo.lock", "examples/s3/Cargo.lock"] {
        let lock: Value = toml::from_str(&fs::read_to_string(format!("{own}/{lock}")).unwrap()).unwrap();
        let all = lock["package"].as_array().unwrap().iter().filter(|p| p["source"].is_string());
        crates.extend(all.map(|p| (p["name"].to_string(), p["version"].to_string())));
    }
    assert_eq!(covered("crates.io"), crates.len() as u64);
    assert!(covered("PyPI") > 20 && covered("npm") > 1, "{scan:#}");
    let sbom: Value = serde_json::from_slice(&fs::read(shop.at("own.json")).unwrap()).unwrap();
    let listed = sbom["components"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| c["purl"].as_str().is_some_and(|p| p.starts_with("pkg:cargo/")));
    assert_eq!(listed.count(), crates.len());
    support::scans::validates(&[shop.at("own.json").to_str().unwrap()]);
    if let Some(bundle) = std::env::var_os("DAYFLY_TEST_ADVISORIES") {
        shop.dayfly(&["scan", own, "--advisories", bundle.to_str().unwrap()]).code(0);
    }
}
