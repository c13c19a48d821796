//! Suites of kind `dependencies`, for the stories of both engines.

use std::fs;
use std::path::Path;
use std::process::Command;

use dayfly::testing::{Requirement, skip};
use serde_json::{Value, json};

use super::{Ended, User};

#[path = "../dependencies/database.rs"]
pub mod database;

use database::{archive, python, record, with};

/// The files of an image with one Python package that has a known vulnerability; `base` is Debian's.
pub fn writes_image(folder: &Path, base: &str, version: &str) {
    fs::create_dir_all(folder.join("demo_web.dist-info")).unwrap();
    // Another name tries to speak to the CI system.
    let metadata = |name: &str| format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n");
    fs::write(folder.join("demo_web.dist-info/METADATA"), metadata("demo-web")).unwrap();
    fs::create_dir_all(folder.join("odd.dist-info")).unwrap();
    fs::write(folder.join("odd.dist-info/METADATA"), metadata("::error::demo-odd")).unwrap();
    let made = format!(
        "FROM {base}\nCOPY demo_web.dist-info /opt/demo/demo_web.dist-info\nCOPY odd.dist-info /opt/demo/odd.dist-info\n"
    );
    fs::write(folder.join("Dockerfile"), made).unwrap();
}

fn imports(user: &User, out: &str, sources: &[&str], snapshot: &str) {
    let fixed = ["advisories", "import", "--out", out, "--key", "key.pem", "--snapshot", snapshot];
    user.dayfly(&[&fixed, sources].concat()).code(0);
}

