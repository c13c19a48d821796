//! Other verifiers accept evidence signed by dayfly and refuse tampered evidence.
//!
//! `tests/verifiers/setup` installs them. A missing verifier is reported as SKIPPED, or fails the test with
//! `DAYFLY_REQUIRE_VERIFIERS=1`. openssl and dayfly read each other's keys.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dayfly::testing::{Requirement, skip};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dayfly::cli::key::{PassphraseSource, generate, load, show};
use dayfly::evidence::bundle::Bundle;
use dayfly::evidence::dsse::Envelope;
use dayfly::evidence::{KeyKind, SigningKey, VerifyingKey, open, seal, store};
use dayfly::report::{Facts, exit_code};

#[path = "evidence/sample.rs"]
mod sample;

const KINDS: [KeyKind; 2] = [KeyKind::P256, KeyKind::Ed25519];

/// The verdict of a verifier, from the exit code of its script.
#[derive(Debug, PartialEq)]
enum VerifierVerdict {
    Accepted,
    Refused,
}

fn run_verifier(program: impl AsRef<OsStr>, arguments: &[&OsStr]) -> VerifierVerdict {
    let output = Command::new(program).args(arguments).output().unwrap();
    match output.status.code() {
        Some(0) => VerifierVerdict::Accepted,
        Some(1) if String::from_utf8_lossy(&output.stderr).contains("Traceback") => {
            panic!("the verifier broke: {output:?}")
        }
        Some(1) => VerifierVerdict::Refused,
        _ => panic!("the verifier broke: {output:?}"),
    }
}

fn works(program: &str, argument: &str) -> bool {
    Command::new(program).arg(argument).output().is_ok_and(|o| o.status.success())
}

/// Returns true if the verifier is present; reports a missing one.
fn present(verifier: &str, there: bool) -> bool {
    if !there {
        skip(Requirement::Verifiers, &format!("{verifier} is missing; run tests/verifiers/setup"));
    }
    there
}

fn installed() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("verifiers")
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers").join(name)
}

/// One signed run on disk, with its public key.
struct Evidence {
    work: tempfile::TempDir,
    key: SigningKey,
    public: PathBuf,
    folder: PathBuf,
}

impl Evidence {
    fn of(kind: KeyKind) -> Self {
        Self::of_run(kind, &sample::failed(7))
    }

    fn of_run(kind: KeyKind, facts: &Facts) -> Self {
        let work = tempfile::tempdir().unwrap();
        let key = sample::key(kind, 1);
        let public = work.path().join("key.pub");
        fs::write(&public, key.verifying_key().to_pem().unwrap()).unwrap();
        open(facts, &sample::planned(facts), Some(&key), None, work.path()).unwrap();
        let folder = seal(facts, &sample::raw(), Some(&key), None, work.path()).unwrap().dir;
        let evidence = Self { work, key, public, folder };
        evidence.decide();
        evidence
    }

    /// Records a decision of the gate about the image of the run.
    fn decide(&self) {
        let at = |name: &str| self.work.path().join(name);
        fs::write(at("gate.pem"), self.key.to_pem(None).unwrap().as_bytes()).unwrap();
        fs::write(at("gate.yaml"), "apiVersion: dayfly.dev/v1alpha1\nkind: GatePolicy\nkeys: [key.pub]\n").unwrap();
        let image = format!("sha256:{}", sample::digest("file-api"));
        let gate = Command::new(env!("CARGO_BIN_EXE_dayfly"))
            .current_dir(self.work.path())
            .args(["gate", "--policy", "gate.yaml", "--key", "gate.pem", "--evidence", ".", "--image", &image])
            .output();
        assert_eq!(gate.unwrap().status.code(), Some(exit_code::REFUSED.into()), "the run did not pass");
    }

    fn decision(&self) -> PathBuf {
        let mut path = self.work.path().join(store::DECISIONS);
        for _ in 0..3 {
            path = fs::read_dir(&path).unwrap().next().unwrap().unwrap().path();
        }
        path
    }

    /// Every envelope of the run: its lines, and those inside bundles.
    fn envelopes(&self) -> Vec<Envelope> {
        let lines = [store::OPENED, store::RUN]
            .map(|f| serde_json::from_slice(&fs::read(self.folder.join(f)).unwrap()).unwrap());
        lines.into_iter().chain(self.bundles().into_iter().map(|b| b.dsse_envelope)).collect()
    }

    fn bundles(&self) -> Vec<Bundle> {
        let files = [store::RUN_BUNDLE.into(), store::suite_bundle("acceptance"), store::suite_bundle("security")];
        let paths = files.iter().map(|f| self.folder.join(f)).chain([self.decision()]);
        paths.map(|path| serde_json::from_slice(&fs::read(path).unwrap()).unwrap()).collect()
    }

    fn write(&self, name: &str, value: &impl serde::Serialize) -> PathBuf {
        let path = self.work.path().join(name);
        fs::write(&path, serde_json::to_vec(value).unwrap()).unwrap();
        path
    }

