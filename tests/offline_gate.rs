//! The deployment gate: it allows what the evidence shows, and denies everything else with one reason for each rule.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use dayfly::evidence::{KeyKind, SigningKey, open, seal};
use dayfly::model::{SourceRef, SuiteOrigin, SuiteSource};
use dayfly::report::{Facts, exit_code};
use dayfly::tlog::Log;
use serde_json::Value;

#[path = "evidence/sample.rs"]
mod sample;

use sample::{COMMIT, IMAGE, digest, failed, key, passed, planned, raw};

/// The working folder of somebody who installs images.
struct Place {
    work: tempfile::TempDir,
}

const POLICY: &str = "apiVersion: dayfly.dev/v1alpha1\nkind: GatePolicy\nkeys: [run.pub]\n";

impl Place {
    fn new() -> Self {
        let place = Self { work: tempfile::tempdir().unwrap() };
        place.write("run.pub", &run_key().verifying_key().to_pem().unwrap());
        place.write("gate.yaml", POLICY);
        fs::create_dir(place.at("evidence")).unwrap();
        assert!(place.dayfly(&["key", "generate", "gate.pem"]).status.success());
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap();
    }

    fn policy(&self, more: &str) {
        self.write("gate.yaml", &format!("{POLICY}{more}"));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dayfly"));
        command.current_dir(self.work.path()).env("HOME", self.work.path()).args(arguments);
        for name in ["XDG_STATE_HOME", "DAYFLY_EVIDENCE", "DAYFLY_LOG_KEY", "DAYFLY_GATE_KEY", "DAYFLY_GATE_POLICY"] {
            command.env_remove(name);
        }
        command
    }

