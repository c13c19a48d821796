//! Evidence is refused whenever anything of it was changed, moved, dropped or signed by another key.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dayfly::cli::verify::{RequirementArgs, VerifyArgs};
use dayfly::engine::EngineKind;
use dayfly::evidence::dsse::{self, Envelope, PAYLOAD_TYPE, Signature};
use dayfly::evidence::predicate::{RunPredicate, Statement, SuitePredicate, TestOutcome};
use dayfly::evidence::read::read_run;
use dayfly::evidence::store::{OPENED, REPORT, RUN, RUN_BUNDLE, save_facts, suite_bundle};
use dayfly::evidence::verify::{Expectations, Refusal, StatementContent, folder, verify};
use dayfly::evidence::{EvidenceError, KeyKind, SigningKey, open, seal, statement};
use dayfly::model::{Outcome, SourceRef, SuiteOrigin, SuiteSource, Verdict};
use dayfly::report::facts::{Cause, CauseKind};
use dayfly::report::{Facts, exit_code};
use proptest::prelude::*;
use serde_json::{Value, json};

#[path = "evidence/sample.rs"]
mod sample;

use sample::{COMMIT, IMAGE, digest, failed, key, passed, planned, raw};

type Files = BTreeMap<String, Vec<u8>>;
const KINDS: [KeyKind; 2] = [KeyKind::P256, KeyKind::Ed25519];

fn sealed(facts: &Facts, key: &SigningKey, dir: &Path) -> PathBuf {
    open(facts, &planned(facts), Some(key), None, dir).unwrap();
    seal(facts, &raw(), Some(key), None, dir).unwrap().dir
}

fn files(facts: &Facts, key: &SigningKey) -> Files {
    let dir = tempfile::tempdir().unwrap();
    read_run(&sealed(facts, key, dir.path())).unwrap()
}

fn judge(files: &Files, key: &SigningKey) -> Result<(), Refusal> {
    folder(files, &key.verifying_key(), &Expectations::default()).map(drop)
}

fn payload(line: &[u8]) -> Vec<u8> {
    STANDARD.decode(serde_json::from_slice::<Envelope>(line).unwrap().payload).unwrap()
}

fn line(envelope: &Envelope) -> Vec<u8> {
    serde_json::to_vec(envelope).unwrap()
}

fn edit(line: &[u8], change: impl FnOnce(&mut Envelope)) -> Vec<u8> {
    let mut envelope = serde_json::from_slice(line).unwrap();
    change(&mut envelope);
    serde_json::to_vec(&envelope).unwrap()
}

/// Signs what the change makes of the payload, with the right key: only the content is wrong.
fn resigned(line_of: &[u8], key: &SigningKey, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(&payload(line_of)).unwrap();
    change(&mut value);
    line(&dsse::sign(value.to_string().as_bytes(), key))
}

#[test]
fn verifies_a_sealed_run_with_both_kinds_of_key() {
    for kind in KINDS {
        let (key, facts) = (key(kind, 1), failed(7));
        let expect = Expectations { commit: Some(COMMIT.into()), image_sha256: Some(digest("file-api")) };
        let run = folder(&files(&facts, &key), &key.verifying_key(), &expect).unwrap();
        assert_eq!(run.run.outcome, Outcome::Failed);
        assert_eq!(run.run.test.result, TestOutcome::Failed);
        assert_eq!(
            run.suites.iter().map(|s| s.suite.verdict.unwrap()).collect::<Vec<_>>(),
            [Verdict::Passed, Verdict::Failed]
        );
        assert_eq!(run.suites[1].cases[1].failures[0].expected, "403");
        assert_eq!((run.raw_present, run.raw_absent.len()), (2, 0));
        assert_eq!(run.opened.unwrap().planned_suites.len(), 2);
    }
}

/// Every way in which one envelope is tampered with, and words of the reason that must be given.
#[test]
fn refuses_a_tampered_envelope_with_the_reason() {
    for kind in KINDS {
        let (key, other) = (key(kind, 1), key(kind, 2));
        let all = files(&failed(7), &key);
        let good = &all[RUN];
        let flip = |text: &str, at: usize| {
            format!("{}{}{}", &text[..at], if &text[at..=at] == "A" { "B" } else { "A" }, &text[at + 1..])
        };
        let type_signed = |payload_type: &str| {
            let sig = STANDARD.encode(key.sign(&dsse::pae(payload_type, &payload(good))));
            edit(good, |e| (e.payload_type, e.signatures[0].sig) = (payload_type.into(), sig))
        };
        let text = String::from_utf8(good.clone()).unwrap();
        let cases: Vec<(&str, Vec<u8>, &str)> = vec![
            ("payload", edit(good, |e| e.payload = flip(&e.payload, 0)), "signature does not match"),
            (
                "signature",
                edit(good, |e| e.signatures[0].sig = flip(&e.signatures[0].sig, 20)),
                "signature does not match",
            ),
            ("key id", edit(good, |e| e.signatures[0].keyid.replace_range(9..10, "!")), "names the key"),
            ("no key id", edit(good, |e| e.signatures[0].keyid.clear()), "names the key"),
            ("payload type", edit(good, |e| e.payload_type.push('x')), "payload type"),
            ("payload type, signed", type_signed("application/vnd.in-toto.provenance+json"), "payload type"),
            ("another key", line(&dsse::sign(&payload(good), &other)), "names the key"),
            (
                "another key under this name",
                edit(&line(&dsse::sign(&payload(good), &other)), |e| {
                    e.signatures[0].keyid = key.verifying_key().keyid()
                }),
                "signature does not match",
            ),
            ("no signature", edit(good, |e| e.signatures.clear()), "the evidence is UNSIGNED"),
            ("two signatures", edit(good, |e| e.signatures.push(e.signatures[0].clone())), "carries 2 signatures"),
            ("unpadded", edit(good, |e| e.payload.push('=')), "not standard base64"),
            ("truncated", good[..good.len() / 2].to_vec(), "not one signed envelope"),
            ("empty", Vec::new(), "not one signed envelope"),
            ("a second line", [good.as_slice(), good.as_slice()].concat(), "not one signed envelope"),
            (
                "key twice",
                text.replacen("{\"payload\":", "{\"payload\":\"e30=\",\"payload\":", 1).into_bytes(),
                "given twice",
            ),
            ("unknown field", text.replacen("{\"payload\":", "{\"x\":1,\"payload\":", 1).into_bytes(), "unknown field"),
        ];
        for (what, bytes, reason) in cases {
            let refusal = verify(&bytes, &key.verifying_key(), &Expectations::default()).expect_err(what).to_string();
            assert!(refusal.contains(reason), "{what}: {refusal}");
            assert!(!refusal.contains('\n'), "{what}: more than one sentence: {refusal}");
        }
    }
}