    fn other_public(&self) -> PathBuf {
        let path = self.work.path().join("other.pub");
        fs::write(&path, sample::key(self.key.verifying_key().kind(), 2).verifying_key().to_pem().unwrap()).unwrap();
        path
    }
}

fn flip(text: &str, at: usize) -> String {
    format!("{}{}{}", &text[..at], if &text[at..=at] == "A" { "B" } else { "A" }, &text[at + 1..])
}

/// The envelope with its payload, and with its signature, changed.
fn tampered(good: &Envelope) -> [Envelope; 2] {
    let (mut payload, mut signature) = (good.clone(), good.clone());
    payload.payload = flip(&payload.payload, payload.payload.len() / 2);
    // Inside the first number of either kind: the encoding stays valid, so that only the signature is wrong.
    signature.signatures[0].sig = flip(&good.signatures[0].sig, 20);
    [payload, signature]
}

/// Checks that an envelope verifier accepts good and refuses bad envelopes; `ask` passes it an envelope and a key.
fn examine(evidence: &Evidence, ask: impl Fn(&Path, &Path) -> VerifierVerdict) {
    let envelopes = evidence.envelopes();
    for (n, good) in envelopes.iter().enumerate() {
        assert_eq!(
            ask(&evidence.write("good.json", good), &evidence.public),
            VerifierVerdict::Accepted,
            "envelope {n}"
        );
    }
    let good = &envelopes[1];
    for bad in tampered(good) {
        assert_eq!(ask(&evidence.write("bad.json", &bad), &evidence.public), VerifierVerdict::Refused, "{bad:?}");
    }
    let mut retyped = good.clone();
    retyped.payload_type = "application/vnd.in-toto+jsom".into();
    assert_eq!(ask(&evidence.write("bad.json", &retyped), &evidence.public), VerifierVerdict::Refused, "payload type");
}

#[test]
fn openssl_accepts_every_envelope_and_refuses_tampered_ones() {
    if !present("openssl", works("openssl", "version") && works("jq", "--version")) {
        return;
    }
    for kind in KINDS {
        let evidence = Evidence::of(kind);
        let work = evidence.work.path().join("openssl");
        let ask = |envelope: &Path, public: &Path| {
            run_verifier(script("openssl.sh"), &[envelope.as_os_str(), public.as_os_str(), work.as_os_str()])
        };
        examine(&evidence, ask);
        let good = evidence.write("good.json", &evidence.envelopes()[1]);
        assert_eq!(ask(&good, &evidence.other_public()), VerifierVerdict::Refused, "another key");
    }
}

/// The documented commands, with the folder of a run and a key in place of the examples.
fn documented_commands(run: &Path, key: &Path) -> String {
    let docs = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/evidence.md")).unwrap();
    let section = docs.split("### With openssl and jq").nth(1).unwrap();
    let commands = section.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let (example_run, example_key) = ("run=EVIDENCE/hello-pr-7/RUN\n", "key=ci-key.pem.pub\n");
    assert!(commands.contains(example_run) && commands.contains(example_key));
    commands
        .replace(example_run, &format!("run={}\n", run.display()))
        .replace(example_key, &format!("key={}\n", key.display()))
}

