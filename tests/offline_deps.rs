//! `dayfly deps` through the command: what a change does to dependencies, and what the author of the change cannot do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "dependencies/repository.rs"]
mod repository;
mod support;

use std::fs;

use repository::{LOCK, Repository, policy};
use serde_json::{Value, json};
use support::scans::database;

/// `package versions` of each change.
fn packages(diff: &Value) -> Vec<String> {
    let words = |v: &Value| v.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect::<Vec<_>>().join(",");
    let line = |c: &Value| format!("{} {}>{}", c["name"].as_str().unwrap(), words(&c["from"]), words(&c["to"]));
    diff["packages"].as_array().unwrap().iter().map(line).collect()
}

/// `kind package effect` of each signal.
fn signals(diff: &Value) -> Vec<String> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let line = |s: &Value| format!("{} {} {}", text(&s["kind"]), text(&s["package"]), text(&s["effect"]));
    diff["signals"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn a_change_names_packages_advisories_and_images() {
    let r = Repository::new();
    r.writes("requirements.txt", "demo-web==2.1\ndemo-app==1.0\n    # via demo-web\ngone==1\n");
    r.writes("environment.yaml", &Repository::description("web:1"));
    r.commits();
    r.branch("change");
    r.writes("requirements.txt", "demo-web==2.4\ndemo-app==1.1\n    # via demo-web\ndemo-evil==1.0.1\n");
    r.writes("environment.yaml", &Repository::description("web:2"));
    r.commits();
    // What the base does after that is no part of the change.
    r.git(&["switch", "--quiet", "main"]);
    r.writes("requirements.txt", "demo-web==2.6\ndemo-app==1.0\n    # via demo-web\ngone==1\n");
    r.writes("app.py", "new");
    r.commits();
    r.git(&["switch", "--quiet", "change"]);
    let diff = r.diffs(&["main"], &["--markdown", "d.md"]).code(6);
    let (shown, diff) = (r.dayfly(&["deps", "diff", "main", "--advisories", "b"]).code(6), diff.json());
    assert_eq!(diff["kind"], "dependencies");
    assert_eq!(packages(&diff), ["demo-app 1.0>1.1", "demo-evil >1.0.1", "demo-web 2.1>2.4", "gone 1>"]);
    assert_eq!(diff["packages"][0]["explicit"], false);
    assert_eq!(diff["packages"][0]["broughtBy"], json!(["demo-web"]));
    assert_eq!(diff["packages"][2]["explicit"], true);
    let ids = |of: &str| diff[of].as_array().unwrap().iter().map(|f| f["id"].clone()).collect::<Vec<_>>();
    assert_eq!((ids("broughtIn"), ids("fixed")), (vec![json!("MAL-2026-1")], vec![json!("PYSEC-2026-1")]));
    assert_eq!(
        ids("remaining"),
        [json!("GHSA-dddd-eeee-ffff")],
        "what was there before fails the scan, and not the change"
    );
    let image =
        json!({"file": "environment.yaml", "at": "services.web", "from": "r.example/web:1", "to": "r.example/web:2"});
    assert_eq!(diff["images"], json!([image]));
    let reason = "it brings 1 finding(s) that the policy does not accept, 1 of a malicious package";
    assert_eq!(diff["reasons"], json!([reason]));
    shown
        .says("dependency change: main → HEAD, 2 file(s)")
        .says("demo-app (PyPI) 1.0 → 1.1, brought by demo-web at requirements.txt:2")
        .says("demo-evil (PyPI) added 1.0.1, explicit at requirements.txt:4")
        .says("services.web: r.example/web:1 → r.example/web:2 in environment.yaml")
        .says("MALICIOUS MAL-2026-1, fails: demo-evil 1.0.1")
        .says("FAILED");
    let page = fs::read_to_string(r.at("d.md")).unwrap();
    assert!(page.starts_with("### Dependencies: failed, dependency change\n"), "{page}");
    assert!(page.contains("| demo\\-web (PyPI) | 2\\.1 → 2\\.4 | explicit |"), "{page}");
    // Nothing new: passed also without advisories.
    r.git(&["switch", "--quiet", "--create", "same", "main"]);
    r.writes("app.py", "newer");
    r.commits();
    let same = r.dayfly(&["deps", "diff", "main", "--output", "json"]).code(0).json();
    assert_eq!((&same["kind"], &same["paths"][0]["kind"]), (&json!("code"), &json!("code")));
}

#[test]
fn what_could_not_be_looked_up_is_never_passed() {
    let r = Repository::new();
    r.writes("requirements.txt", "demo-web==2.6\n");
    r.commits();
    r.branch("change");
    let change = |files: &[(&str, &str)]| {
        r.git(&["reset", "--quiet", "--hard", "main"]);
        files.iter().for_each(|(name, text)| r.writes(name, text));
        r.commits();
        r.diffs(&["main"], &[])
    };
    let why = |files: &[(&str, &str)], reason: &str| {
        let diff = change(files).code(7).json();
        assert!(diff["reasons"][0].as_str().unwrap().contains(reason), "{:#}", diff["reasons"]);
    };
    change(&[("requirements.txt", "demo-web==2.6\ndemo-new==1.0\n")]).code(0);
    // The text for the pull request says so in the customer's words, and on what it rests.
    let answer = || {
        r.diffs(&["main"], &["--markdown", "d.md"]);
        fs::read_to_string(r.at("d.md")).unwrap().replace('\\', "")
    };
    let page = answer();
    assert!(
        page.contains("**No new risks introduced by the change: its 1 new or changed package(s) bring no advisory"),
        "{page}"
    );
    assert!(
        page.contains("- 1 package(s) new or changed, 0 removed") && page.contains("advisories: bundle "),
        "{page}"
    );
    assert!(page.contains("PyPI: 1 package, "), "{page}");
    change(&[
        ("requirements.txt", "demo-web==2.6\ndemo-new==1.0\n"),
        ("environment.yaml", &Repository::description("web:2")),
    ])
    .code(0);
    assert!(answer().contains("what its images contain is not looked at here"), "{}", answer());
    change(&[("requirements.txt", "demo-web==2.5\n")]).code(6);
    assert!(answer().contains("**The change brings 1 advisory"), "{}", answer());
    let other = "demo-web==2.6\ndemo @ git+https://x\n";
    why(&[("requirements.txt", other)], "requirements.txt:2: \"demo\" has no version");
    why(&[("web/pnpm-lock.yaml", "a: 1\n")], "dayfly does not read files of this kind");
    why(&[("requirements.txt", "demo-web==2.6\n-r /etc/passwd\n")], "requirements.txt:2");
    why(&[("package-lock.json", &LOCK.replace("NAME", "demo"))], "the advisories have none of npm");
    std::os::unix::fs::symlink("requirements.txt", r.at("poetry.lock")).unwrap();
    why(&[], "poetry.lock: it is a link");
    change(&[("Cargo.lock", "package = 1\n")]).code(2).says("failed to read Cargo.lock:1");
    change(&[("requirements.txt", "demo-web==2.5\n")]).code(6);
    let without = r.dayfly(&["deps", "diff", "main", "--output", "json"]).code(7).json();
    assert_eq!(without["reasons"], json!(["there are no advisories; name a bundle with --advisories"]));
    // A lock file of the base that cannot be read is mended: everything in it is new.
    r.git(&["switch", "--quiet", "--create", "broken", "main"]);
    r.writes("Cargo.lock", "package = 1\n");
    r.commits();
    r.git(&["switch", "--quiet", "--create", "mended"]);
    r.writes("Cargo.lock", "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\n");
    r.commits();
    assert_eq!(packages(&r.diffs(&["broken"], &[]).json()), ["a >1.0.0"]);
}

#[test]
fn the_policy_of_the_base_refuses_a_mixed_change_and_says_how_to_split_it() {
    let r = Repository::new();
    r.writes("requirements.txt", "demo-web==2.6\n");
    r.writes("package.json", r#"{"scripts":{"a":"b"}}"#);
    r.writes("old.lock.d/requirements.txt", "demo-old==1\n");
    r.writes("policy.yaml", &policy("mixed: fail"));
    r.commits();
    r.branch("change");
    let by_policy = ["--policy", "policy.yaml"];
    r.writes("requirements.txt", "demo-web==2.7\n");
    r.writes("README.md", "texts count for neither");
    fs::remove_file(r.at("old.lock.d/requirements.txt")).unwrap();
    r.commits();
    r.diffs(&["main"], &by_policy).code(0);
    r.writes("it's/new.py", "code");
    // The change cannot choose its policy, also not through a link.
    r.writes("policy.yaml", &policy("mixed: pass"));
    std::os::unix::fs::symlink("policy.yaml", r.at("linked.yaml")).unwrap();
    r.commits();
    let diff = r.diffs(&["main"], &by_policy).code(6).json();
    assert_eq!(diff["kind"], "mixed");
    assert!(diff["reasons"][0].as_str().unwrap().contains("pull requests of their own"), "{diff:#}");
    assert_eq!(r.diffs(&["main"], &["--policy", "linked.yaml"]).code(6).json()["kind"], "mixed");
    r.diffs(&["main"], &["--policy", "none.yaml"]).code(2).says("--policy");
    r.dayfly(&["deps", "diff", "main", "--policy", "policy.yaml"]).code(6).says("git switch --create dependencies");
    // The commands do what they promise.
    for command in diff["split"].as_array().unwrap() {
        r.shell(command.as_str().unwrap());
    }
    assert_eq!(
        r.git(&["diff", "--name-only", "main", "dependencies"]),
        "old.lock.d/requirements.txt\nrequirements.txt"
    );
    assert_eq!(r.diffs(&["main", "dependencies"], &by_policy).code(0).json()["kind"], "dependencies");
    // Scripts in a manifest are code, and so is a program that a lock file includes.
    r.git(&["switch", "--quiet", "--create", "scripts", "dependencies"]);
    r.writes("package.json", r#"{"scripts":{"a":"c"},"dependencies":{}}"#);
    r.commits();
    let scripts = r.diffs(&["main"], &by_policy).code(6).json();
    assert_eq!(scripts["paths"][1]["code"], json!(["scripts"]));
    assert_eq!(scripts["split"], Value::Null, "files alone do not split it");
    r.git(&["reset", "--quiet", "--hard", "dependencies"]);
    r.writes("requirements.txt", "demo-web==2.7\n-r evil.py\n");
    r.writes("evil.py", "demo-web==2.7\n");
    r.commits();
    assert_eq!(r.diffs(&["main"], &by_policy).code(6).json()["kind"], "mixed");
}

#[test]
fn signals_say_what_to_look_at_and_the_policy_says_what_fails() {
    let r = Repository::new();
    let days = |n: i64| {
        let at = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * n);
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let entry = |name: &str, version: &str, index: &str, uploaded: &str, publisher: &str| {
        let identity = match publisher {
            "" => String::new(),
            of => format!("[[packages.attestation-identities]]\nkind = \"GitHub\"\nrepository = \"{of}\"\n"),
        };
        let time = if uploaded.is_empty() { String::new() } else { format!("upload-time = {uploaded}, ") };
        format!(
            "[[packages]]\nname = \"{name}\"\nversion = \"{version}\"\nindex = \"https://{index}\"\nwheels = [{{ {time}hashes = {{ sha256 = \"{version}\" }} }}]\n{identity}"
        )
    };
    let lock = |entries: &[String]| format!("lock-version = \"1.0\"\n{}", entries.concat());
    let pypi = "pypi.org/simple";
    let before = [
        entry("demo-web", "2.1", pypi, &days(90), "o/web"),
        entry("demo-db", "1.5", pypi, &days(90), "o/db"),
        entry("demo-app", "1.0", pypi, &days(90), ""),
    ];
    r.writes("pylock.toml", &lock(&before));
    r.commits();
    r.branch("change");
    let after = [
        // It fixes a vulnerability: the cooldown is waived. Nobody attests it any more.
        entry("demo-web", "2.6", pypi, &days(1), ""),
        entry("demo-db", "1.6", "evil.example/simple", &days(2), "o/db"),
        entry("demo-app", "1.0", pypi, &days(90), "").replace("sha256 = \"1.0\"", "sha256 = \"other\""),
        entry("reqests", "1", pypi, "", ""),
    ];
    r.writes("pylock.toml", &lock(&after));
    r.commits();
    let diff = r.diffs(&["main"], &[]).code(6).json();
    let expected = [
        "contentChanged demo-app fails",
        "sourceChanged demo-db fails",
        "publisherChanged demo-web fails",
        "lookAlike reqests shown",
    ];
    assert_eq!(signals(&diff), expected);
    assert_eq!(diff["reasons"].as_array().unwrap().len(), 3);
    let with = |rules: &str| {
        fs::write(r.at("../operator.yaml"), policy(rules)).unwrap();
        r.diffs(&["main"], &["--policy", "../operator.yaml"])
    };
    let lenient = "sourceChanged: pass, publisherChanged: pass";
    with(lenient).code(0);
    let cooled = with(&format!("{lenient}, cooldown: 14d")).code(6).json();
    let of = |kind: &str| signals(&cooled).into_iter().filter(|s| s.starts_with(kind)).collect::<Vec<_>>();
    assert_eq!(of("tooYoung"), ["tooYoung demo-db fails", "tooYoung demo-web shown"]);
    assert_eq!(of("unknownAge"), ["unknownAge reqests inconclusive"]);
    with(&format!("{lenient}, cooldown: 1d")).code(7).says("does not say when it was uploaded");
    with(&format!("{lenient}, cooldown: 1d, unknownAge: pass")).code(0);
    with(&format!("{lenient}, cooldown: 1d, unknownAge: fail")).code(6);
    assert!(!signals(&with("knownNames: [reqests]").json()).iter().any(|s| s.starts_with("lookAlike")));
    with("cooldown: soon").code(2).says("`soon` is not a valid duration");
    // Of npm: code at installation, deprecation, and a package from an address.
    r.git(&["reset", "--quiet", "--hard", "main"]);
    r.writes(
        "package-lock.json",
        &LOCK.replace("NAME", "demo").replace("https://registry.npmjs.org/demo/-/", "git+https://g.example/"),
    );
    r.commits();
    let npm = r.diffs(&["main"], &[]).code(6).json();
    assert_eq!(signals(&npm), ["sourceChanged demo fails", "installCode demo shown", "deprecated demo shown"]);
    assert_eq!(npm["notes"], json!(["look-alikes of npm were not looked for: the advisories have no popular names"]));
}

#[test]
fn nothing_of_a_repository_runs_and_nothing_of_it_reaches_a_terminal_as_it_is() {
    let r = Repository::new();
    r.writes("requirements.txt", "demo-web==2.6\n");
    r.commits();
    r.branch("change");
    let hook = format!("#!/bin/sh\ntouch {}\n", r.at("../ran").display());
    for name in [".git/hooks/post-checkout", ".git/hooks/post-index-change", ".git/hooks/pre-auto-gc", "filter"] {
        r.writes(name, &hook);
        r.shell(&format!("chmod +x {name}"));
    }
    r.git(&["config", "filter.evil.smudge", "./filter"]);
    r.git(&["config", "filter.evil.clean", "./filter"]);
    r.git(&["config", "core.fsmonitor", "./filter"]);
    r.git(&["config", "diff.external", "./filter"]);
    r.writes("requirements.txt", "demo-web==2.7\n");
    r.writes("a\u{1b}[2J\u{202e}::error::\n##vso[x].py", "code");
    r.git(&["-c", "core.fsmonitor=false", "add", "--all"]);
    r.git(&["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--message", "x"]);
    r.writes(".gitattributes", "* filter=evil diff=evil\n");
    let ran = || r.at("../ran").exists();
    let _ = fs::remove_file(r.at("../ran"));
    let said = r.dayfly(&["deps", "diff", "main", "--advisories", "b", "--markdown", "d.md"]).code(0);
    assert!(!ran(), "something of the repository ran");
    let all = format!("{}{}{}", said.out, said.err, fs::read_to_string(r.at("d.md")).unwrap());
    assert!(!all.contains(['\u{1b}', '\u{202e}']) && !all.contains("##vso["), "{all:?}");
    for (base, why) in [
        ("--output", "cannot be a revision"),
        ("gone", "has no revision gone"),
        ("main..change", "has no revision"),
        ("./nowhere", "is not a folder"),
    ] {
        r.dayfly(&["deps", "diff", "--", base]).code(2).says(why);
    }
    r.dayfly(&["deps", "diff", "main", "."]).code(2).says("name two revisions, or two folders");
    let tree = r.git(&["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let stranger = r.git(&["commit-tree", "-m", "x", &tree]);
    r.dayfly(&["deps", "diff", "main", &stranger]).code(2).says("have no common commit here");
}

#[test]
fn folders_are_compared_but_the_change_cannot_bring_its_base() {
    let r = Repository::bare();
    r.writes("before/requirements.txt", "demo-web==2.6\n");
    r.writes("before/policy.yaml", &policy("failOn: low"));
    r.writes("after/requirements.txt", "demo-web==2.5\n");
    r.writes("after/policy.yaml", &policy("failOn: critical"));
    r.writes("after/base/requirements.txt", "demo-web==2.5\n");
    let diff = r.diffs(&["./before", "./after"], &["--policy", "after/policy.yaml"]).code(6).json();
    assert_eq!(packages(&diff)[0], "demo-web >2.5");
    assert_eq!(diff["fromCommit"], Value::Null);
    r.diffs(&["./after/base", "./after"], &[]).code(2).says("which may have brought it");
    r.diffs(&["main", "HEAD"], &[]).code(2).says("does not lie in a git repository");
}