/// Writes the bundle `b`, and `aged`, `lacking` and `empty`, which prove less.
pub fn writes_bundles(user: &User) {
    let at = |name: &str| user.folder.path().join(name);
    let now = jiff::Timestamp::now();
    let mut records = python();
    let hostile = json!({"summary": "reads\u{1b}[2J what\n::error::it must not"});
    records[0] = with(records[0].clone(), hostile.clone());
    records.push(with(record("PYSEC-2026-9", "PyPI", "::error::demo-odd", "0", "9"), hostile));
    archive(&at("pypi.zip"), &records);
    archive(&at("debian.zip"), &[record("DEBIAN-CVE-2026-9", "Debian:12", "no-such-package", "0", "1")]);
    let date = |days: i64| {
        let at = now.checked_sub(jiff::SignedDuration::from_hours(24 * days)).unwrap();
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    // Numbers of bundles grow, and a scan takes no lower one: the one that must be taken comes last.
    imports(user, "aged", &["pypi.zip", "debian.zip"], &date(30));
    imports(user, "lacking", &["pypi.zip"], &date(0));
    imports(user, "b", &["pypi.zip", "debian.zip"], &date(0));
    fs::write(at("empty"), "").unwrap();
}

/// Services `web` of this image and `other` of that, and scans of all, of `other` alone, and of a lock file.
pub fn describes(user: &User, name: &str, web: &str, other: &str) -> String {
    fs::write(user.folder.path().join("requirements.txt"), "demo-web==2.1\n    # via demo-app\ndemo-app==1.0\n")
        .unwrap();
    let server = "command: [python3, -m, http.server, '8080', --directory, /tmp], port: 8080";
    let rest = format!(
        "services:
  web: {{ image: '{web}', {server} }}
  other: {{ image: '{other}', {server} }}
suites:
  deps: {{ kind: dependencies }}
  lock: {{ kind: dependencies, scan: {{ images: [], lockfiles: [requirements.txt] }} }}
  other-image: {{ kind: dependencies, parallel: true, scan: {{ images: [other] }} }}
"
    );
    user.describes(name, &rest)
}

/// The flags that name the advisories.
pub const ADVISORIES: [&str; 4] = ["--advisories", "b", "--advisories-key", "key.pem.pub"];

/// Writes `waivers.yaml` with these entries.
fn writes_waivers(user: &User, entries: &[&str]) {
    let head = "apiVersion: dayfly.dev/v1alpha1\nkind: DependencyWaivers\nwaivers:\n";
    let entries: String = entries.iter().map(|entry| format!("  - {entry}\n")).collect();
    fs::write(user.folder.path().join("waivers.yaml"), head.to_owned() + &entries).unwrap();
}

/// Nothing of the hostile texts reaches a terminal or a CI system as a command.
#[track_caller]
fn is_harmless(text: &str) {
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert!(!text.lines().any(|line| line.trim_start().starts_with("::error")), "{text}");
}

/// A run whose images and lock file have vulnerable packages fails, and every view and the evidence say what was found and what
/// was looked at. `digest` is that of the image of `web`, where it is known. The environment stays.
#[track_caller]
pub fn fails(user: &User, name: &str, file: &str, more: &[&str]) -> Value {
    let environment = format!("{name}-pr-1");
    let waived =
        "{ id: GHSA-dddd-eeee-ffff, package: demo-web, reason: not reachable, approver: K, expires: 2999-01-31 }";
    let ended = "{ id: PYSEC-2026-1, package: demo-web, reason: next week, approver: K, expires: 2020-01-31 }";
    writes_waivers(user, &[waived, ended]);
    let flags = [&["--keep", "always", "--waivers", "waivers.yaml"], &ADVISORIES[..], more].concat();
    let run = user.runs(file, "1", &flags).code(6);
    let run = run.says("demo-web 2.1 (PyPI), brought by demo-app").says("fixed in 2.4; 2.6 fixes everything");
    let run = run.says("Debian:12 ").says("1 advisory of ");
    let run = run.says("the waiver of PYSEC-2026-1 for demo-web ended on 2020-01-31").says("finding(s) waived");
    is_harmless(&format!("{}{}", run.out, run.err));
    let report = user.report(&environment);
    let suite = |name: &str| report["suites"].as_array().unwrap().iter().find(|s| s["name"] == name).unwrap().clone();
    let verdicts = ["deps", "lock", "other-image"].map(|name| suite(name)["verdict"].clone());
    assert_eq!(verdicts, ["failed", "failed", "passed"], "{report:#}");
    let deps = suite("deps");
    let cases: Vec<_> = deps["cases"].as_array().unwrap().iter().map(|c| (&c["id"], &c["verdict"])).collect();
    assert_eq!(cases, [(&"other".into(), &"passed".into()), (&"web".into(), &"failed".into())].to_vec());
    let scan = &deps["scans"][1];
    assert_eq!(scan["subject"]["usedBy"], json!(["web"]));
    let unit = report["units"].as_array().unwrap().iter().find(|u| u["name"] == "web").unwrap();
    assert_eq!(scan["subject"]["digest"], unit["runningDigest"], "the image that runs");
    let finding = scan["result"]["findings"].as_array().unwrap().iter().find(|f| f["id"] == "PYSEC-2026-1").unwrap();
    assert_eq!((&finding["severity"], &finding["fixesEverything"]), (&"critical".into(), &"2.6".into()));
    assert!(finding["places"][0]["file"].as_str().unwrap().ends_with(":/opt/demo/demo_web.dist-info/METADATA"));
    let coverage = scan["result"]["coverage"].as_array().unwrap();
    let looked: Vec<_> =
        coverage.iter().map(|c| (c["ecosystem"].as_str().unwrap(), c["packages"].as_u64().unwrap())).collect();
    assert!(matches!(looked.as_slice(), [("Debian:12", 50..), ("PyPI", 2)]), "{looked:?}");
    let database = &scan["result"]["database"];
    assert!(database["digest"].as_str().unwrap().starts_with("sha256:") && database["verifiedBy"].is_string());
    let lock = suite("lock");
    let source = lock["cases"][0]["failures"][0]["source"].as_str().unwrap();
    assert!(source.ends_with("requirements.txt:1"), "{source}");
    let folder = user.evidence(&environment);
    let folder = folder.to_str().unwrap();
    for format in ["text", "markdown", "junit", "html", "json"] {
        // Markdown escapes what could be markup.
        let view = user.dayfly(&["report", folder, "--format", format]).code(0).out.replace('\\', "");
        assert!(view.contains("PYSEC-2026-1"), "{format}: {view}");
        assert!(view.contains("Debian:12"), "{format}: {view}");
        assert!(!view.contains('\u{1b}'), "{format}: {view:?}");
    }
    are_signed(user, folder, &report);
    are_listed(user, folder, &deps);
    user.dayfly(&["verify", folder, "--key", "key.pem.pub", "--require-kind", "dependencies"]).code(0).says("FAILED");
    user.dayfly(&["verify", folder, "--key", "key.pem.pub", "--require-suite", "deps"]).code(10);
    report
}

/// Each scan has a statement of its own about the image by its digest, which the run's statement binds.
#[track_caller]
fn are_signed(user: &User, folder: &str, report: &Value) {
    let verified = user.dayfly(&["verify", folder, "--key", "key.pem.pub", "--output", "json"]).code(0).json();
    let scans = verified["scans"].as_array().unwrap();
    let named: Vec<_> =
        scans.iter().map(|s| (&s["scan"]["suite"], &s["scan"]["case"], &s["scan"]["verdict"])).collect();
    let expected = [
        ("other-image", "other", "passed"),
        ("deps", "other", "passed"),
        ("deps", "web", "failed"),
        ("lock", "requirements.txt", "failed"),
    ];
    let expected = expected.map(|(suite, case, verdict)| (suite.into(), case.into(), verdict.into()));
    assert_eq!(named, expected.iter().map(|(s, c, v): &(Value, Value, Value)| (s, c, v)).collect::<Vec<_>>());
    let file = Path::new(folder).join("vulns-deps-2.sigstore.json");
    let path = file.to_str().unwrap();
    let unit = report["units"].as_array().unwrap().iter().find(|u| u["name"] == "web").unwrap();
    let digest = unit["runningDigest"].as_str().unwrap();
    let alone = ["verify", path, "--key", "key.pem.pub", "--image-digest", digest, "--commit", super::COMMIT];
    let alone = user.dayfly(&[&alone[..], &["--output", "json"]].concat()).code(0).json();
    let (scanner, times) = (&alone["scan"]["scanner"], &alone["scan"]["metadata"]);
    assert!(times["scanStartedOn"].is_string() && times["scanFinishedOn"].is_string(), "{alone:#}");
    assert!(
        scanner["uri"].is_string()
            && scanner["db"]["lastUpdate"].is_string()
            && scanner["db"]["verifiedBy"].is_string()
    );
    let found = scanner["result"].as_array().unwrap().iter().find(|r| r["id"] == "PYSEC-2026-1").unwrap();
    assert_eq!(
        found["severity"],
        json!([{ "method": "rating", "score": "critical" }, { "method": "cvss", "score": "9.8" }])
    );
    assert_eq!(found["annotations"]["package"], "pkg:pypi/demo-web@2.1");
    assert_eq!((&found["annotations"]["refused"], &found["annotations"]["waiver"]), (&true.into(), &Value::Null));
    let waived = scanner["result"].as_array().unwrap().iter().find(|r| r["id"] == "GHSA-dddd-eeee-ffff").unwrap();
    let (refused, waiver) = (&waived["annotations"]["refused"], &waived["annotations"]["waiver"]);
    assert_eq!((refused, &waiver["approver"], &waiver["expires"]), (&false.into(), &"K".into(), &"2999-01-31".into()));
    // None of them can be exchanged, changed or left out.
    let whole = fs::read(&file).unwrap();
    let refused = |why: &str| user.dayfly(&["verify", folder, "--key", "key.pem.pub"]).code(10).says(why);
    fs::copy(Path::new(folder).join("vulns-deps-1.sigstore.json"), &file).unwrap();
    refused("vulns-deps-2.sigstore.json");
    fs::write(&file, String::from_utf8_lossy(&whole).replace("\"payload\":\"e", "\"payload\":\"f")).unwrap();
    refused("vulns-deps-2.sigstore.json");
    fs::remove_file(&file).unwrap();
    refused("vulns-deps-2.sigstore.json");
    fs::write(&file, &whole).unwrap();
    let extra = Path::new(folder).join("vulns-deps-9.sigstore.json");
    fs::write(&extra, &whole).unwrap();
    refused("vulns-deps-9.sigstore.json");
    fs::remove_file(&extra).unwrap();
}

/// Each scan has an SBOM beside the report, and the suite has one of all; `verify` knows them, and so does CycloneDX's own library.
#[track_caller]
fn are_listed(user: &User, folder: &str, deps: &Value) {
    let raw: Vec<&Value> =
        deps["raw"].as_array().unwrap().iter().filter(|r| r["name"].as_str().unwrap().starts_with("sbom")).collect();
    let names: Vec<_> = raw.iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["sbom-1.cdx.json", "sbom-2.cdx.json", "sbom.cdx.json"]);
    let paths: Vec<_> = raw.iter().map(|r| Path::new(folder).join(r["path"].as_str().unwrap())).collect();
    let documents: Vec<Value> = paths.iter().map(|p| serde_json::from_slice(&fs::read(p).unwrap()).unwrap()).collect();
    let has =
        |document: &Value, purl: &str| document["components"].as_array().unwrap().iter().any(|c| c["purl"] == purl);
    let demo = "pkg:pypi/demo-web@2.1";
    assert_eq!(documents.iter().map(|d| has(d, demo)).collect::<Vec<_>>(), [false, true, true]);
    assert!(has(&documents[1], "pkg:pypi/::error::demo-odd@2.1"), "{:#}", documents[1]);
    let scan = &deps["scans"][1];
    assert_eq!(scan["sbom"], raw[1]["sha256"]);
    let subject = &documents[1]["metadata"]["component"];
    assert_eq!((&subject["type"], &subject["version"]), (&json!("container"), &scan["subject"]["digest"]));
    // The whole names the parts, by serial number and digest of the file.
    let whole = documents[2]["components"].as_array().unwrap().iter();
    let parts: Vec<&Value> = whole
        .filter(|c| c["type"] == "container")
        .map(|c| &c["externalReferences"][0]["hashes"][0]["content"])
        .collect();
    assert_eq!(parts.len(), 2);
    assert!(parts.iter().all(|sha256| raw[..2].iter().any(|r| r["sha256"] == **sha256)), "{parts:?}");
    let paths: Vec<_> = paths.iter().map(|p| p.to_str().unwrap()).collect();
    validates(&paths);
    // An SBOM cannot be exchanged.
    let of_web = Path::new(folder).join("raw").join(raw[1]["sha256"].as_str().unwrap());
    let before = fs::read(&of_web).unwrap();
    fs::write(&of_web, String::from_utf8_lossy(&before).replace("demo-web", "demo-wob")).unwrap();
    user.dayfly(&["verify", folder, "--key", "key.pem.pub"]).code(10).says(raw[1]["sha256"].as_str().unwrap());
    fs::write(&of_web, &before).unwrap();
}