    fn dayfly(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Asks the gate for one image.
    fn gate(&self, image: &str, more: &[&str]) -> Output {
        self.dayfly(&[&["gate", "--policy", "gate.yaml", "--key", "gate.pem", "--image", image], more].concat())
    }

    /// Asks the gate for the images of manifests.
    fn gate_for(&self, manifests: &str) -> Output {
        let mut command = self.command(&["gate", "-", "--policy", "gate.yaml", "--dry-run"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(manifests.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn run(&self, facts: &Facts) -> PathBuf {
        self.run_in(facts, Some(&run_key()), None)
    }

    /// Seals a run as `dayfly run` does.
    fn run_in(&self, facts: &Facts, key: Option<&SigningKey>, log: Option<&Log>) -> PathBuf {
        let dir = self.at("evidence");
        open(facts, &planned(facts), key, log, &dir).unwrap();
        seal(facts, &raw(), key, log, &dir).unwrap().dir
    }

    /// Creates a log, and a policy that requires it.
    fn log(&self) -> Log {
        assert!(self.dayfly(&["key", "generate", "log.pem", "--kind", "ed25519"]).status.success());
        let create = ["log", "create", "--origin", "git.example/team", "--log-key", "log.pem", "--output", "json"];
        let made: Value = serde_json::from_slice(&self.dayfly(&create).stdout).unwrap();
        self.write("log.pub", made["publicKey"].as_str().unwrap());
        self.policy("log: { publicKey: log.pub }\n");
        let pem = fs::read_to_string(self.at("log.pem")).unwrap();
        let SigningKey::Ed25519(key) = SigningKey::from_pem(&pem, None).unwrap() else { panic!("another kind of key") };
        Log::open(&self.at("evidence/log"), *key).unwrap()
    }
}

fn run_key() -> SigningKey {
    key(KeyKind::P256, 1)
}

fn image() -> String {
    format!("registry.example/file-api@sha256:{}", digest("file-api"))
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn allowed(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(output));
    text(output)
}

/// Denied, with this rule in this state and a message with these words.
fn denied(output: &Output, state_and_rule: &str, why: &str) {
    assert_eq!(output.status.code(), Some(exit_code::REFUSED.into()), "{}", text(output));
    let text = text(output);
    let words: Vec<&str> = state_and_rule.split(' ').collect();
    let line = text
        .lines()
        .find(|line| line.split_whitespace().take(2).collect::<Vec<_>>() == [words[0], &format!("{}:", words[1])]);
    assert!(line.is_some_and(|line| line.contains(why)), "no `{state_and_rule}: … {why}` in\n{text}");
    assert!(text.contains("DENIED"), "{text}");
}

fn usage(output: &Output, why: &str) {
    assert_eq!(output.status.code(), Some(exit_code::USAGE.into()), "{}", text(output));
    assert!(text(output).contains(why), "{why:?} is not in {}", text(output));
}

/// The only folder of a decision.
fn recorded(place: &Place) -> PathBuf {
    let only = |dir: &Path| {
        let all: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].clone()
    };
    only(&only(&place.at("evidence/decisions")))
}

#[test]
fn allows_an_image_whose_latest_run_passed_and_signs_the_decision() {
    let place = Place::new();
    place.run(&passed(7));
    let text_of = allowed(&place.gate(&image(), &[]));
    assert!(
        text_of.contains("ALLOWED  registry.example/file-api@") && text_of.contains("pull request 12"),
        "{text_of}"
    );
    let folder = recorded(&place);
    let statement = folder.join("decision-1.sigstore.json");
    let verified = place.dayfly(&[
        "verify",
        statement.to_str().unwrap(),
        "--public-key",
        "gate.pem.pub",
        "--image-digest",
        &format!("sha256:{}", digest("file-api")),
    ]);
    assert!(allowed(&verified).contains("PASSED"));
    let explain = ["gate", "explain", folder.to_str().unwrap(), "--public-key"];
    let explained = allowed(&place.dayfly(&[&explain[..], &["gate.pem.pub"]].concat()));
    for line in [
        "satisfied       tested",
        "satisfied       closed",
        "not applicable  max-age",
        "policy          gate.yaml sha256:",
    ] {
        assert!(explained.contains(line), "{line:?} is not in\n{explained}");
    }
    // The key of runs is not that of the gate, and a decision is not a run.
    let refused = place.dayfly(&[&explain[..], &["run.pub"]].concat());
    assert_eq!(refused.status.code(), Some(exit_code::REFUSED.into()), "{}", text(&refused));
}

#[test]
fn signs_denials_too() {
    let place = Place::new();
    place.run(&failed(7));
    denied(&place.gate(&image(), &[]), "violated passed", "FAILED (suites: security)");
    let statement = recorded(&place).join("decision-1.sigstore.json");
    let verified = place.dayfly(&["verify", statement.to_str().unwrap(), "--public-key", "gate.pem.pub"]);
    assert!(allowed(&verified).contains("FAILED"));
    fs::rename(&statement, recorded(&place).join("decision-2.sigstore.json")).unwrap();
    fs::write(&statement, "{}").unwrap();
    let broken = place.dayfly(&["gate", "explain", recorded(&place).to_str().unwrap(), "--public-key", "gate.pem.pub"]);
    assert_eq!(broken.status.code(), Some(exit_code::REFUSED.into()), "{}", text(&broken));
}

#[test]
fn the_latest_run_of_an_image_decides() {
    let place = Place::new();
    place.run(&passed(7));
    place.run(&failed(8));
    denied(&place.gate(&image(), &[]), "violated passed", "the outcome of the latest run is FAILED");
    place.run(&passed(9));
    allowed(&place.gate(&image(), &[]));
    // Only runs of one commit count, if it is given.
    denied(
        &place.gate(&image(), &["--commit", "0000000000000000000000000000000000000000"]),
        "violated tested",
        "no run",
    );
    allowed(&place.gate(&image(), &["--commit", COMMIT]));
}

#[test]
fn denies_what_no_run_of_a_trusted_key_tested() {
    let place = Place::new();
    denied(&place.gate(&image(), &[]), "violated tested", "no run of the evidence folder");
    // Other keys, no signature, and the image of a suite, which is not under test.
    place.run_in(&passed(7), Some(&key(KeyKind::P256, 2)), None);
    place.run_in(&Facts { environment: "demo-pr-13".into(), ..passed(8) }, None, None);
    let output = place.gate(&image(), &[]);
    denied(&output, "violated tested", "no run of the evidence folder");
    assert!(
        text(&output).contains("the policy does not have the key") && text(&output).contains("unsigned"),
        "{}",
        text(&output)
    );
    place.run(&passed(9));
    denied(
        &place.gate(&format!("sha256:{}", digest("judge")), &[]),
        "violated tested",
        "no run of the evidence folder",
    );
}

#[test]
fn denies_an_image_with_evidence_that_was_changed_or_dropped() {
    let place = Place::new();
    let (first, second) = (place.run(&passed(7)), place.run(&passed(8)));
    allowed(&place.gate(&image(), &[]));
    // Raw files of an older run.
    let file = first.join("raw").join(digest(sample::JUNIT));
    fs::remove_file(&file).unwrap();
    denied(&place.gate(&image(), &[]), "indeterminate verified", "1 raw files are missing");
    fs::write(&file, "other").unwrap();
    denied(&place.gate(&image(), &[]), "violated verified", "SHA-256");
    fs::write(&file, sample::JUNIT).unwrap();
    allowed(&place.gate(&image(), &[]));
    fs::remove_file(second.join("suite-acceptance.sigstore.json")).unwrap();
    denied(&place.gate(&image(), &[]), "violated verified", "is missing");
    denied(&place.gate(&image(), &[]), "indeterminate passed", "refused");
}

#[test]
fn a_newer_run_without_a_result_denies() {
    let place = Place::new();
    place.run(&passed(7));
    let newer = passed(8);
    open(&newer, &planned(&newer), Some(&run_key()), None, &place.at("evidence")).unwrap();
    denied(&place.gate(&image(), &[]), "indeterminate closed", "has no result");
    // One of another commit does not concern it, and neither does one that began earlier.
    place.run(&passed(9));
    allowed(&place.gate(&image(), &[]));
}

#[test]
fn each_requirement_denies_by_itself() {
    let base = |mut facts: Facts| {
        let source_ref = SourceRef {
            from: SuiteSource::Base,
            commit: Some(COMMIT.into()),
            path: "e.yaml".into(),
            digest: digest("e"),
        };
        facts.suites[0].origin = Some(SuiteOrigin { source_ref, changed_in_pr: Some(false), lost_cases: vec![] });
        facts
    };
    let mut without_repository = passed(7);
    without_repository.change.repository = None;
    for (facts, require, rule, why) in [
        (
            passed(7),
            "repositories: [https://git.example/team/other]",
            "violated repository",
            "https://git.example/team/demo",
        ),
        (without_repository, "repositories: [https://git.example/team/demo]", "violated repository", "no repository"),
        (passed(7), "requesters: [other, /root]", "violated requester", "team"),
        (passed(7), "proven: true", "violated proven", "only declared"),
        (passed(7), "suites: [{ name: security }]", "violated suites", "no suite of that name"),
        (
            passed(7),
            "suites: [{ name: acceptance, digest: 'sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }]",
            "violated suites",
            "has the digest",
        ),
        (passed(7), "kinds: [acceptance, security]", "violated kinds", "kind security"),
        (passed(7), "baseSuites: true", "violated base-suites", "no suite of the run comes from the protected base"),
        (passed(7), "{ baseSuites: true, suites: [{ name: acceptance }] }", "violated suites", "protected base"),
        (base(passed(7)), "{ baseSuites: true, kinds: [security] }", "violated kinds", "from the base"),
        (
            passed(7),
            "runPolicies: ['sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa']",
            "violated run-policy",
            "no policy",
        ),
        (passed(7), "maxAge: 1d", "violated max-age", "more than 1day ago"),
        (passed(7), "secureDefaults: true", "violated secure-defaults", "departs"),
        (passed(7), "removed: true", "violated removed", "never confirmed"),
        (passed(7), "scanned: {}", "violated scanned", "no scan of this image"),
        (passed(7), "units: { registry.example/file-api: other }", "violated units", "no service other"),
        (passed(7), "units: { registry.example/other: file-api }", "violated units", "does not say which service"),
        (Facts { not_selected: vec!["security".into()], ..passed(7) }, "{}", "violated passed", "was not selected"),
        (Facts { left_out: vec!["security".into()], ..passed(7) }, "{}", "violated passed", "its condition"),
    ] {
        let place = Place::new();
        place.run(&facts);
        place.policy(&format!(
            "require: {}\n",
            if require.starts_with('{') { require.to_owned() } else { format!("{{ {require} }}") }
        ));
        denied(&place.gate(&image(), &[]), rule, why);
    }
}

#[test]
fn requirements_that_are_met_allow() {
    let place = Place::new();
    place.run(&Facts { left_out: vec!["security".into()], removed: Some(passed(7).started), ..passed(7) });
    place.policy(
        "require:\n  repositories: [team/other, team/demo]\n  requesters: [team/https://issuer/alice]\n  suites: [{ name: acceptance }]\n  kinds: [acceptance]\n  \
         mayLeaveOut: [security]\n  maxAge: 3650d\n  removed: true\n  units: { registry.example/file-api: file-api }\nfreezes: [{ from: 2020-01-01, until: 2020-01-02, reason: past }]\n",
    );
    let text = allowed(&place.gate(&image(), &[]));
    assert!(text.contains("13 satisfied"), "{text}");
}

#[test]
fn another_image_under_the_name_of_a_service_is_denied() {
    let place = Place::new();
    let mut facts = passed(7);
    // The author of a change starts the image as something that nobody tests.
    let (mut extra, mut fact) = (facts.units[0].clone(), facts.images[IMAGE].clone());
    (extra.name, extra.image) = ("extra".into(), "registry.example/extra:1".into());
    (fact.reference, fact.digest) = (extra.image.clone(), format!("sha256:{}", digest("extra")));
    facts.images.insert(extra.image.clone(), fact);
    facts.units.push(extra);
    place.run(&facts);
    let extra = format!("registry.example/file-api@sha256:{}", digest("extra"));
    allowed(&place.gate(&extra, &[]));
    place.policy("require: { units: { registry.example/file-api: file-api } }\n");
    denied(&place.gate(&extra, &[]), "violated units", "was another image");
    denied(&place.gate(&format!("sha256:{}", digest("extra")), &[]), "indeterminate units", "does not say which image");
}

#[test]
fn manifests_are_denied_for_any_of_their_images() {
    let place = Place::new();
    place.run(&passed(7));
    let pod = |image: &str| {
        format!("kind: Pod\nmetadata: {{ name: a }}\nspec: {{ containers: [{{ name: b, image: {image} }}] }}\n")
    };
    let output = place.gate_for(&format!("{}---\n{}", pod(&image()), pod("registry.example/file-api:1.2")));
    denied(&output, "violated digest", "named by a tag");
    let output = text(&output);
    assert!(output.contains("ALLOWED  registry.example/file-api@") && output.contains("Pod/a container b"), "{output}");
    assert!(output.contains("DENIED  1 of 2 images may be installed"), "{output}");
    allowed(&place.gate_for(&pod(&image())));
    usage(&place.gate_for("kind: ConfigMap\n"), "no image");
    usage(&place.gate_for("kind: Pod\nspec: { containers: [{ name: b }] }"), "container b");
    // Two images, and each has a run of its own.
    let mut facts = Facts { environment: "demo-pr-13".into(), ..passed(8) };
    facts.images.get_mut(IMAGE).unwrap().digest = format!("sha256:{}", digest("other"));
    place.run(&facts);
    let both = format!("{}---\n{}", pod(&image()), pod(&format!("x@sha256:{}", digest("other"))));
    allowed(&place.gate_for(&both));
    place.policy("require: { together: true }\n");
    denied(&place.gate_for(&both), "violated tested", "together with all others");
}

#[test]
fn overrides_are_shown_and_end() {
    let place = Place::new();
    place.run(&failed(7));
    let overrides = |rules: &str, until: &str| {
        let of = digest("file-api");
        format!(
            "apiVersion: dayfly.dev/v1alpha1\nkind: GateOverrides\noverrides:\n- rules: [{rules}]\n  images: ['sha256:{of}']\n  approver: Head of operations\n  reason: the old version loses data\n  until: {until}\n"
        )
    };
    place.write("overrides.yaml", &overrides("passed", "2999-12-31"));
    let text_of = allowed(&place.gate(&image(), &["--overrides", "overrides.yaml"]));
    for part in [
        "ALLOWED BY OVERRIDE",
        "violated        passed",
        "override by Head of operations until 3000-01-01T00:00:00Z: the old version loses data",
    ] {
        assert!(text_of.contains(part), "{part:?} is not in\n{text_of}");
    }
    let explained =
        place.dayfly(&["gate", "explain", recorded(&place).to_str().unwrap(), "--public-key", "gate.pem.pub"]);
    assert!(allowed(&explained).contains("ALLOWED BY OVERRIDE"));
    // Another rule, or another image, or its end.
    place.write("overrides.yaml", &overrides("max-age", "2999-12-31"));
    denied(&place.gate(&image(), &["--overrides", "overrides.yaml"]), "violated passed", "FAILED");
    place.write("overrides.yaml", &overrides("passed", "2020-01-01"));
    let output = place.gate(&image(), &["--overrides", "overrides.yaml"]);
    denied(&output, "violated passed", "FAILED");
    assert!(text(&output).contains("its override ended on 2020-01-02"), "{}", text(&output));
    place.write("overrides.yaml", &overrides("everything", "soon"));
    let output = place.gate(&image(), &["--overrides", "overrides.yaml"]);
    usage(&output, "`everything` is not a rule");
    usage(&output, "overrides.yaml:8:");
}

#[test]
fn rules_deny_from_their_day_on_and_nothing_is_installed_in_a_freeze() {
    let place = Place::new();
    place.run(&passed(7));
    place.policy("require: { proven: true }\neffectiveOn: { proven: 2999-01-01 }\n");
    assert!(allowed(&place.gate(&image(), &[])).contains("denies from 2999-01-01T00:00:00Z on"));
    place.policy("require: { proven: true }\neffectiveOn: { proven: 2020-01-01 }\n");
    denied(&place.gate(&image(), &[]), "violated proven", "only declared");
    place.policy("freezes: [{ from: 2020-01-01, until: 2999-12-31, reason: end of term }]\n");
    denied(&place.gate(&image(), &[]), "violated freeze", "end of term");
}

#[test]
fn a_log_shows_what_the_evidence_folder_does_not_have() {
    let place = Place::new();
    let log = place.log();
    let dir = place.at("evidence");
    place.run_in(&passed(7), Some(&run_key()), Some(&log));
    let failed = place.run_in(&Facts { environment: "demo-pr-13".into(), ..failed(8) }, Some(&run_key()), Some(&log));
    let gate = || place.gate(&image(), &["--log-key", "log.pem"]);
    denied(&gate(), "violated passed", "FAILED");
    // The failure is dropped, and the pass before it is all that is left.
    let kept = place.at("kept");
    fs::rename(&failed, &kept).unwrap();
    denied(&gate(), "violated logged", "the log has run 00000000-0000-0000-0000-000000000008 of this image (FAILED)");
    fs::rename(&kept, &failed).unwrap();
    place.run_in(&passed(9), Some(&run_key()), Some(&log));
    let folder = allowed(&gate());
    assert!(folder.contains("recorded"), "{folder}");
    let shown = place.dayfly(&["log", "show", "--log-public-key", "log.pub"]);
    assert!(allowed(&shown).contains("decision PASSED"), "{}", text(&shown));
    let verified = place.dayfly(&["log", "verify", "--log-public-key", "log.pub"]);
    assert!(allowed(&verified).contains("VERIFIED"), "{}", text(&verified));
    // Runs that nobody recorded, and a run that was opened in the log alone.
    place.run_in(&passed(10), Some(&run_key()), None);
    denied(&gate(), "violated logged", "is not proven to be in the log");
    place.run_in(&passed(11), Some(&run_key()), Some(&log));
    allowed(&gate());
    let opened = passed(12);
    let opened = open(&opened, &planned(&opened), Some(&run_key()), Some(&log), &dir).unwrap();
    fs::remove_dir_all(opened.parent().unwrap()).unwrap();
    denied(&gate(), "indeterminate closed", "has no result");
    // Without the log, nothing shows that this is all.
    fs::rename(dir.join("log"), place.at("log")).unwrap();
    denied(&place.gate(&image(), &[]), "indeterminate logged", "the log cannot be used");
}

#[test]
fn a_log_that_was_cut_denies() {
    let place = Place::new();
    let log = place.log();
    place.run_in(&passed(7), Some(&run_key()), Some(&log));
    let copied = Command::new("cp").args(["-r", "evidence", "before"]).current_dir(place.work.path()).status().unwrap();
    assert!(copied.success());
    place.run_in(&failed(8), Some(&run_key()), Some(&log));
    denied(&place.gate(&image(), &["--log-key", "log.pem"]), "violated passed", "FAILED");
    fs::rename(place.at("evidence"), place.at("after")).unwrap();
    fs::rename(place.at("before"), place.at("evidence")).unwrap();
    denied(&place.gate(&image(), &["--log-key", "log.pem"]), "indeterminate logged", "cut short");
}

#[test]
fn names_the_place_of_a_fault_in_the_policy() {
    let place = Place::new();
    place.run(&passed(7));
    for (more, line, message) in [
        ("require: { maxAge: long }\n", 4, "`long` is not a valid duration"),
        ("require: { runPolicies: [sha256:1] }\n", 4, "`sha256:1` cannot be read"),
        ("require: { suites: [{ name: a, digest: b }] }\n", 4, "`b` is not a digest"),
        ("effectiveOn: { never: 2020-01-01 }\n", 4, "`never` is not a rule"),
        ("freezes: [{ from: 2020-01-02, until: 2020-01-01, reason: a }]\n", 4, "ends before it begins"),
        ("log: { publicKey: run.pub }\n", 4, "is not the public key of a log"),
        ("require: { passed: true }\n", 4, "passed"),
    ] {
        place.policy(more);
        let output = place.gate(&image(), &[]);
        usage(&output, message);
        usage(&output, &format!("gate.yaml:{line}:"));
    }
    place.write("gate.yaml", &POLICY.replace("run.pub", "absent.pub"));
    usage(&place.gate(&image(), &[]), "absent.pub cannot be read");
    place.write("gate.yaml", &POLICY.replace("[run.pub]", "[]"));
    usage(&place.gate(&image(), &[]), "there is no key");
    assert!(!place.at("evidence/decisions").exists());
}

#[test]
fn refuses_requests_that_make_no_sense() {
    let place = Place::new();
    usage(&place.gate("registry.example/file-api:1.2", &[]), "a tag may be moved");
    usage(&place.dayfly(&["gate", "--policy", "gate.yaml", "--dry-run"]), "MANIFESTS");
    usage(&place.dayfly(&["gate", "--policy", "gate.yaml", "--image", &image()]), "--key");
    usage(&place.dayfly(&["gate", "--image", &image(), "--dry-run"]), "--policy");
    // A decision that cannot be recorded is none.
    place.run(&passed(7));
    fs::write(place.at("evidence/decisions"), "").unwrap();
    let output = place.gate(&image(), &[]);
    assert_eq!(output.status.code(), Some(exit_code::NO_EVIDENCE.into()), "{}", text(&output));
    assert!(text(&output).contains("nothing was decided") && !text(&output).contains("ALLOWED"), "{}", text(&output));
}
