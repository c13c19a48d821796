#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::lockfiles::{self, LockKind};
use crate::packages::{Ecosystem, Place, SourcePackage};

const LOCK: &str = r#"version = 4
[[package]]
name = "own"
version = "0.1.0"
dependencies = ["a"]

[[package]]
name = "a"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "abababababababababababababababababababababababababababababababab"
dependencies = ["b 2.0.0", "c"]

[[package]]
name = "b"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"

[[package]]
name = "b"
version = "2.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"

[[package]]
name = "c"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
dependencies = ["a"]
"#;

fn lock(name: &str, kind: LockKind, text: &str) -> Target {
    let lock = lockfiles::parse(name, kind, text.as_bytes()).unwrap();
    let digest = lock.digest.map(|d| d.to_string());
    Target { kind: TargetKind::LockFile, name: lock.path, digest, packages: lock.packages, gaps: lock.gaps }
}

fn image(packages: Vec<Package>) -> Target {
    let digest = Some(format!("sha256:{}", "5e".repeat(32)));
    Target { kind: TargetKind::Image, name: "shop/web:1".into(), digest, packages, gaps: vec![] }
}

fn package(ecosystem: &str, name: &str, version: &str, file: &str) -> Package {
    Package::new(ecosystem.parse().unwrap(), name, version, Place { file: file.into(), line: None }).unwrap()
}

fn json_of(sbom: &Sbom) -> Value {
    serde_json::from_str(&sbom.text).unwrap()
}

/// `a → b, c` for each package that needs others.
fn edges(document: &Value) -> Vec<String> {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let all = document["dependencies"].as_array().unwrap().iter();
    let needs = all.filter_map(|d| Some((d, d["dependsOn"].as_array()?)));
    needs
        .map(|(d, to)| format!("{} → {}", text(&d["ref"]), to.iter().map(text).collect::<Vec<_>>().join(", ")))
        .collect()
}

#[test]
fn lists_what_a_lock_file_names_and_what_needs_what() {
    let document = json_of(&of_target(&lock("app/Cargo.lock", LockKind::Cargo, LOCK), 99, Timestamp::UNIX_EPOCH));
    assert_eq!(document["metadata"]["timestamp"], "1970-01-01T00:00:00Z");
    assert_eq!(document["metadata"]["component"]["type"], "file");
    let components = document["components"].as_array().unwrap();
    assert_eq!(
        components.iter().map(|c| c["purl"].as_str().unwrap()).collect::<Vec<_>>(),
        ["pkg:cargo/a@1.0.0", "pkg:cargo/b@1.0.0", "pkg:cargo/b@2.0.0", "pkg:cargo/c@1.0.0"]
    );
    assert_eq!(components[0]["hashes"], json!([{"alg": "SHA-256", "content": "ab".repeat(32)}]));
    assert_eq!(components[0]["evidence"]["occurrences"], json!([{"location": "app/Cargo.lock", "line": 8}]));
    assert_eq!(
        edges(&document),
        [
            "file/app%2FCargo.lock → pkg:cargo/a@1.0.0",
            "pkg:cargo/a@1.0.0 → pkg:cargo/b@2.0.0, pkg:cargo/c@1.0.0",
            "pkg:cargo/c@1.0.0 → pkg:cargo/a@1.0.0",
        ]
    );
}