#[test]
fn refuses_a_signed_payload_that_is_not_a_valid_statement() {
    let key = key(KeyKind::P256, 1);
    let all = files(&failed(7), &key);
    let good = &all[RUN];
    let text = String::from_utf8(payload(good)).unwrap();
    let signed = |text: &str| line(&dsse::sign(text.as_bytes(), &key));
    let cases = [
        ("key twice", signed(&text.replacen("\"outcome\":", "\"outcome\":\"PASSED\",\"outcome\":", 1)), "given twice"),
        ("trailing text", signed(&format!("{text}{{}}")), "trailing"),
        ("no JSON", signed("hello"), "not a dayfly statement"),
        (
            "statement type",
            resigned(good, &key, |v| v["_type"] = json!("https://in-toto.io/Statement/v0.1")),
            "statement has the type",
        ),
        (
            "predicate type",
            resigned(good, &key, |v| v["predicateType"] = json!("https://slsa.dev/provenance/v1")),
            "predicate type",
        ),
        ("scope", resigned(good, &key, |v| v["predicate"]["scope"] = json!("all")), "neither `run` nor `suite`"),
        ("field beside the predicate", resigned(good, &key, |v| v["extra"] = json!(1)), "unknown field"),
        (
            "passed without suites",
            resigned(good, &key, |v| {
                (v["predicate"]["outcome"], v["predicate"]["suites"]) = (json!("PASSED"), json!([]))
            }),
            "no suite ran",
        ),
        (
            "passed with a failed suite",
            resigned(good, &key, |v| v["predicate"]["outcome"] = json!("PASSED")),
            "suite security did not pass",
        ),
    ];
    for (what, bytes, reason) in cases {
        let refusal = verify(&bytes, &key.verifying_key(), &Expectations::default()).expect_err(what).to_string();
        assert!(refusal.contains(reason), "{what}: {refusal}");
    }
}

#[test]
fn refuses_a_bundle_with_a_changed_wrapper() {
    let key = key(KeyKind::P256, 1);
    let all = files(&failed(7), &key);
    let good: Value = serde_json::from_slice(&all[RUN_BUNDLE]).unwrap();
    verify(&all[RUN_BUNDLE], &key.verifying_key(), &Expectations::default()).unwrap();
    let changed = |change: fn(&mut Value)| {
        let mut bundle = good.clone();
        change(&mut bundle);
        bundle.to_string()
    };
    let cases = [
        (changed(|b| b["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.1")), "media type"),
        (changed(|b| b["verificationMaterial"]["publicKey"]["hint"] = json!("SHA256:x")), "names the key"),
        (changed(|b| b["verificationMaterial"]["tlogEntries"] = json!([{}])), "public log"),
        (changed(|b| b["messageSignature"] = json!({})), "unknown field"),
        (changed(|b| b["dsseEnvelope"]["signatures"][0]["sig"] = json!("AAAA")), "signature does not match"),
    ];
    for (bytes, reason) in cases {
        let refusal = verify(bytes.as_bytes(), &key.verifying_key(), &Expectations::default()).unwrap_err().to_string();
        assert!(refusal.contains(reason), "{reason}: {refusal}");
    }
}

#[test]
fn refuses_evidence_of_another_commit_or_image() {
    let key = key(KeyKind::P256, 1);
    let all = files(&failed(7), &key);
    let judge = |commit: Option<&str>, image: Option<String>| {
        let expect = Expectations { commit: commit.map(str::to_owned), image_sha256: image };
        folder(&all, &key.verifying_key(), &expect).map(drop).map_err(|r| r.to_string())
    };
    assert_eq!(judge(Some(&COMMIT.to_uppercase()), Some(digest("file-api"))), Ok(()));
    assert!(judge(Some(&COMMIT.replace('4', "5")), None).unwrap_err().contains("is for commit"));
    assert!(judge(None, Some(digest("file-api, rebuilt"))).unwrap_err().contains("covers no image"));
    assert!(judge(None, Some(digest("judge"))).is_err(), "the image of a suite judges and is not judged");
}

