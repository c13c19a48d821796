//! The examples of the documentation: every YAML block is a description, or a part of one, that `dayfly validate` accepts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Map, Value};
use support::{User, repository};

/// The YAML blocks of a page, with their lines.
fn blocks(page: &str) -> Vec<(usize, String)> {
    let text = fs::read_to_string(repository().join("docs").join(page)).unwrap();
    let mut found = vec![];
    let mut open: Option<(usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        match &mut open {
            None if line == "```yaml" => open = Some((number + 2, String::new())),
            None => {}
            Some(_) if line == "```" => found.extend(open.take()),
            Some((_, block)) => block.extend([line, "\n"]),
        }
    }
    assert!(open.is_none(), "{page}: a block does not end");
    found
}

/// A part of a description together with what it is a part of: its own names count.
fn merged(whole: &Value, part: &Value) -> Value {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            let mut all = whole.clone();
            for (key, value) in part {
                let value = if matches!(
                    key.as_str(),
                    "services"
                        | "jobs"
                        | "databases"
                        | "redis"
                        | "s3"
                        | "suites"
                        | "secrets"
                        | "values"
                        | "vhosts"
                        | "users"
                ) {
                    merged_by_name(whole.get(key), value)
                } else {
                    value.clone()
                };
                all.insert(key.clone(), value);
            }
            Value::Object(all)
        }
        _ => part.clone(),
    }
}

fn merged_by_name(whole: Option<&Value>, part: &Value) -> Value {
    let mut all = whole.and_then(Value::as_object).cloned().unwrap_or_else(Map::new);
    for (name, value) in part.as_object().unwrap() {
        let known = all.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let value = match value.as_object() {
            Some(own) => Value::Object(known.into_iter().chain(own.clone()).collect()),
            None => value.clone(),
        };
        all.insert(name.clone(), value);
    }
    Value::Object(all)
}

/// Every key of mappings, at any depth.
fn keys(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| {
            into.insert(key.clone());
            keys(value, into);
        }),
        Value::Array(items) => items.iter().for_each(|item| keys(item, into)),
        _ => {}
    }
}

/// Every key that a schema names.
fn properties(schema: &Value, into: &mut BTreeSet<String>) {
    match schema {
        Value::Object(entries) => entries.iter().for_each(|(key, value)| match (key.as_str(), value.as_object()) {
            // A key may itself be called `properties`.
            ("properties", Some(named)) => named.iter().for_each(|(name, schema)| {
                into.insert(name.clone());
                properties(schema, into);
            }),
            _ => properties(value, into),
        }),
        Value::Array(items) => items.iter().for_each(|item| properties(item, into)),
        _ => {}
    }
}

#[test]
fn every_example_validates_and_every_key_has_one() {
    let user = User::new();
    let policy = repository().join("tests/fixtures/policy.yaml");
    let shared = "kind: acceptance\nneeds: [api]\ncases: [ { id: A1, name: it answers, steps: [ http: { url: 'http://api:8080/' } ] } ]\n";
    fs::write(user.folder.path().join("shared.yaml"), shared).unwrap();
    let mut shown = BTreeSet::new();
    for page in ["suites.md", "description.md", "first-steps.md"] {
        let mut whole = Value::Null;
        for (line, block) in blocks(page) {
            let part: Value = serde_yaml::from_str(&block).unwrap_or_else(|e| panic!("docs/{page}:{line}: {e}"));
            // A whole description is what the later parts of its page belong to.
            let description = if part.get("kind").is_some() {
                whole = part.clone();
                part.clone()
            } else {
                assert!(!whole.is_null(), "docs/{page}:{line}: no whole description stands before this part");
                merged(&whole, &part)
            };
            fs::write(user.folder.path().join("example.yaml"), description.to_string()).unwrap();
            for file in ["schema.sql", "api.toml", "kettle.png", "requirements.txt", "package-lock.json"] {
                fs::write(user.folder.path().join(file), "SELECT 1;\n").unwrap();
            }
            fs::write(user.folder.path().join("visit.yaml"), "- http: { url: 'http://api:8080/' }\n").unwrap();
            let ended = user.dayfly(&["validate", "example.yaml", "--policy", policy.to_str().unwrap()]);
            assert_eq!(ended.code, 0, "docs/{page}:{line}\n{block}\n{}", ended.err);
            keys(&part, &mut shown);
        }
    }
    let mut known = BTreeSet::new();
    properties(&user.dayfly(&["schema"]).code(0).json(), &mut known);
    let missing: Vec<_> = known.difference(&shown).collect();
    assert!(known.len() > 100 && missing.is_empty(), "keys without an example in docs/: {missing:?}");
}

/// The first ten minutes, word for word, as far as they need no engine.
#[test]
fn the_first_ten_minutes_can_be_typed() {
    let user = User::new();
    let text = fs::read_to_string(repository().join("docs/first-steps.md")).unwrap();
    let shell = |heading: &str| {
        let (_, section) = text.split_once(heading).unwrap();
        section.split_once("```sh\n").unwrap().1.split_once("```").unwrap().0.to_owned()
    };
    let run = |script: &str, folder: &str| {
        let bin = std::path::Path::new(support::DAYFLY).parent().unwrap().to_owned();
        let path = std::env::join_paths([bin, "/usr/local/bin".into(), "/usr/bin".into(), "/bin".into()]).unwrap();
        let mut command = std::process::Command::new("sh");
        command.args(["-euc", script]).current_dir(user.folder.path().join(folder)).env_clear();
        command.env("PATH", path).env("HOME", user.folder.path()).stdin(std::process::Stdio::null());
        let done = command.output().unwrap();
        assert!(done.status.success(), "{script}\n{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap()
    };
    let told = run(&shell("## 1. Begin"), ".");
    assert!(told.contains("wrote environment.yaml") && told.contains("next:"), "{told}");
    let checks = shell("## 2. Check it");
    assert!(run(&checks, "shop").contains("environment.yaml is valid"));
    let description = text.split_once("```yaml\n").unwrap().1.split_once("```").unwrap().0;
    fs::write(user.folder.path().join("shop/environment.yaml"), description).unwrap();
    let told = run(&checks, "shop");
    assert!(told.contains("environment.yaml is valid: 2 services, 0 databases, 2 suites"), "{told}");
    let commit = shell("## 4. Run it as CI does").lines().take(3).collect::<Vec<_>>().join("\n");
    let told = run(&format!("{commit}\ndayfly config"), "shop");
    assert!(told.contains("git\n") && told.contains("default (your own key)"), "{told}");
}
