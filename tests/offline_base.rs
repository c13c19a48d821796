//! The change under test is hostile: it deletes, weakens and replaces suites, and tries to pass itself off as the base.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::{Ended, User};

const SERVICES: &str = "services:\n  web: { image: 'registry.example/web:1', port: 8080 }\n  api: { image: 'registry.example/api:1', port: 8081 }\n";
const SUITES: &str = "suites:\n  security:\n    kind: security\n    needs: [web]\n    cases:\n      - { id: S1, name: web answers, steps: [ http: { url: 'http://web:8080/' } ] }\n      - { id: S2, name: nothing gets out, steps: [ noWayOut: {} ] }\n";

/// A user in a repository, whose first commit is the base.
struct Change {
    user: User,
    base: String,
}

impl Change {
    fn new() -> Self {
        let user = User::new();
        let mut change = Self { user, base: String::new() };
        change.git(&["init", "--quiet", "--initial-branch=main"]);
        change.writes(SERVICES, SUITES);
        change.base = change.commits();
        change
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.user.folder.path().join(path)
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]);
        let done = git.args(arguments).current_dir(self.user.folder.path()).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    fn writes(&self, services: &str, suites: &str) {
        fs::create_dir_all(self.at("environments/shop")).unwrap();
        let text = format!("apiVersion: dayfly.dev/v1alpha1\nkind: Environment\nname: shop\n{services}{suites}");
        fs::write(self.at("environments/shop/environment.yaml"), text).unwrap();
    }

    fn commits(&self) -> String {
        self.git(&["add", "--all", "environments"]);
        self.git(&["commit", "--quiet", "--message", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn plans_from(&self, from: &str, more: &[&str]) -> Ended {
        let fixed = ["plan", "environments/shop", "--output", "json", &format!("--suites-from={from}")];
        self.user.dayfly(&[&fixed, more].concat())
    }

    fn suites(&self) -> Value {
        self.plans_from(&self.base, &[]).code(0).json()["suites"].clone()
    }
}

#[test]
fn a_deleted_suite_is_that_of_the_base_and_every_case_counts_as_lost() {
    let change = Change::new();
    let own = "suites:\n  easy:\n    kind: security\n    cases:\n      - { id: E1, name: easy, steps: [ wait: { for: 1ms } ] }\n";
    change.writes(SERVICES, own);
    change.commits();
    let suites = change.suites();
    let origin = &suites["security"]["origin"];
    assert_eq!(origin["sourceRef"]["from"], "base");
    assert_eq!(origin["sourceRef"]["commit"], json!(change.base));
    assert_eq!(origin["sourceRef"]["path"], "environments/shop/environment.yaml");
    assert_eq!((&origin["changedInPr"], &origin["lostCases"]), (&json!(true), &json!(["S1", "S2"])));
    assert_eq!(suites["easy"]["origin"]["sourceRef"]["from"], "change");
    assert_eq!(suites["easy"]["origin"]["changedInPr"], true);
}

#[test]
fn a_weakened_or_replaced_suite_is_that_of_the_base() {
    let change = Change::new();
    let before = change.suites()["security"].clone();
    assert_eq!(before["origin"]["changedInPr"], false);
    let weak = SUITES.replace("noWayOut: {}", "wait: { for: 1ms }").replace("id: S1", "id: T1");
    let image = "suites:\n  security: { kind: security, image: 'evil.example/pass:1', needs: [web] }\n";
    for (own, lost) in [(weak.as_str(), json!(["S1"])), (image, json!(["S1", "S2"]))] {
        change.writes(SERVICES, own);
        let suite = change.suites()["security"].clone();
        assert_eq!(suite["executor"], before["executor"]);
        assert_eq!(suite["digest"], before["digest"]);
        assert_eq!((&suite["origin"]["changedInPr"], &suite["origin"]["lostCases"]), (&json!(true), &lost));
    }
}

#[test]
fn files_of_a_suite_are_those_of_the_base() {
    let mut change = Change::new();
    let sends = |file: &str| {
        SUITES.replace("url: 'http://web:8080/'", &format!("method: POST, url: 'http://web:8080/', file: {file}"))
    };
    let probe = change.at("environments/shop/data/probe.bin");
    fs::create_dir_all(probe.parent().unwrap()).unwrap();
    fs::write(&probe, "of the base").unwrap();
    change.writes(SERVICES, &sends("data/probe.bin"));
    change.base = change.commits();
    let before = change.suites()["security"].clone();
    assert_eq!(before["files"]["data/probe.bin"], json!(b"of the base".to_vec()));
    fs::write(&probe, "of the change").unwrap();
    assert_eq!(change.suites()["security"]["files"], before["files"]);
    let own = change.user.dayfly(&["plan", "environments/shop", "--output", "json"]).code(0).json();
    assert_eq!(own["suites"]["security"]["files"]["data/probe.bin"], json!(b"of the change".to_vec()));
    assert_ne!((&own["suites"]["security"]["digest"], &own["description_digest"]), (&before["digest"], &Value::Null));
    fs::remove_file(&probe).unwrap();
    change.writes(SERVICES, "");
    let suites = change.suites();
    assert_eq!((&suites["security"]["files"], &suites["security"]["digest"]), (&before["files"], &before["digest"]));
    // A base without its file, and one whose file is a link.
    change.writes(SERVICES, &sends("data/other.bin"));
    let lacks = change.commits();
    change.plans_from(&lacks, &[]).code(2).says("environments/shop/data/other.bin");
    std::os::unix::fs::symlink("/etc/hostname", change.at("environments/shop/data/other.bin")).unwrap();
    let links = change.commits();
    change.plans_from(&links, &[]).code(2).says("symbolic link");
}

#[test]
fn included_files_are_those_of_the_base() {
    let mut change = Change::new();
    fs::create_dir_all(change.at("environments/shop/suites")).unwrap();
    let part = change.at("environments/shop/suites/security.yaml");
    let (_, security) = SUITES.split_once("  security:\n").unwrap();
    fs::write(&part, security).unwrap();
    let including = "suites:\n  security: { include: suites/security.yaml }\n";
    change.writes(SERVICES, including);
    change.base = change.commits();
    let before = change.suites()["security"].clone();
    assert_eq!(before["executor"]["cases"].as_array().map(Vec::len), Some(2), "{before:#}");
    assert_eq!(before["origin"]["changedInPr"], false);
    fs::write(&part, security.replace("noWayOut: {}", "wait: { for: 1ms }")).unwrap();
    let suite = change.suites()["security"].clone();
    assert_eq!((&suite["executor"], &suite["digest"]), (&before["executor"], &before["digest"]));
    assert_eq!(suite["origin"]["changedInPr"], true);
    fs::remove_file(&part).unwrap();
    change.writes(SERVICES, "");
    assert_eq!(change.suites()["security"]["executor"], before["executor"]);
    // What the base refers to is reported at its place in the base.
    change.writes("services:\n  api: { image: 'registry.example/api:1', port: 8081 }\n", "");
    change.plans_from(&change.base.clone(), &[]).code(2).says("environments/shop/suites/security.yaml");
}

#[test]
fn services_are_those_of_the_change() {
    let change = Change::new();
    change.writes(&SERVICES.replace("web:1", "web:2"), "");
    let plan = change.plans_from(&change.base, &[]).code(0).json();
    let web = plan["units"].as_array().unwrap().iter().find(|u| u["name"] == "web").unwrap().clone();
    assert_eq!((&web["image"], &web["callers"]), (&json!("registry.example/web:2"), &json!(["security"])));
}

#[test]
fn a_unit_that_the_change_lacks_is_reported_at_its_place_in_the_base() {
    let change = Change::new();
    change.writes("services:\n  api: { image: 'registry.example/api:1', port: 8081 }\n", "");
    let said = change.plans_from(&change.base, &[]).code(2).json();
    let name = format!("environments/shop/environment.yaml@{}", &change.base[..7]);
    assert_eq!(said[0]["file"], json!(name));
    assert_eq!(said[0]["message"], "there is no service, broker or database `web` in the change under test");
    let arguments = ["validate", "environments/shop", "--suites-from", &change.base];
    change.user.dayfly(&arguments).code(2).says(&format!("{name}:10:13")).says("this suite comes from the base");
}

#[test]
fn an_invalid_base_is_reported_with_its_path_and_revision() {
    let change = Change::new();
    change.writes(SERVICES, &SUITES.replace("needs: [web]", "needs: [wib]"));
    let base = change.commits();
    change.writes(SERVICES, SUITES);
    let name = format!("environments/shop/environment.yaml@{}:10:13", &base[..7]);
    change.user.dayfly(&["validate", "environments/shop", "--suites-from", &base]).code(2).says(&name);
}

#[test]
fn the_image_of_a_suite_of_the_base_cannot_be_overridden() {
    let change = Change::new();
    change.writes(SERVICES, "suites:\n  e2e: { kind: acceptance, image: 'registry.example/e2e:1', needs: [web] }\n");
    let base = change.commits();
    let said = change.plans_from(&base, &["--image", "e2e=evil.example/pass:1"]).code(2).json();
    assert_eq!(said[0]["message"], "the suite `e2e` comes from the base, and its image with it");
    change.plans_from(&base, &["--image", "web=registry.example/web:2"]).code(0);
}

#[test]
fn values_of_the_base_count_in_its_suites_and_overrides_in_both() {
    let change = Change::new();
    let suites = SUITES.replace("http://web:8080/", "http://web:8080/{{path}}");
    change.writes(&format!("values: {{ path: real }}\n{SERVICES}"), &suites);
    let base = change.commits();
    change.writes(&format!("values: {{ path: fake, more: x }}\n{SERVICES}"), &suites);
    let url = |more: &[&str]| {
        let plan = change.plans_from(&base, more).code(0).json();
        plan["suites"]["security"]["executor"]["cases"][0]["steps"][0]["http"]["url"].clone()
    };
    assert_eq!(url(&[]), "http://web:8080/real");
    assert_eq!(url(&["--set", "path=given", "--set", "more=y"]), "http://web:8080/given");
    let said = change.plans_from(&base, &["--set", "nowhere=1"]).code(2).json();
    assert_eq!(said[0]["message"], "neither the description nor its base declares a value `nowhere`");
}

#[test]
fn a_folder_or_repository_of_the_change_is_never_taken_for_the_base() {
    let change = Change::new();
    let easy = "suites: {}\n";
    change.writes(SERVICES, easy);
    // A folder with the name of the revision, and a bare repository where git would look for one.
    let copy = change.at("main/environments/shop");
    fs::create_dir_all(&copy).unwrap();
    fs::copy(change.at("environments/shop/environment.yaml"), copy.join("environment.yaml")).unwrap();
    fs::create_dir_all(change.at("environments/shop/objects")).unwrap();
    fs::create_dir_all(change.at("environments/shop/refs/heads")).unwrap();
    fs::write(change.at("environments/shop/HEAD"), "ref: refs/heads/main\n").unwrap();
    fs::write(change.at("environments/shop/config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n").unwrap();
    let plan = change.plans_from("main", &[]).code(0).json();
    assert_eq!(plan["suites"]["security"]["origin"]["sourceRef"]["commit"], json!(change.base));
    for folder in ["./main", "."] {
        change.plans_from(folder, &[]).code(2).says("lies in the repository of the change");
    }
}

#[test]
fn variables_replaced_objects_and_configuration_do_not_change_the_base() {
    let mut change = Change::new();
    change.writes(SERVICES, "suites: {}\n");
    let evil = change.commits();
    change.git(&["replace", &change.base, &evil]);
    let ran = change.at("ran");
    change.git(&["config", "core.fsmonitor", &format!("touch {}", ran.display())]);
    change.git(&["config", "alias.ls-tree", &format!("!touch {}", ran.display())]);
    let elsewhere = tempfile::tempdir().unwrap();
    change.user.variables =
        vec![("GIT_DIR".into(), elsewhere.path().display().to_string()), ("GIT_WORK_TREE".into(), "/".into())];
    assert_eq!(change.suites()["security"]["origin"]["sourceRef"]["from"], "base");
    assert!(!ran.exists());
}

#[test]
fn links_in_the_base_are_refused() {
    let change = Change::new();
    change.git(&["mv", "environments", "real"]);
    std::os::unix::fs::symlink("real", change.at("environments")).unwrap();
    change.git(&["add", "--all", "environments", "real"]);
    change.git(&["commit", "--quiet", "--message", "link"]);
    let linked = change.git(&["rev-parse", "HEAD"]);
    change.git(&["checkout", "--quiet", &change.base]);
    change.plans_from(&linked, &[]).code(2).says("environments is a symbolic link");
}

#[test]
fn a_base_in_a_folder_has_no_commit() {
    let change = Change::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("environments/shop");
    fs::create_dir_all(&copy).unwrap();
    fs::copy(change.at("environments/shop/environment.yaml"), copy.join("environment.yaml")).unwrap();
    change.writes(SERVICES, "suites: {}\n");
    let plan = change.plans_from(elsewhere.path().to_str().unwrap(), &[]).code(0).json();
    let source = &plan["suites"]["security"]["origin"]["sourceRef"];
    assert_eq!((&source["from"], source.get("commit")), (&json!("base"), None));
}

#[test]
fn says_why_a_base_cannot_be_read() {
    let mut change = Change::new();
    let absent = "0123456789012345678901234567890123456789";
    for (from, why) in [
        (absent, "git fetch --depth=1 origin 0123456789012345678901234567890123456789"),
        ("no-such-branch", "the repository has no revision no-such-branch"),
        ("--upload-pack=x", "cannot be a revision"),
        ("", "cannot be a revision"),
        ("/no/such/folder", "is not a folder with the base's checkout"),
    ] {
        change.plans_from(from, &[]).code(2).says(why);
    }
    fs::create_dir_all(change.at("new")).unwrap();
    fs::copy(change.at("environments/shop/environment.yaml"), change.at("new/environment.yaml")).unwrap();
    change.user.dayfly(&["validate", "new", "--suites-from", "main"]).code(2).says("has no file new/environment.yaml");
    let outside = tempfile::tempdir().unwrap();
    fs::copy(change.at("environments/shop/environment.yaml"), outside.path().join("environment.yaml")).unwrap();
    let file = outside.path().join("environment.yaml");
    let arguments = ["validate", file.to_str().unwrap(), "--suites-from", "main"];
    change.user.dayfly(&arguments).code(2).says("does not lie in a git repository");
    change.user.variables = vec![("PATH".into(), Path::new("/nowhere").display().to_string())];
    change.plans_from("main", &[]).code(2).says("git is not installed");
}

#[test]
fn a_policy_inside_the_repository_is_that_of_the_base() {
    let change = Change::new();
    let policy = |limits: &str| format!("apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault: {{ {limits} }}\n");
    fs::write(change.at("environments/policy.yaml"), policy("departures: []")).unwrap();
    let base = change.commits();
    // The change allows itself what it asks for.
    fs::write(change.at("environments/policy.yaml"), policy("departures: [root]")).unwrap();
    change.writes(&SERVICES.replace("port: 8080 }", "port: 8080, security: { root: true, reason: x } }"), SUITES);
    let arguments = ["validate", "environments/shop", "--policy", "environments/policy.yaml"];
    change.user.dayfly(&arguments).code(0);
    let of_base = [&arguments[..], &["--suites-from", &base]].concat();
    let refused = change.user.dayfly(&of_base).code(2).says("`services.web.security.root` is not allowed");
    refused.says(&format!("environments/policy.yaml@{}:3 allows no departures", &base[..7]));
    // Elsewhere, it is the operator's, as it is.
    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    fs::write(elsewhere.path(), policy("departures: [root]")).unwrap();
    let of_operator = ["validate", "environments/shop", "--suites-from", &base, "--policy"];
    change.user.dayfly(&[&of_operator[..], &[elsewhere.path().to_str().unwrap()]].concat()).code(0);
    let missing = ["validate", "environments/shop", "--suites-from", &base, "--policy", "environments/none.yaml"];
    change.user.dayfly(&missing).code(2).says("has no file environments/none.yaml");
}

#[test]
fn a_suite_of_the_base_scans_the_lock_files_of_the_change() {
    let change = Change::new();
    let locks = |text: &str| fs::write(change.at("environments/shop/requirements.txt"), text).unwrap();
    locks("demo==1\n");
    let suite = "suites:\n  deps: { kind: dependencies, scan: { lockfiles: [requirements.txt] } }\n";
    change.writes(SERVICES, suite);
    let base = change.commits();
    // The change drops the suite, and the lock file is its own.
    change.writes(SERVICES, "");
    let plans = || change.plans_from(&base, &[]).code(0).json();
    let first = plans();
    assert_eq!(first["suites"]["deps"]["executor"]["lock_files"], json!(["requirements.txt"]), "{first:#}");
    assert_eq!(first["suites"]["deps"]["executor"]["images"].as_array().map(Vec::len), Some(2));
    locks("demo==2\n");
    let second = plans();
    assert_ne!(first["description_digest"], second["description_digest"], "the file of the change counts");
    assert_eq!(first["suites"]["deps"]["digest"], second["suites"]["deps"]["digest"], "the suite is the same");
    // A file that is gone is for the suite to tell, and it cannot pass.
    fs::remove_file(change.at("environments/shop/requirements.txt")).unwrap();
    plans();
}