/// Runs the documented commands; returns their output if all succeed.
fn run_documented(evidence: &Evidence, key: &Path) -> Option<String> {
    let output = Command::new("sh")
        .args(["-c", &documented_commands(&evidence.folder, key)])
        .env("TMPDIR", evidence.work.path())
        .output()
        .unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

#[test]
fn documented_openssl_commands_verify_a_whole_run() {
    if !present("openssl", works("openssl", "version") && works("jq", "--version")) {
        return;
    }
    for kind in KINDS {
        let good = Evidence::of(kind);
        let said = run_documented(&good, &good.public).expect("the evidence is good");
        assert!(said.ends_with(&format!("FAILED demo-pr-12 pull request 12 commit {}\n", sample::COMMIT)), "{said}");
        assert!(run_documented(&good, &good.other_public()).is_none(), "another key");
        let raw = format!("raw/{}", sample::digest(sample::LOG));
        for file in ["run.intoto.jsonl", "opened.intoto.jsonl", "report.json", "suite-security.sigstore.json", &raw] {
            let bad = Evidence::of(kind);
            let path = bad.folder.join(file);
            let mut bytes = fs::read(&path).unwrap();
            let third = bytes.len() / 3;
            bytes[third] ^= 1;
            fs::write(&path, bytes).unwrap();
            assert!(run_documented(&bad, &bad.public).is_none(), "{file} is changed");
            fs::remove_file(&path).unwrap();
            assert!(run_documented(&bad, &bad.public).is_none(), "{file} is missing");
        }
        let (swapped, other) = (Evidence::of(kind), Evidence::of_run(kind, &sample::failed(8)));
        for file in ["opened.intoto.jsonl", "suite-security.sigstore.json", "report.json"] {
            let own = fs::read(swapped.folder.join(file)).unwrap();
            fs::copy(other.folder.join(file), swapped.folder.join(file)).unwrap();
            assert!(run_documented(&swapped, &swapped.public).is_none(), "{file} is of another run");
            fs::write(swapped.folder.join(file), own).unwrap();
        }
        assert!(run_documented(&swapped, &swapped.public).is_some());
    }
}

#[test]
fn securesystemslib_accepts_every_envelope_and_refuses_tampered_ones() {
    let python = installed().join("venv/bin/python");
    if !present("securesystemslib", python.exists()) {
        return;
    }
    for kind in KINDS {
        let evidence = Evidence::of(kind);
        let ask = |envelope: &Path, keyid: &str, public: &Path| {
            run_verifier(
                &python,
                &[script("envelope.py").as_os_str(), envelope.as_os_str(), public.as_os_str(), OsStr::new(keyid)],
            )
        };
        examine(&evidence, |envelope, public| ask(envelope, &evidence.key.verifying_key().keyid(), public));
        let good = evidence.write("good.json", &evidence.envelopes()[1]);
        let other = sample::key(kind, 2).verifying_key().keyid();
        assert_eq!(ask(&good, &other, &evidence.other_public()), VerifierVerdict::Refused, "another key");
    }
}

#[test]
fn sigstore_accepts_every_bundle_and_refuses_tampered_ones() {
    let modules = installed().join("node");
    if !present(
        "@sigstore/verify",
        modules.join("node_modules/@sigstore/verify").exists() && works("node", "--version"),
    ) {
        return;
    }
    for kind in KINDS {
        let evidence = Evidence::of(kind);
        let ask = |bundle: &Bundle, public: &Path| {
            let path = evidence.write("bundle.json", bundle);
            run_verifier(
                "node",
                &[script("bundle.mjs").as_os_str(), modules.as_os_str(), path.as_os_str(), public.as_os_str()],
            )
        };
        let bundles = evidence.bundles();
        for good in &bundles {
            assert_eq!(ask(good, &evidence.public), VerifierVerdict::Accepted);
        }
        for envelope in tampered(&bundles[0].dsse_envelope) {
            let bad = Bundle { dsse_envelope: envelope, ..bundles[0].clone() };
            assert_eq!(ask(&bad, &evidence.public), VerifierVerdict::Refused);
        }
        assert_eq!(ask(&bundles[0], &evidence.other_public()), VerifierVerdict::Refused, "another key");
    }
}

fn openssl(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[test]
fn openssl_reads_generated_keys() {
    if !present("openssl", works("openssl", "version")) {
        return;
    }
    let work = tempfile::tempdir().unwrap();
    for kind in KINDS {
        for passphrase in [None, Some("correct horse ø")] {
            let made = generate(&work.path().join("key"), kind, passphrase, true).unwrap();
            let private = made.private.to_str().unwrap();
            let with = |words: &str| openssl(&["pkey", "-in", private, "-pubout", "-passin", &format!("pass:{words}")]);
            assert_eq!(with(passphrase.unwrap_or_default()).unwrap(), fs::read_to_string(&made.public).unwrap());
            if passphrase.is_some() {
                assert!(with("wrong").is_err());
            }
        }
    }
}

#[test]
fn reads_keys_of_openssl_and_names_unsupported_kinds() {
    if !present("openssl", works("openssl", "version")) {
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name).to_str().unwrap().to_owned();
    let make = |name: &str, options: &[&str]| {
        let file = path(name);
        openssl(&[&["genpkey", "-quiet", "-out", &file], options].concat())
            .or_else(|_| openssl(&[&["genpkey", "-out", &file], options].concat()))
            .unwrap();
        file
    };
    let p256 = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let sealed = [&p256[..], &["-aes-256-cbc", "-pass", "pass:words"]].concat();
    let source = PassphraseSource { file: None, variable: Some("words".to_owned().into()) };
    for (name, options, kind) in [
        ("p256", &p256[..], KeyKind::P256),
        ("ed", &["-algorithm", "ED25519"], KeyKind::Ed25519),
        ("sealed", &sealed, KeyKind::P256),
    ] {
        let private = make(name, options);
        let public = openssl(&["pkey", "-in", &private, "-passin", "pass:words", "-pubout"]).unwrap();
        let key = load(Path::new(&private), &source).unwrap();
        assert_eq!(key.verifying_key(), VerifyingKey::from_pem(&public).unwrap(), "{name}");
        assert_eq!(show(Path::new(&private), &source).unwrap(), (key.verifying_key().keyid(), kind));
    }
    let p384 = make("p384", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]);
    let rsa = make("rsa", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    let sec1 = path("sec1");
    openssl(&["ec", "-in", &path("p256"), "-out", &sec1]).unwrap();
    for (file, part) in [(p384, "on another curve"), (rsa, "an RSA key"), (sec1, "openssl pkcs8 -topk8")] {
        let error = load(Path::new(&file), &source).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}