#[test]
fn every_kind_of_lock_file_says_what_needs_what() {
    let python = ["pkg:pypi/a@1 → pkg:pypi/b@2"];
    let npm = ["pkg:npm/%40s/a@1.0.0 → pkg:npm/b@2.0.0", "pkg:npm/b@1.0.0 → pkg:npm/b@2.0.0"];
    for (name, kind, text, expected) in [
        ("requirements.txt", LockKind::Requirements, "A==1\nb==2\n    # via a\n", &python[..]),
        (
            "poetry.lock",
            LockKind::Poetry,
            "[[package]]\nname = \"a\"\nversion = \"1\"\n[package.dependencies]\nB = \"*\"\n[[package]]\nname = \"b\"\nversion = \"2\"\n",
            &python,
        ),
        (
            "uv.lock",
            LockKind::Uv,
            "version = 1\n[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { registry = \"x\" }\ndependencies = [{ name = \"b\", version = \"2\" }]\n[[package]]\nname = \"b\"\nversion = \"2\"\nsource = { registry = \"x\" }\n[[package]]\nname = \"b\"\nversion = \"3\"\nsource = { registry = \"x\" }\n",
            &python,
        ),
        (
            "pylock.toml",
            LockKind::Pylock,
            "lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\nversion = \"1\"\ndependencies = [{ name = \"b\" }]\n[[packages]]\nname = \"b\"\nversion = \"2\"\n",
            &python,
        ),
        (
            "package-lock.json",
            LockKind::Npm,
            r#"{"lockfileVersion":3,"packages":{"":{"dependencies":{"@s/a":"1"}},"node_modules/@s/a":{"version":"1.0.0","dependencies":{"b":"2"}},"node_modules/b":{"version":"1.0.0","dependencies":{"x":"2"}},"node_modules/x":{"name":"b","version":"2.0.0"},"node_modules/@s/a/node_modules/b":{"version":"2.0.0"}}}"#,
            &npm,
        ),
    ] {
        let document = json_of(&of_target(&lock(name, kind, text), 99, Timestamp::UNIX_EPOCH));
        let found = edges(&document);
        let of_packages: Vec<_> = found.iter().filter(|e| !e.starts_with("file/")).collect();
        assert_eq!(of_packages, expected.iter().collect::<Vec<_>>(), "{name}: {found:?}");
    }
}

#[test]
fn the_same_content_has_the_same_serial_number_in_any_order_and_at_any_time() {
    let packages = || {
        vec![package("PyPI", "a", "1", "i:/a"), package("npm", "@s/b", "2", "i:/b"), package("PyPI", "a", "1", "i:/c")]
    };
    let first = of_target(&image(packages()), 99, Timestamp::UNIX_EPOCH);
    let turned = of_target(&image(packages().into_iter().rev().collect()), 99, Timestamp::UNIX_EPOCH);
    assert_eq!(first, turned);
    let later = of_target(&image(packages()), 99, Timestamp::from_second(1).unwrap());
    assert_eq!(first.serial, later.serial);
    assert_ne!(first.text, later.text);
    let other = of_target(&image(packages().into_iter().skip(1).collect()), 99, Timestamp::UNIX_EPOCH);
    assert_ne!(first.serial, other.serial);
    let document = json_of(&first);
    assert_eq!(document["serialNumber"], first.serial);
    assert_eq!(document["components"].as_array().unwrap().len(), 2, "each version once");
    assert_eq!((&document["components"][0]["group"], &document["components"][0]["name"]), (&json!("@s"), &json!("b")));
    assert_eq!(document["components"][1]["evidence"]["occurrences"].as_array().unwrap().len(), 2);
}

#[test]
fn hashes_are_those_of_one_file_or_of_files_by_name() {
    let files = "a==1 --hash=sha256:1111111111111111111111111111111111111111111111111111111111111111 --hash=sha256:2222222222222222222222222222222222222222222222222222222222222222\n";
    let document =
        json_of(&of_target(&lock("requirements.txt", LockKind::Requirements, files), 9, Timestamp::UNIX_EPOCH));
    let component = &document["components"][0];
    assert_eq!(component["hashes"], Value::Null);
    let named = component["properties"].as_array().unwrap().iter().filter(|p| p["name"] == "dayfly:file-hash");
    assert_eq!(named.count(), 2);
    let go = "x.example/m v1.0.0 h1:C+7Hteo/D9vJXQ3UfzxbwnXaijM=\n";
    let document = json_of(&of_target(&lock("go.sum", LockKind::GoSum, go), 9, Timestamp::UNIX_EPOCH));
    assert_eq!(document["components"][0]["hashes"], Value::Null, "the hash of a folder is none of a file");
}