#[test]
fn requires_the_commit_as_a_signed_subject() {
    let key = key(KeyKind::P256, 1);
    let good = &files(&failed(7), &key)[RUN];
    let moved = resigned(good, &key, |v| {
        v["subject"].as_array_mut().unwrap().retain(|s| s["digest"].get("gitCommit").is_none());
    });
    let expect = Expectations { commit: Some(COMMIT.into()), image_sha256: None };
    assert!(verify(good, &key.verifying_key(), &expect).is_ok());
    assert!(matches!(verify(&moved, &key.verifying_key(), &expect), Err(Refusal::WrongCommit { .. })));
}

/// Every way in which the folder of a run is tampered with while each statement in it stays authentic.
#[test]
fn refuses_a_folder_with_a_replaced_missing_or_added_file() {
    let key = key(KeyKind::Ed25519, 1);
    let (good, older) = (files(&failed(7), &key), files(&failed(6), &key));
    let (acceptance, security) = (suite_bundle("acceptance"), suite_bundle("security"));
    let junit = format!("raw/{}", digest(sample::JUNIT));
    judge(&good, &key).unwrap();
    let with = |file: &str, bytes: &[u8]| {
        let mut all = good.clone();
        all.insert(file.into(), bytes.to_vec());
        all
    };
    let without = |file: &str| {
        let mut all = good.clone();
        all.remove(file).unwrap();
        all
    };
    let mut rewritten = failed(7);
    rewritten.suites[1].verdict = Some(Verdict::Passed);
    let cases = [
        ("suite of another run", with(&security, &older[&security]), "the file holds the statement of run"),
        (
            "suite under another's name",
            with(&security, &good[&acceptance]),
            "the file holds the statement of suite acceptance",
        ),
        (
            "suite signed anew",
            with(&security, &files(&rewritten, &key)[&security]),
            "not the one that the closing statement names",
        ),
        ("suite missing", without(&security), "suite-security.sigstore.json is missing"),
        ("suite added", with("suite-extra.sigstore.json", &good[&acceptance]), "does not belong to this run"),
        ("statement added", with("again.intoto.jsonl", &good[RUN]), "does not belong to this run"),
        (
            "report changed",
            with(REPORT, &[good[REPORT].as_slice(), b" "].concat()),
            "report.json: the file is not the one",
        ),
        ("report of another run", with(REPORT, &older[REPORT]), "report.json: the file is not the one"),
        ("report missing", without(REPORT), "report.json is missing"),
        (
            "run bundle of another run",
            with(RUN_BUNDLE, &older[RUN_BUNDLE]),
            "run.sigstore.json: the file is not the one",
        ),
        ("run bundle missing", without(RUN_BUNDLE), "run.sigstore.json is missing"),
        ("run exchanged", with(RUN, &older[RUN]), "the file is not the one"),
        ("run replaced by a suite", with(RUN, &good[&security]), "the file holds the statement of suite security"),
        ("opening entry of another run", with(OPENED, &older[OPENED]), "the file holds the statement of run"),
        ("opening entry missing", without(OPENED), "opened.intoto.jsonl is missing"),
        ("opening entry replaced", with(OPENED, &good[RUN]), "opened.intoto.jsonl: the file is not the one"),
        ("never closed", without(RUN), "opened but never closed, so it counts as failed"),
        ("nothing there", Files::new(), "no evidence of a run"),
        ("raw file added", with("raw/extra", b"x"), "raw/extra does not belong to this run"),
        ("raw result changed", with(&junit, b"<testsuite/>"), "the file is not the one"),
    ];
    for (what, all, reason) in cases {
        let refusal = judge(&all, &key).expect_err(what).to_string();
        assert!(refusal.contains(reason), "{what}: {refusal}");
    }
    let kept_elsewhere = folder(&without(&junit), &key.verifying_key(), &Expectations::default()).unwrap();
    assert_eq!(kept_elsewhere.raw_absent, ["acceptance/result"]);
}

#[test]
fn refuses_a_passed_run_that_lacks_an_announced_suite() {
    let (key, dir) = (key(KeyKind::P256, 1), tempfile::tempdir().unwrap());
    let (all, kept) = (failed(7), passed(7));
    open(&all, &planned(&all), Some(&key), None, dir.path()).unwrap();
    let sealed = seal(&kept, &raw(), Some(&key), None, dir.path()).unwrap();
    let refusal = judge(&read_run(&sealed.dir).unwrap(), &key).unwrap_err();
    assert_eq!(refusal, Refusal::MissingSuite("security".into()));
}

#[test]
fn opens_a_run_once_and_refuses_changed_results_when_sealing_again() {
    let (key, dir) = (key(KeyKind::P256, 1), tempfile::tempdir().unwrap());
    let facts = failed(7);
    assert!(matches!(seal(&facts, &raw(), Some(&key), None, dir.path()), Err(EvidenceError::NotOpened(_))));
    let folder = sealed(&facts, &key, dir.path());
    assert!(matches!(
        open(&facts, &planned(&facts), Some(&key), None, dir.path()),
        Err(EvidenceError::AlreadyOpened(_))
    ));
    assert!(matches!(save_facts(dir.path(), &facts), Err(EvidenceError::Sealed(_))));

    let mut better = facts.clone();
    better.suites[1].verdict = Some(Verdict::Passed);
    assert!(matches!(seal(&better, &raw(), Some(&key), None, dir.path()), Err(EvidenceError::Changed { .. })));
    assert!(
        matches!(seal(&passed(7), &raw(), Some(&key), None, dir.path()), Err(EvidenceError::Changed { .. })),
        "a suite was dropped"
    );

    let mut gone = facts.clone();
    gone.finished = Some("2026-03-02T08:05:00Z".parse().unwrap());
    gone.removed = gone.finished;
    seal(&gone, &Files::new(), Some(&key), None, dir.path()).unwrap();
    let all = read_run(&folder).unwrap();
    judge(&all, &key).unwrap();
    let StatementContent::Run(run) = verify(&all[RUN], &key.verifying_key(), &Expectations::default()).unwrap().content
    else {
        panic!("not a run")
    };
    assert_eq!(run.teardown.removed_on, gone.removed);
    assert_eq!(serde_json::from_slice::<Facts>(&all[REPORT]).unwrap(), gone);
}

