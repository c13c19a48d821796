//! Key files: permissions, overwriting, passphrases and errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use dayfly::cli::key::{PassphraseSource, generate, load, load_public, show};
use dayfly::evidence::{KeyError, KeyKind, SigningKey, VerifyingKey};

const KINDS: [KeyKind; 2] = [KeyKind::P256, KeyKind::Ed25519];

fn words(text: &str) -> PassphraseSource {
    PassphraseSource { file: None, variable: Some(text.to_owned().into()) }
}

fn error<T>(result: anyhow::Result<T>) -> String {
    format!("{:#}", result.err().expect("this must fail"))
}

#[test]
fn writes_a_private_key_with_mode_0600_and_reads_both_halves_back() {
    let dir = tempfile::tempdir().unwrap();
    for kind in KINDS {
        let made = generate(&dir.path().join(format!("{kind:?}")), kind, None, false).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&made.private), 0o600);
        let key = load(&made.private, &PassphraseSource::default()).unwrap();
        assert_eq!(key.verifying_key(), load_public(&made.public).unwrap());
        assert_eq!(key.verifying_key().keyid(), made.keyid);
        assert_eq!(show(&made.public, &PassphraseSource::default()).unwrap(), (made.keyid.clone(), kind));
        assert!(made.keyid.starts_with("SHA256:") && made.keyid.len() == 7 + 43, "{}", made.keyid);
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4, "nothing else is left");
}

#[test]
fn generates_different_keys() {
    let dir = tempfile::tempdir().unwrap();
    for kind in KINDS {
        let ids = ["a", "b"].map(|name| generate(&dir.path().join(name), kind, None, true).unwrap().keyid);
        assert_ne!(ids[0], ids[1]);
    }
}

#[test]
fn overwrites_a_key_only_with_force() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("key");
    let first = generate(&out, KeyKind::P256, None, false).unwrap();
    let before = fs::read(&out).unwrap();
    assert!(error(generate(&out, KeyKind::P256, None, false)).contains("--force"));
    fs::remove_file(&first.private).unwrap();
    assert!(
        error(generate(&out, KeyKind::P256, None, false)).contains("key.pub exists"),
        "the public half alone is not replaced either"
    );
    fs::write(&out, &before).unwrap();
    assert_ne!(generate(&out, KeyKind::Ed25519, None, true).unwrap().keyid, first.keyid);
    assert_ne!(fs::read(&out).unwrap(), before);
}

#[test]
fn decrypts_a_key_only_with_its_passphrase_from_variable_or_file() {
    let dir = tempfile::tempdir().unwrap();
    let made = generate(&dir.path().join("key"), KeyKind::Ed25519, Some("open sesame"), false).unwrap();
    assert!(fs::read_to_string(&made.private).unwrap().contains("ENCRYPTED PRIVATE KEY"));
    assert_eq!(load(&made.private, &words("open sesame")).unwrap().verifying_key().keyid(), made.keyid);

    let file = dir.path().join("words");
    fs::write(&file, "open sesame\n").unwrap();
    let source = PassphraseSource { file: Some(file.clone()), variable: Some("ignored".to_owned().into()) };
    assert_eq!(load(&made.private, &source).unwrap().verifying_key().keyid(), made.keyid);

    assert!(error(load(&made.private, &words("open says me"))).contains("the passphrase is wrong"));
    fs::write(&file, "\n").unwrap();
    assert!(error(load(&made.private, &source)).contains("first line is empty"));
    let absent = PassphraseSource { file: Some(dir.path().join("absent")), variable: None };
    assert!(error(load(&made.private, &absent)).contains("absent"));
    let pem = fs::read_to_string(&made.private).unwrap();
    assert_eq!(SigningKey::from_pem(&pem, None).unwrap_err(), KeyError::PassphraseMissing);
}

#[test]
fn reports_the_kind_of_every_unusable_key() {
    let dir = tempfile::tempdir().unwrap();
    let made = generate(&dir.path().join("key"), KeyKind::P256, None, false).unwrap();
    let none = PassphraseSource::default();
    assert!(error(load(&made.public, &none)).contains("it is a public key"));
    assert!(error(load_public(&made.private)).contains("it is a private key"));
    assert!(error(load(&dir.path().join("absent"), &none)).contains("absent"));
    assert!(
        error(generate(&dir.path().join("no/such/folder/key"), KeyKind::P256, None, false)).contains("no/such/folder")
    );

    let pem = fs::read_to_string(&made.private).unwrap();
    let public = fs::read_to_string(&made.public).unwrap();
    for blank in ["\n", "\r\n\n", "  \n"] {
        assert!(SigningKey::from_pem(&format!("{blank}{pem}{blank}"), None).is_ok(), "{blank:?}");
        assert!(VerifyingKey::from_pem(&format!("{blank}{public}{blank}")).is_ok(), "{blank:?}");
    }
    for (text, part) in [
        ("", "not a PEM"),
        ("hello", "not a PEM"),
        (&pem[..pem.len() / 2], "not a PEM"),
        ("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "not PKCS#8"),
    ] {
        let said = SigningKey::from_pem(text, None).unwrap_err().to_string();
        assert!(said.contains(part), "{text:?}: {said}");
    }
    assert!(
        VerifyingKey::from_pem("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
            .unwrap_err()
            .to_string()
            .contains("BEGIN PUBLIC KEY")
    );
}

#[test]
fn debug_output_of_a_signing_key_shows_only_its_id() {
    let key = SigningKey::from_seed(KeyKind::Ed25519, &[9; 32]).unwrap();
    assert_eq!(format!("{key:?}"), format!("SigningKey({})", key.verifying_key().keyid()));
}

#[test]
fn accepts_a_signature_only_of_the_same_bytes_and_key() {
    for kind in KINDS {
        let [key, other] = [1, 2].map(|n| SigningKey::from_seed(kind, &[n; 32]).unwrap());
        let signature = key.sign(b"this");
        assert!(key.verifying_key().accepts(b"this", &signature));
        assert!(!key.verifying_key().accepts(b"that", &signature));
        assert!(!other.verifying_key().accepts(b"this", &signature));
        assert!(!key.verifying_key().accepts(b"this", &[]));
        assert!(!key.verifying_key().accepts(b"this", &vec![0; signature.len()]));
    }
}

#[test]
fn only_an_absent_key_is_to_be_generated() {
    let dir = tempfile::tempdir().unwrap();
    let made = generate(&dir.path().join("key"), KeyKind::P256, Some("open sesame"), false).unwrap();
    let file = dir.path().join("words");
    fs::write(&file, "open says me\n").unwrap();
    let run = |key: &Path| {
        let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_dayfly"));
        run.args(["run", "environments/hello", "--pr", "7", "--commit", "abcdef0", "--evidence", "/nowhere", "--key"]);
        let ended = run.arg(key).arg("--passphrase-file").arg(&file).output().unwrap();
        assert_eq!(ended.status.code(), Some(2));
        String::from_utf8(ended.stderr).unwrap()
    };
    let wrong = run(&made.private);
    assert!(wrong.contains("the passphrase is wrong") && !wrong.contains("generate"), "{wrong}");
    assert!(run(&dir.path().join("absent")).contains("generate one with: dayfly key generate"));
}
