//! A client of the formats that dayfly has no part in reads the log.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dayfly::evidence::read;
use dayfly::evidence::store::PROOF;
use dayfly::testing::{Requirement, skip};

use crate::place::{Place, accepted, swap, text};
use crate::sample::failed;
use crate::witness::Witness;

/// A client that knows only the texts of the formats.
#[test]
fn is_read_by_a_client_that_dayfly_has_no_part_in() {
    let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join("verifiers/venv/bin/python");
    if !python.exists() {
        return skip(Requirement::Verifiers, "securesystemslib is missing; run tests/verifiers/setup");
    }
    let place = Place::new();
    // More than one tile, and a level above.
    let many: Vec<Vec<u8>> = (0..300).map(|n| format!("{{\"n\":{n}}}").into_bytes()).collect();
    place.log().append(&many).unwrap();
    let folder = place.run(&failed(7));
    let witness = Witness::new(&place, "audit.example/witness");
    accepted(&witness.sign(&place, &["--first"]));
    let cosigned = place.at("evidence/log/witnessed").join(witness.id());
    let client = |change: &dyn Fn()| {
        change();
        let mut command = Command::new(&python);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers/tlog_client.py"));
        command.arg(&place.vkey).arg(place.at("evidence/log")).arg(&witness.vkey).arg(&cosigned);
        for name in read::read_statements(&folder).unwrap().keys() {
            command.arg(folder.join(format!("{name}{PROOF}"))).arg(folder.join(name));
        }
        command.output().unwrap()
    };
    let good = client(&|| {});
    let told = text(&good);
    assert!(told.starts_with("305 entries, witnessed at "), "{told}");
    let time: i64 = told.trim_end().rsplit(' ').next().unwrap().parse().unwrap();
    assert!((jiff::Timestamp::now().as_second() - time).abs() < 300, "{told}");
    let checkpoint = place.at("evidence/log/checkpoint");
    let refused = |output: Output, why: &str| {
        assert_eq!((output.status.code(), text(&output)), (Some(1), format!("{why}\n")));
    };
    refused(client(&|| swap(&checkpoint, "\n305\n", "\n304\n")), "the checkpoint's signature does not match");
    swap(&checkpoint, "\n304\n", "\n305\n");
    let tile = place.at("evidence/log/tile/0/000");
    let whole = fs::read(&tile).unwrap();
    refused(client(&|| fs::write(&tile, &whole[32..]).unwrap()), "tile 0 of level 0 has other hashes");
    fs::write(&tile, whole).unwrap();
    let run = folder.join(format!("run.intoto.jsonl{PROOF}"));
    let good = fs::read_to_string(&run).unwrap();
    refused(client(&|| swap(&run, "\nindex 304\n", "\nindex 303\n")), "the proof does not lead to the root");
    fs::write(&run, good).unwrap();
    let good = fs::read_to_string(&cosigned).unwrap();
    let (rest, last) = good.trim_end().rsplit_once('\n').unwrap();
    refused(client(&|| fs::write(&cosigned, format!("{rest}\n")).unwrap()), "the witness did not sign the checkpoint");
    fs::write(&cosigned, later(rest, last)).unwrap();
    refused(client(&|| {}), "the cosignature does not match");
    fs::write(&cosigned, good).unwrap();
    assert_eq!(text(&client(&|| {})), told);
}

/// The note with a later time in its last signature.
fn later(rest: &str, last: &str) -> String {
    let (name, signature) = last.rsplit_once(' ').unwrap();
    let mut bytes = STANDARD.decode(signature).unwrap();
    bytes[11] ^= 1;
    format!("{rest}\n{name} {}\n", STANDARD.encode(bytes))
}