#[test]
fn seals_a_run_that_ended_before_its_first_suite_without_an_opening_entry() {
    let (key, dir) = (key(KeyKind::P256, 1), tempfile::tempdir().unwrap());
    let mut facts = failed(7);
    facts.suites.clear();
    facts.causes = vec![Cause { kind: CauseKind::NotReady, text: "file-api never became ready".into() }];
    let sealed = seal(&facts, &Files::new(), Some(&key), None, dir.path()).unwrap();
    let run = folder(&read_run(&sealed.dir).unwrap(), &key.verifying_key(), &Expectations::default()).unwrap();
    assert_eq!((run.run.outcome, run.run.test.result), (Outcome::Error, TestOutcome::Failed));
}

#[test]
fn refuses_to_sign_runs_of_the_fake_engine() {
    let (key, dir) = (key(KeyKind::P256, 1), tempfile::tempdir().unwrap());
    let mut facts = failed(7);
    facts.engine = EngineKind::Fake;
    assert!(matches!(open(&facts, &planned(&facts), Some(&key), None, dir.path()), Err(EvidenceError::Fake)));
    facts.suites.clear();
    assert!(matches!(seal(&facts, &raw(), Some(&key), None, dir.path()), Err(EvidenceError::Fake)));
    assert!(!dir.path().join("demo-pr-12").exists());
}

#[test]
fn statements_are_canonical_and_deterministic() {
    for kind in KINDS {
        let key = key(kind, 1);
        assert_eq!(files(&failed(7), &key), files(&failed(7), &key));
        let bytes = payload(&files(&failed(7), &key)[RUN]);
        assert_eq!(
            serde_json::from_slice::<Value>(&bytes).unwrap().to_string().into_bytes(),
            bytes,
            "sorted keys, no white space"
        );
    }
}

#[test]
fn statements_name_their_subjects_and_never_pass_an_unjudged_run() {
    let facts = failed(7);
    let suite: Statement<SuitePredicate> =
        serde_json::from_slice(&statement::suite(&facts, &facts.suites[0]).unwrap().bytes).unwrap();
    let names: Vec<_> = suite.subject.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, [IMAGE, "https://git.example/team/demo", "description"]);
    assert_eq!(suite.predicate.test.result, TestOutcome::Passed);
    assert_eq!(
        (suite.predicate.test.passed_tests, suite.predicate.test.warned_tests),
        (vec!["A1".to_owned()], vec!["A2".to_owned()])
    );

    let run: Statement<RunPredicate> =
        serde_json::from_slice(&statement::run(&facts, &BTreeMap::new(), "", None).unwrap().bytes).unwrap();
    assert_eq!(run.predicate.test.failed_tests, ["security/S2", "security/S3"]);
    assert_eq!(run.predicate.context.environment.engine_cannot.len(), 1);
    assert_eq!(run.predicate.units[0].departure.as_ref().unwrap().reason.as_deref(), Some("it unpacks itself"));

    for (kind, outcome) in [
        (CauseKind::Inconclusive, Outcome::Inconclusive),
        (CauseKind::NotReady, Outcome::Error),
        (CauseKind::Interrupted, Outcome::Aborted),
        (CauseKind::Superseded, Outcome::Aborted),
    ] {
        let mut facts = passed(7);
        facts.causes = vec![Cause { kind, text: "so it was".into() }];
        let run: Statement<RunPredicate> =
            serde_json::from_slice(&statement::run(&facts, &BTreeMap::new(), "", None).unwrap().bytes).unwrap();
        assert_eq!((run.predicate.outcome, run.predicate.test.result), (outcome, TestOutcome::Failed));
    }
}

#[test]
fn only_a_full_commit_id_is_a_subject_and_the_description_always_is() {
    let mut facts = failed(7);
    facts.change.commit = "dev".into();
    facts.images.clear();
    let run: Statement<RunPredicate> =
        serde_json::from_slice(&statement::run(&facts, &BTreeMap::new(), "", None).unwrap().bytes).unwrap();
    assert_eq!(run.subject.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), ["description"]);
    assert_eq!(run.predicate.context.pr.head_sha, "dev");
}

#[test]
fn stores_raw_results_by_content_and_refuses_missing_or_wrong_ones() {
    let (key, dir) = (key(KeyKind::P256, 1), tempfile::tempdir().unwrap());
    let facts = failed(7);
    open(&facts, &planned(&facts), Some(&key), None, dir.path()).unwrap();
    assert!(matches!(seal(&facts, &Files::new(), Some(&key), None, dir.path()), Err(EvidenceError::RawMissing { .. })));
    let wrong = [(digest(sample::JUNIT), b"other".to_vec())].into();
    assert!(matches!(seal(&facts, &wrong, Some(&key), None, dir.path()), Err(EvidenceError::RawDigest(_))));
    let mut outside = facts.clone();
    outside.suites[0].raw[0].sha256 = "../../outside".into();
    assert!(matches!(seal(&outside, &raw(), Some(&key), None, dir.path()), Err(EvidenceError::RawDigest(_))));
    let sealed = seal(&facts, &raw(), Some(&key), None, dir.path()).unwrap();
    assert!(sealed.files.iter().all(|f| f.exists()), "{:?}", sealed.files);
    assert_eq!(fs::read_to_string(sealed.dir.join("raw").join(digest(sample::LOG))).unwrap(), sample::LOG);
}