#[test]
fn a_package_of_a_distribution_is_there_once_with_its_source() {
    let mut binary = package("Debian:12", "libssl3", "3.0.11-1", "i:/var/lib/dpkg/status");
    let plain = binary.clone();
    binary.source = Some(SourcePackage { name: "openssl".into(), version: "3.0.11-1".into() });
    let document = json_of(&of_target(&image(vec![plain, binary]), 99, Timestamp::UNIX_EPOCH));
    let [component] = document["components"].as_array().unwrap().as_slice() else { unreachable!("{document:#}") };
    assert_eq!(component["purl"], "pkg:deb/debian/libssl3@3.0.11-1?distro=debian-12");
    assert!(
        component["properties"]
            .as_array()
            .unwrap()
            .contains(&json!({"name": "dayfly:source", "value": "openssl@3.0.11-1"}))
    );
}

#[test]
fn what_is_missing_is_named_and_makes_the_list_incomplete() {
    let mut target = image(vec![package("PyPI", "a", "1", "i:/a"), package("PyPI", "b", "1", "i:/b")]);
    let composition = |t: &Target, most| {
        let document = json_of(&of_target(t, most, Timestamp::UNIX_EPOCH));
        let gaps = document["metadata"]["properties"].as_array().map_or(0, Vec::len);
        (document["compositions"][0]["aggregate"].clone(), gaps, document["components"].as_array().unwrap().len())
    };
    assert_eq!(composition(&target, 2), (json!("unknown"), 0, 2));
    assert_eq!(composition(&target, 1), (json!("incomplete"), 1, 1));
    let gap =
        |n: usize| Gap { place: Place { file: format!("i:/{n}"), line: None }, reason: "\u{1b}[2J\n::error::".into() };
    target.gaps = (0..300).map(gap).collect();
    assert_eq!(composition(&target, 2), (json!("incomplete"), 201, 2));
    let text = of_target(&target, 2, Timestamp::UNIX_EPOCH).text;
    assert!(!text.contains("\\u001b") && !text.contains("\\n"), "each value is one line");
}

#[test]
fn an_environment_names_the_documents_of_its_parts() {
    let (web, file) = (image(vec![package("PyPI", "a", "1", "i:/a")]), lock("Cargo.lock", LockKind::Cargo, LOCK));
    let of_web = of_target(&web, 9, Timestamp::UNIX_EPOCH);
    let link = Link { serial: of_web.serial.clone(), sha256: "cd".repeat(32) };
    let whole = environment("shop-pr-1", &[(&web, Some(link)), (&file, None)], 99, Timestamp::UNIX_EPOCH);
    let document = json_of(&whole);
    assert_eq!(document["metadata"]["component"]["name"], "shop-pr-1");
    let part = &document["components"].as_array().unwrap().iter().find(|c| c["type"] == "container").unwrap();
    let url = part["externalReferences"][0]["url"].as_str().unwrap();
    assert_eq!(url, format!("urn:cdx:{}/1", of_web.serial.trim_start_matches("urn:uuid:")));
    let references: BTreeSet<&str> =
        document["components"].as_array().unwrap().iter().map(|c| c["bom-ref"].as_str().unwrap()).collect();
    assert_eq!(references.len(), 2 + 1 + 4);
    let root = edges(&document).into_iter().find(|e| e.starts_with("application/shop-pr-1 ")).unwrap();
    assert!(root.contains("file/Cargo.lock, image/shop%2Fweb:1@sha256:5e"), "{root}");
}

#[test]
fn names_that_could_be_taken_for_others_are_encoded() {
    let purl = |ecosystem: Ecosystem, name: &str| {
        Package::new(ecosystem, name, "1?x#y@z", Place { file: "x".into(), line: None }).unwrap().purl().unwrap()
    };
    assert_eq!(purl(Ecosystem::pypi(), "a/b@2?c=d#e"), "pkg:pypi/a%2Fb%402%3Fc%3Dd%23e@1%3Fx%23y%40z");
    assert_eq!(purl(Ecosystem::npm(), "@s/../b"), "pkg:npm/%40s%2F..%2Fb@1%3Fx%23y%40z");
    assert_eq!(purl(Ecosystem::go(), "x//y"), "pkg:golang/x%2F%2Fy@1%3Fx%23y%40z");
}
