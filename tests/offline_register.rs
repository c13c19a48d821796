//! The risk register of dependencies through the command: `dayfly deps check`, `draft` and `list`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "dependencies/repository.rs"]
mod repository;
mod support;

use std::fs;

use repository::{Repository, policy};
use serde_json::{Value, json};
use support::Ended;
use support::scans::database;

const HEAD: &str = "apiVersion: dayfly.dev/v1alpha1\nkind: DependencyRegister\ndependencies:\n";

fn day(ago: i64) -> String {
    (jiff::Timestamp::now() - jiff::SignedDuration::from_hours(24 * ago)).strftime("%Y-%m-%d").to_string()
}

/// An entry that answers everything.
fn entry(name: &str, more: &str) -> String {
    let on = day(10);
    format!(
        "  - ecosystem: PyPI\n    name: {name}\n    purpose: x\n    owner: team\n    risk: low\n    alternatives: none\n    assessed: {{ on: {on}, by: K }}\n{more}"
    )
}

fn states(list: &Ended) -> Vec<String> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    list.json().as_array().unwrap().iter().map(|r| format!("{} {}", text(&r["name"]), text(&r["state"]))).collect()
}

/// A project that asks for `demo-web` and `demo-db`, and builds with `builder`.
fn project() -> Repository {
    let r = Repository::bare();
    r.writes("requirements.txt", "demo-web==2.6\ndemo-app==1.0\n    # via demo-web\n");
    r.writes(
        "pyproject.toml",
        "[project]\ndependencies = [\n    \"demo-db>=1\",\n]\n[build-system]\nrequires = [\"builder\"]\n",
    );
    r
}

#[test]
fn every_explicit_dependency_has_a_whole_and_fresh_entry() {
    let r = project();
    let check = |text: &str| {
        r.writes("dependencies.yaml", text);
        r.dayfly(&["deps", "check"])
    };
    r.dayfly(&["deps", "check"])
        .code(6)
        .says("requirements.txt:1: demo-web (PyPI) has no entry in dependencies.yaml")
        .says("pyproject.toml:3: demo-db (PyPI) has no entry")
        .says("pyproject.toml:6: builder (PyPI) has no entry");
    let whole = format!("{HEAD}{}{}{}", entry("Demo_Web", ""), entry("demo-db", ""), entry("builder", ""));
    check(&whole).code(0).says("PASSED");
    check(&format!("{whole}{}", entry("gone", "")))
        .code(6)
        .says("dependencies.yaml:25: gone (PyPI) is asked for by no manifest");
    check(&whole.replacen("purpose: x", "purpose:", 1).replacen("    risk: low\n", "", 1)).code(6).says(
        "dependencies.yaml:4: Demo-Web (PyPI) leaves open: purpose, risk"
            .to_lowercase()
            .replace("pypi", "PyPI")
            .as_str(),
    );
    let on = |ago: i64| whole.replacen(&day(10), &day(ago), 1);
    check(&on(366)).code(6).says("had to be assessed again by");
    check(&on(350)).code(0).says("warning: dependencies.yaml:4: demo-web (PyPI) must be assessed again by");
    check(&on(-3)).code(6).says("which is in the future");
    check(&whole.replacen("dependencies:", "reassess: 7d\ndependencies:", 1)).code(6).says("had to be assessed again");
    check(&whole.replacen("    risk", "    reassess: 5d\n    risk", 1)).code(6).says("demo-web");
    // The policy may want less than the register, and reviews.
    r.writes("dependencies.yaml", &whole);
    let by = |rules: &str| {
        fs::write(r.at("../operator.yaml"), policy(rules)).unwrap();
        r.dayfly(&["deps", "check", "--policy", "../operator.yaml"])
    };
    by("reassess: 9d").code(6).says("had to be assessed again");
    by("reassess: 20d").code(0).says("must be assessed again by");
    by("reviews: fail").code(6).says("demo-web (PyPI) has no review of version 2.6, or of the steps to it");
    let reviews = "    reviews:\n      - { version: '2.4', on: 2026-01-01, by: K }\n      - { from: '2.4', to: '2.6.0', on: 2026-01-02, by: K }\n";
    r.writes("dependencies.yaml", &whole.replacen(&entry("Demo_Web", ""), &entry("Demo_Web", reviews), 1));
    by("reviews: fail").code(0);
    // What cannot be read is an error with its place.
    check(&whole.replacen("risk: low", "risk: none", 1)).code(2).says("dependencies.yaml:8");
    check(&whole.replacen(&day(10), "yesterday", 1)).code(2).says("`yesterday` is not a day");
    check(&format!("{whole}{}", entry("demo.web", ""))).code(2).says("has an entry already");
    check("kind: Policy\napiVersion: dayfly.dev/v1alpha1\n").code(2).says("this is a policy, not a register");
}