#[test]
fn refuses_names_that_would_leave_the_evidence_folder() {
    let (key, dir) = (key(KeyKind::P256, 1), tempfile::tempdir().unwrap());
    let mut facts = failed(7);
    facts.environment = "../elsewhere".into();
    assert!(matches!(save_facts(dir.path(), &facts), Err(EvidenceError::Name { .. })));
    let mut facts = failed(7);
    open(&facts, &planned(&facts), Some(&key), None, dir.path()).unwrap();
    facts.suites[0].name = "a/b".into();
    assert!(matches!(seal(&facts, &raw(), Some(&key), None, dir.path()), Err(EvidenceError::Name { .. })));
}

#[test]
fn a_failed_write_names_the_path_and_damages_no_file() {
    let (key, dir) = (key(KeyKind::P256, 1), tempfile::tempdir().unwrap());
    let facts = failed(7);
    let file = dir.path().join("a-file");
    fs::write(&file, "").unwrap();
    let error = open(&facts, &planned(&facts), Some(&key), None, &file).unwrap_err().to_string();
    assert!(error.contains("a-file"), "{error}");

    // `/dev/full` stands for a full disk where the device exists: the message says what to do.
    let full = EvidenceError::Io { doing: "write", path: file, source: fs::write("/dev/full", "x").unwrap_err() };
    assert!(full.to_string().contains("free some space"), "{full}");

    let folder = sealed(&facts, &key, dir.path());
    let before = read_run(&folder).unwrap();
    fs::remove_file(folder.join(RUN_BUNDLE)).unwrap();
    fs::create_dir(folder.join(RUN_BUNDLE)).unwrap();
    assert!(seal(&facts, &raw(), Some(&key), None, dir.path()).is_err());
    let left: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| !name.starts_with('.')), "a half-written file stayed: {left:?}");
    assert_eq!(fs::read(folder.join(RUN)).unwrap(), before[RUN]);
}

fn flipped(line: &[u8], at: prop::sample::Index, bits: u8) -> Vec<u8> {
    let mut bytes = line.to_vec();
    let at = at.index(bytes.len());
    bytes[at] ^= bits;
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn refuses_any_changed_byte_of_an_envelope(ed25519 in any::<bool>(), which in 0..3usize, at in any::<prop::sample::Index>(), bits in 1..=255u8) {
        static ALL: std::sync::OnceLock<[Files; 2]> = std::sync::OnceLock::new();
        let all = ALL.get_or_init(|| KINDS.map(|kind| files(&failed(7), &key(kind, 1))));
        let (all, key) = (&all[usize::from(ed25519)], key(KINDS[usize::from(ed25519)], 1));
        let line = [&all[OPENED], &all[RUN], &all[&suite_bundle("security")]][which];
        let line = &line[..line.len() - 1];
        prop_assert!(verify(line, &key.verifying_key(), &Expectations::default()).is_ok());
        prop_assert!(verify(&flipped(line, at, bits), &key.verifying_key(), &Expectations::default()).is_err());
    }

    #[test]
    fn refuses_arbitrary_bytes_without_panicking(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(verify(&bytes, &key(KeyKind::Ed25519, 1).verifying_key(), &Expectations::default()).is_err());
    }
}

/// Outside the payload and its signature every single bit is tried, not a sample.
#[test]
fn refuses_every_changed_bit_around_payload_and_signature() {
    let key = key(KeyKind::Ed25519, 1);
    let line = line(&dsse::sign(b"{}", &key));
    let small: Envelope = serde_json::from_slice(&line).unwrap();
    assert_eq!(
        (small.payload_type.as_str(), &small.signatures[0]),
        (PAYLOAD_TYPE, &Signature { keyid: key.verifying_key().keyid(), sig: small.signatures[0].sig.clone() })
    );
    for at in 0..line.len() {
        for bit in 0..8 {
            let mut bytes = line.clone();
            bytes[at] ^= 1 << bit;
            let refusal = verify(&bytes, &key.verifying_key(), &Expectations::default()).unwrap_err();
            // `{}` is no statement: had the signature been taken as good, the reason would be the payload.
            assert!(!matches!(refusal, Refusal::Payload(_)), "byte {at}, bit {bit}: {refusal}");
        }
    }
}

fn require_passed() -> RequirementArgs {
    RequirementArgs { require_passed: true, ..Default::default() }
}