/// Documents of CycloneDX that its own library accepts, with package URLs that another reader takes for the same packages.
#[track_caller]
pub fn validates(files: &[&str]) {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verifiers/venv/bin/python");
    if !python.exists() {
        return skip(Requirement::Verifiers, "cyclonedx-python-lib is missing; run tests/verifiers/setup");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers/sbom.py");
    let done = Command::new(python).arg(script).args(files).output().unwrap();
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

/// Whatever a bundle lacks, no image passes.
#[track_caller]
pub fn images_never_pass_without_advisories(user: &User, environment: &str) {
    let tests = |more: &[&str]| -> Ended { user.dayfly(&[&["test", environment], more].concat()) };
    let other = |more: &[&str]| tests(&[&["--suite", "other-image"], more].concat());
    other(&ADVISORIES).code(0).says("PASSED");
    other(&[]).code(7).says("there are no advisories");
    other(&["--advisories", "lacking"]).code(7).says("the advisories have none of Debian:12");
    // Known vulnerabilities fail also where not everything could be looked up.
    tests(&["--suite", "deps", "--advisories", "lacking"]).code(6).says("none of Debian:12");
    user.dayfly(&["test", environment, "--list"]).code(0).says("a case for each image and lock file");
}

/// Whatever a bundle lacks, no lock file passes; what the policy accepts, does. A lock file is read in no time, and what is wrong
/// with advisories is the same for images.
#[track_caller]
pub fn lock_files_never_pass_without_advisories(user: &User, environment: &str) {
    let tests = |more: &[&str]| -> Ended { user.dayfly(&[&["test", environment], more].concat()) };
    let lock = |more: &[&str]| tests(&[&["--suite", "lock"], more].concat());
    lock(&ADVISORIES).code(7).says("name the folder of the description with --lockfiles");
    lock(&[&ADVISORIES[..], &["--lockfiles", "."]].concat()).code(6).says("PYSEC-2026-1");
    let policy = |name: &str, rest: &str| {
        let head = "apiVersion: dayfly.dev/v1alpha1\nkind: Policy\ndefault: { dependencies: ";
        fs::write(user.folder.path().join(name), format!("{head}{{ {rest} }} }}\n")).unwrap();
    };
    policy("signed.yaml", "signed: true");
    fs::write(user.folder.path().join("requirements.txt"), "demo-web==2.6\n").unwrap();
    let harmless = |more: &[&str]| lock(&[&["--lockfiles", "."], more].concat());
    harmless(&ADVISORIES).code(0).says("PASSED");
    harmless(&[]).code(7).says("there are no advisories");
    for (bundle, why) in [
        ("gone", "No such file"),
        ("empty", "this is not a bundle of dayfly"),
        ("aged", "30 days old; the policy allows 7 days"),
    ] {
        harmless(&["--advisories", bundle]).code(7).says(why);
    }
    harmless(&["--policy", "signed.yaml", "--advisories", "b"]).code(7).says("the policy wants signed advisories");
    fs::write(user.folder.path().join("requirements.txt"), "demo-web==2.6\ndemo-db==1.2\n").unwrap();
    policy("accepts.yaml", "unknownSeverity: pass");
    let both = [&ADVISORIES[..], &["--lockfiles", "."]].concat();
    lock(&both).code(6).says("PYSEC-2026-2");
    writes_waivers(user, &["{ id: PYSEC-2026-2, package: demo-db, reason: x, approver: K, expires: 2999-01-31 }"]);
    let waiving = [&both[..], &["--waivers", "waivers.yaml"]].concat();
    lock(&waiving).code(0).says("1 finding(s) waived");
    // In a CI job, the author of the change may have written it.
    let mut job = user.command(&[&["test", environment, "--suite", "lock"], &waiving[..]].concat());
    super::ended({
        job.env("CI", "true");
        job
    })
    .code(2)
    .says("waivers.yaml lies in the repository");
    writes_waivers(user, &["{ id: PYSEC-2026-2, package: demo-db, reason: x, approver: K, expires: 2020-01-31 }"]);
    let ended = lock(&[&waiving[..], &["--policy", "accepts.yaml"]].concat()).code(6);
    ended.says("the waiver of PYSEC-2026-2 for demo-db ended on 2020-01-31");
    lock(&[&both[..], &["--policy", "accepts.yaml"]].concat()).code(0).says("1 finding(s) accepted by the policy");
    fs::write(user.folder.path().join("requirements.txt"), "# nothing\n").unwrap();
    lock(&both).code(7).says("no package was found");
}