#[test]
fn what_may_hide_a_dependency_is_never_passed() {
    let r = Repository::bare();
    r.dayfly(&["deps", "check"]).code(7).says("no dependency was found");
    let hashed = r#"{"default":{"demo-web":{"version":"==2.6"}}}"#;
    r.writes("Pipfile.lock", hashed);
    r.dayfly(&["deps", "check"]).code(7).says("Pipfile.lock: it does not say which of its 1 package(s) are explicit");
    r.writes("Pipfile", "[packages]\ndemo-web = \"*\"\n");
    r.writes("dependencies.yaml", &format!("{HEAD}{}", entry("demo-web", "")));
    r.dayfly(&["deps", "check"]).code(0);
    r.writes("web/yarn.lock", "");
    r.dayfly(&["deps", "check"]).code(7).says("web/yarn.lock: it names packages");
    fs::remove_file(r.at("web/yarn.lock")).unwrap();
    r.writes("tools/requirements.txt", "demo-db>=1\n");
    r.dayfly(&["deps", "check"]).code(7).says("tools/requirements.txt:1: \"demo-db\" is not pinned");
    r.writes("tools/requirements.txt", "");
    r.writes("web/package.json", "{");
    r.dayfly(&["deps", "check"]).code(2).says("failed to read ./web/package.json");
}

#[test]
fn a_draft_has_what_is_known_and_leaves_the_questions() {
    let r = project();
    let printed = r.dayfly(&["deps", "draft"]).code(0);
    assert!(!r.at("dependencies.yaml").exists());
    r.dayfly(&["deps", "draft", "--write"]).code(0).says("3 new entry(ies)");
    assert_eq!(fs::read_to_string(r.at("dependencies.yaml")).unwrap(), printed.out);
    assert!(printed.out.contains("    name: \"demo-web\"\n    # 2.6 at "), "{}", printed.out);
    r.dayfly(&["deps", "check"]).code(6).says("leaves open: purpose, owner, risk, alternatives, assessed");
    // A second draft adds what is new, and keeps the rest as it is.
    let own = format!("# ours\n{HEAD}{}", entry("demo-web", ""));
    r.writes("dependencies.yaml", &own);
    r.dayfly(&["deps", "draft", "--write"]).code(0).says("2 new entry(ies)");
    let text = fs::read_to_string(r.at("dependencies.yaml")).unwrap();
    assert!(text.starts_with(&own), "{text}");
    assert_eq!(
        states(&r.dayfly(&["deps", "list", "--output", "json"])),
        ["builder incomplete", "demo-db incomplete", "demo-web current"]
    );
    r.writes("dependencies.yaml", &format!("{}reassess: 30d\n", own));
    r.dayfly(&["deps", "draft", "--write"]).code(2).says("by hand");
    // Names are the author's.
    r.writes("requirements.txt", "demo-web==2.6\n");
    r.writes("package-lock.json", r##"{"lockfileVersion":3,"packages":{"":{"dependencies":{"a\"#:b":"1"}},"node_modules/a\"#:b":{"version":"1.0.0"}}}"##);
    r.writes("dependencies.yaml", &own);
    r.dayfly(&["deps", "draft", "--write"]).code(0);
    assert!(states(&r.dayfly(&["deps", "list", "--output", "json"])).contains(&"a\"#:b incomplete".to_owned()));
}

#[test]
fn a_list_is_a_table_and_csv() {
    let r = project();
    r.writes(
        "dependencies.yaml",
        &format!("{HEAD}{}", entry("demo-web", "").replace("purpose: x", "purpose: '=1+1, \"x\"'")),
    );
    let list = r.dayfly(&["deps", "list", "--csv", "r.csv"]).code(0).says("DEPENDENCY  ECOSYSTEM  VERSION  STATE");
    assert!(list.out.lines().any(|l| l.starts_with("demo-web") && l.contains("current  low   team")), "{}", list.out);
    let csv = fs::read_to_string(r.at("r.csv")).unwrap();
    assert_eq!(csv.lines().count(), 4);
    let on = day(10);
    let row = format!(r#""PyPI","demo-web","2.6","current","'=1+1, ""x""","team","low","none","{on}","K","#);
    assert!(csv.contains(&row), "{csv}");
    assert_eq!(r.dayfly(&["deps", "list", "--output", "json"]).json()[1]["problems"][0]["fails"], json!(true));
    r.dayfly(&["schema", "--kind", "dependencies"]).code(0).says("DependencyRegister");
    r.dayfly(&["validate", "dependencies.yaml"]).code(0).says("a register with 1 entry");
}

/// Where dayfly's own sources are.
const OWN: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn dayflys_own_register_has_a_whole_entry_for_each_explicit_dependency() {
    let r = Repository::bare();
    let list = r.dayfly(&["deps", "list", OWN, "--output", "json"]).code(0).json();
    let rows = list.as_array().unwrap();
    // An assessment that became too old is for `make audit`: an old checkout must not fail its tests.
    let faults: Vec<_> =
        rows.iter().filter(|r| !["current", "due", "stale"].contains(&r["state"].as_str().unwrap())).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    // The register is about what the manifests say, read here by another reader.
    let cargo: Value = toml::from_str(&fs::read_to_string(format!("{OWN}/Cargo.toml")).unwrap()).unwrap();
    for table in ["dependencies", "dev-dependencies"] {
        for (key, of) in cargo[table].as_object().unwrap().iter().filter(|(key, _)| *key != "dayfly") {
            let name = of["package"].as_str().unwrap_or(key);
            assert!(rows.iter().any(|r| r["ecosystem"] == "crates.io" && r["name"] == name), "{name}");
        }
    }
    let python = fs::read_to_string(format!("{OWN}/tests/verifiers/requirements.txt")).unwrap();
    assert!(python.contains("securesystemslib==") && rows.iter().any(|r| r["name"] == "securesystemslib"));
}