fn verify_command(args: &VerifyArgs, json: bool) -> (anyhow::Result<u8>, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = dayfly::cli::verify::verify(args, json, &mut out, &mut err);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn the_verify_command_summarizes_evidence_and_explains_refusals() {
    let (key, dir) = (key(KeyKind::P256, 1), tempfile::tempdir().unwrap());
    let public = dir.path().join("key.pub");
    fs::write(&public, key.verifying_key().to_pem().unwrap()).unwrap();
    let folder = sealed(&failed(7), &key, dir.path());
    let args = VerifyArgs { path: folder.clone(), key: Some(public), ..Default::default() };

    let (code, out, err) = verify_command(&args, false);
    assert_eq!((code.unwrap(), err.as_str()), (0, ""));
    for part in [
        "VERIFIED  outcome FAILED",
        &key.verifying_key().keyid(),
        COMMIT,
        "2 passed, 1 skipped, 1 flaky",
        "1 passed, 1 failed, 1 inconclusive",
        "connections to the host",
        "file-api has a writable root file system (it unpacks itself)",
        "suite acceptance may run as root, has capabilities CHOWN (it owns its results)",
        "2 raw result(s) unchanged",
    ] {
        assert!(out.contains(part), "{part} not in\n{out}");
    }
    let (_, json, _) = verify_command(&args, true);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["verified"], &json["outcome"], &json["run"]["suites"][1]["verdict"]),
        (&json!(true), &json!("FAILED"), &json!("failed"))
    );

    for (file, part) in [
        (RUN.to_owned(), "verify the folder"),
        (OPENED.into(), "announced     acceptance, security"),
        (suite_bundle("security"), "1 passed, 1 failed"),
    ] {
        let (code, out, _) = verify_command(&VerifyArgs { path: folder.join(&file), ..args.clone() }, false);
        assert_eq!(code.unwrap(), exit_code::PASSED, "{file}");
        assert!(out.contains(part), "{file}:\n{out}");
    }
    let (code, out, err) = verify_command(&VerifyArgs { required: require_passed(), ..args.clone() }, false);
    assert_eq!((code.unwrap(), out.as_str()), (10, ""));
    assert!(err.contains("outcome is FAILED"), "{err}");
    let (code, json, _) = verify_command(&VerifyArgs { commit: Some("0".repeat(40)), ..args.clone() }, true);
    assert_eq!(code.unwrap(), 10);
    assert!(json.contains("\"verified\": false") && json.contains("is for commit"), "{json}");

    for (wrong, part) in [
        (VerifyArgs { key: None, ..args.clone() }, "--public-key"),
        (VerifyArgs { commit: Some(COMMIT[..8].into()), ..args.clone() }, "full commit id"),
        (VerifyArgs { image_digest: Some("latest".into()), ..args.clone() }, "sha256:"),
        (VerifyArgs { path: folder.join("absent"), ..args.clone() }, "absent"),
    ] {
        let error = format!("{:#}", verify_command(&wrong, false).0.unwrap_err());
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_passed_run_satisfies_require_passed() {
    let (key, dir) = (key(KeyKind::Ed25519, 1), tempfile::tempdir().unwrap());
    let public = dir.path().join("key.pub");
    fs::write(&public, key.verifying_key().to_pem().unwrap()).unwrap();
    let folder = sealed(&passed(7), &key, dir.path());
    let image = format!("sha256:{}", digest("file-api"));
    let (code, out, _) = verify_command(
        &VerifyArgs {
            path: folder,
            key: Some(public),
            required: require_passed(),
            image_digest: Some(image),
            ..Default::default()
        },
        false,
    );
    assert_eq!(code.unwrap(), exit_code::PASSED);
    assert!(out.starts_with("VERIFIED  outcome PASSED\n"), "{out}");
}

/// A sealed run in a folder, with its public key.
fn sealed_run(facts: &Facts, dir: &Path) -> VerifyArgs {
    let key = key(KeyKind::P256, 1);
    let public = dir.join("key.pub");
    fs::write(&public, key.verifying_key().to_pem().unwrap()).unwrap();
    VerifyArgs { path: sealed(facts, &key, dir), key: Some(public), ..Default::default() }
}

fn refusal(args: &VerifyArgs) -> String {
    let (code, out, err) = verify_command(args, false);
    assert_eq!((code.unwrap(), out.as_str()), (exit_code::REFUSED, ""));
    err
}

#[test]
fn refuses_a_single_file_for_requirements_on_a_run() {
    let dir = tempfile::tempdir().unwrap();
    let args = sealed_run(&failed(7), dir.path());
    for file in [suite_bundle("acceptance"), OPENED.into(), RUN.into()] {
        let args = VerifyArgs { path: args.path.join(&file), required: require_passed(), ..args.clone() };
        let said = refusal(&args);
        assert!(said.contains("the requirements hold for a whole run, and this is a single file"), "{file}: {said}");
    }
}

#[test]
fn refuses_a_run_that_does_not_meet_a_requirement() {
    let dir = tempfile::tempdir().unwrap();
    let args = sealed_run(&passed(7), dir.path());
    let with = |required: RequirementArgs| VerifyArgs { required, ..args.clone() };
    let none = RequirementArgs::default;
    let own = passed(7);
    let suite_digest = format!("sha256:{}", own.suites[0].digest);
    let met = RequirementArgs {
        require_passed: true,
        pr: Some(12),
        repository: Some("git@git.example:team/demo.git".into()),
        run: Some(own.run),
        requester: Some("team/https://issuer/alice".into()),
        require_suite: vec!["acceptance".into(), format!("acceptance={suite_digest}")],
        require_kind: vec![dayfly::spec::model::SuiteKind::Acceptance],
        description_digest: Some(format!("sha256:{}", own.description_digest)),
        ..none()
    };
    assert_eq!(verify_command(&with(met), false).0.unwrap(), exit_code::PASSED);
    let cases = [
        (RequirementArgs { pr: Some(13), ..none() }, "is for pull request 12, not for 13"),
        (RequirementArgs { repository: Some("other/demo".into()), ..none() }, "is for repository"),
        (RequirementArgs { run: Some(uuid::Uuid::from_u128(8).into()), ..none() }, "is of run"),
        (RequirementArgs { requester: Some("evil".into()), ..none() }, "namespace \"team\" requested the run"),
        (RequirementArgs { requester: Some("team/bob".into()), ..none() }, "not \"bob\""),
        (RequirementArgs { requester: Some("/https://issuer/alice".into()), ..none() }, "not namespace \"\""),
        (RequirementArgs { max_age: Some(std::time::Duration::from_secs(3600)), ..none() }, "more than 1h ago"),
        (RequirementArgs { require_suite: vec!["security".into()], ..none() }, "has no suite of that name"),
        (
            RequirementArgs { require_suite: vec![format!("acceptance=sha256:{}", digest("other"))], ..none() },
            "has the digest",
        ),
        (
            RequirementArgs { require_kind: vec![dayfly::spec::model::SuiteKind::Security], ..none() },
            "no passed suite of kind security",
        ),
        (
            RequirementArgs { description_digest: Some(format!("sha256:{}", digest("other"))), ..none() },
            "the description has the digest",
        ),
        (RequirementArgs { no_departures: true, ..none() }, "file-api departs from the secure defaults"),
    ];
    for (required, part) in cases {
        let said = refusal(&with(required));
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn says_that_a_removal_was_never_confirmed_and_refuses_it_if_required() {
    let required = RequirementArgs { require_removed: true, ..Default::default() };
    let verified = |facts: &Facts| {
        let dir = tempfile::tempdir().unwrap();
        let args = sealed_run(facts, dir.path());
        let (text, json) = (verify_command(&args, false).1, verify_command(&args, true).1);
        let confirmed = serde_json::from_str::<serde_json::Value>(&json).unwrap()["teardownConfirmed"].clone();
        let (code, _, why) = verify_command(&VerifyArgs { required: required.clone(), ..args }, false);
        (text.contains("removal       never confirmed"), confirmed, code.unwrap(), why)
    };
    let killed = Facts { removed: None, kept: None, residual: vec![], ..passed(7) };
    let (warned, confirmed, code, why) = verified(&killed);
    assert_eq!((warned, confirmed, code), (true, false.into(), exit_code::REFUSED));
    assert!(why.contains("was never confirmed"), "{why}");
    let removed = Facts { removed: Some("2026-03-02T08:05:00Z".parse().unwrap()), ..killed.clone() };
    assert_eq!(verified(&removed), (false, true.into(), exit_code::PASSED, String::new()));
    let (warned, confirmed, code, why) = verified(&Facts { kept: Some("--keep always".into()), ..killed });
    assert_eq!((warned, confirmed, code), (false, true.into(), exit_code::REFUSED));
    assert!(why.contains("kept its environment"), "{why}");
}

/// The same facts, with suites from here.
fn from(mut facts: Facts, source: SuiteSource) -> Facts {
    for suite in &mut facts.suites {
        let commit = (source == SuiteSource::Base).then(|| COMMIT.to_owned());
        let source_ref = SourceRef { from: source, commit, path: "environment.yaml".into(), digest: digest("file") };
        let lost_cases = if source == SuiteSource::Base { vec!["A7".to_owned()] } else { vec![] };
        suite.origin = Some(SuiteOrigin { source_ref, changed_in_pr: Some(true), lost_cases });
    }
    facts
}

#[test]
fn only_suites_of_the_base_satisfy_require_base_suites() {
    let kind = dayfly::spec::model::SuiteKind::Acceptance;
    let base = RequirementArgs { require_base_suites: true, ..Default::default() };
    let met = RequirementArgs {
        require_suite: vec!["acceptance".into()],
        require_kind: vec![kind],
        base_commit: Some(COMMIT.into()),
        base_digest: Some(format!("sha256:{}", digest("file"))),
        ..base.clone()
    };
    let folders = [(); 4].map(|()| tempfile::tempdir().unwrap());
    let of_base = sealed_run(&from(passed(7), SuiteSource::Base), folders[0].path());
    let (code, out, err) = verify_command(&VerifyArgs { required: met.clone(), ..of_base.clone() }, false);
    assert_eq!(code.unwrap(), exit_code::PASSED, "{err}");
    assert!(out.contains("the change alters or removes it; the change lost cases against the base: A7"), "{out}");
    let mut mixed = from(passed(7), SuiteSource::Base);
    mixed.suites.push(dayfly::report::facts::SuiteFact {
        name: "own".into(),
        ..from(passed(7), SuiteSource::Change).suites[0].clone()
    });
    let mixed = sealed_run(&mixed, folders[3].path());
    let args = VerifyArgs { required: base.clone(), ..mixed.clone() };
    assert_eq!(verify_command(&args, false).0.unwrap(), exit_code::PASSED);
    let of_change = sealed_run(&from(passed(7), SuiteSource::Change), folders[1].path());
    let unknown = sealed_run(&passed(7), folders[2].path());
    let other = "5".repeat(40);
    for (args, required, why) in [
        (&of_change, base.clone(), "no suite of the run comes from the protected base"),
        (&unknown, met, "no suite of the run comes from the protected base"),
        (&mixed, RequirementArgs { require_suite: vec!["own".into()], ..base.clone() }, "required from the base"),
        (&of_base, RequirementArgs { base_commit: Some(other), ..Default::default() }, "of the base, not from"),
        (
            &of_base,
            RequirementArgs { base_digest: Some(format!("sha256:{}", digest("x"))), ..Default::default() },
            "comes from a file with the digest",
        ),
    ] {
        let said = refusal(&VerifyArgs { required, ..args.clone() });
        assert!(said.contains(why), "{why}: {said}");
    }
}

#[test]
fn requires_the_policy_that_a_run_was_checked_against() {
    let policy =
        |of: &str| RequirementArgs { policy_digest: Some(format!("sha256:{}", digest(of))), ..Default::default() };
    let dir = tempfile::tempdir().unwrap();
    let mut facts = passed(7);
    facts.policy = Some(dayfly::model::PolicyReference { uri: "ci/policy.yaml".into(), digest: digest("policy") });
    let args = sealed_run(&facts, dir.path());
    let with = |required: RequirementArgs| VerifyArgs { required, ..args.clone() };
    let (code, out, _) = verify_command(&with(policy("policy")), false);
    assert_eq!(code.unwrap(), exit_code::PASSED);
    assert!(out.contains(&format!("ci/policy.yaml (sha256:{})", digest("policy"))), "{out}");
    let other = refusal(&with(policy("other")));
    assert!(other.contains("the policy has the digest sha256:"), "{other}");
    let dir = tempfile::tempdir().unwrap();
    let without = VerifyArgs { required: policy("policy"), ..sealed_run(&passed(7), dir.path()) };
    let none = refusal(&without);
    assert!(none.contains("the run had no policy"), "{none}");
}

#[test]
fn refuses_a_failed_suite_that_is_required() {
    let dir = tempfile::tempdir().unwrap();
    let args = sealed_run(&failed(7), dir.path());
    let required = RequirementArgs { require_suite: vec!["security".into()], ..Default::default() };
    let said = refusal(&VerifyArgs { required, ..args });
    assert!(said.contains("suite security is required, and it did not pass"), "{said}");
}

#[test]
fn refuses_a_suite_that_departs_from_the_secure_defaults_if_none_may() {
    let dir = tempfile::tempdir().unwrap();
    let mut facts = passed(7);
    facts.units[0].confinement = Default::default();
    let args = sealed_run(&facts, dir.path());
    let required = RequirementArgs { no_departures: true, ..Default::default() };
    let said = refusal(&VerifyArgs { required, ..args });
    assert!(said.contains("suite acceptance departs from the secure defaults"), "{said}");
}

#[test]
fn refuses_missing_raw_files_unless_they_are_allowed_to_be_absent() {
    let dir = tempfile::tempdir().unwrap();
    let args = sealed_run(&passed(7), dir.path());
    fs::remove_file(args.path.join("raw").join(digest(sample::JUNIT))).unwrap();
    let said = refusal(&args);
    assert!(said.contains("1 raw file(s) of the run are missing, among them acceptance/result"), "{said}");
    let (code, out, _) = verify_command(&VerifyArgs { allow_missing_raw: true, ..args }, false);
    assert_eq!(code.unwrap(), exit_code::PASSED);
    assert!(out.contains("1 not here: acceptance/result"), "{out}");
}

/// The sender of a folder may have put anything into it.
#[test]
fn reads_regular_files_of_bounded_size_inside_the_folder_only() {
    use std::os::unix::fs::symlink;
    let pipe = |path: &Path| {
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    };
    let junit = format!("raw/{}", digest(sample::JUNIT));
    let outside = tempfile::tempdir().unwrap();
    let copy = outside.path().join("copy");
    type Attack<'a> = Box<dyn Fn(&Path) + 'a>;
    let attacks: Vec<(&str, Attack<'_>, &str)> = vec![
        (RUN, Box::new(|p| pipe(p)), "it is not a regular file"),
        (&junit, Box::new(|p| pipe(p)), "it is not a regular file"),
        (REPORT, Box::new(|p| symlink("/dev/zero", p).unwrap()), "it is a symbolic link"),
        ("raw/more", Box::new(|p| symlink("/etc/passwd", p).unwrap()), "it is a symbolic link"),
        (&junit, Box::new(|p| symlink(&copy, p).unwrap()), "it is a symbolic link"),
        ("raw/more", Box::new(|p| fs::create_dir(p).unwrap()), "it is not a regular file"),
        (
            "raw/more",
            Box::new(|p| fs::File::create(p).unwrap().set_len(dayfly::evidence::read::MAX_BYTES + 1).unwrap()),
            "it is larger than",
        ),
    ];
    for (file, attack, part) in attacks {
        let dir = tempfile::tempdir().unwrap();
        let args = sealed_run(&passed(7), dir.path());
        let path = args.path.join(file);
        if path.exists() {
            fs::copy(&path, &copy).unwrap();
            fs::remove_file(&path).unwrap();
        }
        attack(&path);
        let said = refusal(&args);
        assert!(said.contains(part), "{file}: {said}");
        // The same as the only argument.
        let said = refusal(&VerifyArgs { path: path.clone(), ..args });
        assert!(said.starts_with("REFUSED"), "{file}: {said}");
    }
    let dir = tempfile::tempdir().unwrap();
    let args = sealed_run(&passed(7), dir.path());
    let raw = outside.path().join("raw");
    fs::rename(args.path.join("raw"), &raw).unwrap();
    symlink(&raw, args.path.join("raw")).unwrap();
    assert!(refusal(&args).contains("it is not a folder"));
}

#[test]
fn refuses_to_render_a_report_that_was_changed_after_signing() {
    let dir = tempfile::tempdir().unwrap();
    let folder = sealed_run(&failed(7), dir.path()).path;
    dayfly::cli::report::load(&folder).unwrap();
    let report = folder.join(REPORT);
    let edited = fs::read_to_string(&report).unwrap().replace("\"failed\"", "\"passed\"");
    fs::write(&report, edited).unwrap();
    let said = format!("{:#}", dayfly::cli::report::load(&folder).unwrap_err());
    assert!(said.contains("it was changed after it was signed"), "{said}");
}
