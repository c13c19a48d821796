//! Databases of advisories for tests: records as OSV publishes them, about packages that do not exist.
#![allow(dead_code)]

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use serde_json::{Value, json};

/// A record about one package, with one range.
pub fn record(id: &str, ecosystem: &str, package: &str, introduced: &str, fixed: &str) -> Value {
    json!({
        "schema_version": "1.6.7",
        "id": id,
        "modified": "2026-11-20T08:00:00.123456Z",
        "published": "2026-11-01T08:00:00Z",
        "aliases": [],
        "summary": format!("{package} reads what it must not"),
        "details": "A longer\ntext.",
        "affected": [{
            "package": {"ecosystem": ecosystem, "name": package, "purl": "pkg:x/y"},
            "ranges": [{"type": if ecosystem == "npm" { "SEMVER" } else { "ECOSYSTEM" },
                "events": [{"introduced": introduced}, {"fixed": fixed}]}],
        }],
        "references": [{"type": "WEB", "url": "https://example.org/advisory"}],
        "credits": [{"name": "somebody"}],
    })
}

/// A record with further fields.
pub fn with(mut record: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        record[name] = value.clone();
    }
    record
}

/// The Python records of most tests.
pub fn python() -> Vec<Value> {
    let vector = json!([{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]);
    vec![
        with(
            record("PYSEC-2026-1", "PyPI", "demo-web", "0", "2.4"),
            json!({"aliases": ["CVE-2026-1", "GHSA-aaaa-bbbb-cccc"]}),
        ),
        with(
            record("GHSA-aaaa-bbbb-cccc", "PyPI", "Demo_Web", "0", "2.4.0"),
            json!({"aliases": ["CVE-2026-1"], "severity": vector, "database_specific": {"severity": "CRITICAL"}}),
        ),
        with(
            record("GHSA-dddd-eeee-ffff", "PyPI", "demo-web", "2.0", "2.6"),
            json!({"database_specific": {"severity": "MODERATE"}}),
        ),
        record("PYSEC-2026-2", "PyPI", "demo-db", "1.0", "1.5"),
        with(record("PYSEC-2026-3", "PyPI", "demo-old", "0", "9"), json!({"withdrawn": "2026-11-10T00:00:00Z"})),
        with(
            record("MAL-2026-1", "PyPI", "demo-evil", "0", "0"),
            json!({"affected": [{"package": {"ecosystem": "PyPI", "name": "demo-evil"}, "versions": ["1.0.1"]}]}),
        ),
    ]
}

/// Writes records as an archive, deflated, as OSV does.
pub fn archive(path: &Path, records: &[Value]) {
    let files: Vec<(String, Vec<u8>)> =
        records.iter().map(|r| (format!("{}.json", r["id"].as_str().unwrap()), r.to_string().into_bytes())).collect();
    zip(path, &files);
}

/// Writes files as an archive.
pub fn zip(path: &Path, files: &[(String, Vec<u8>)]) {
    let (mut out, mut directory) = (vec![], vec![]);
    let word = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let half = |n: usize| u16::try_from(n).unwrap().to_le_bytes();
    for (name, bytes) in files {
        let mut deflate = DeflateEncoder::new(vec![], Compression::default());
        deflate.write_all(bytes).unwrap();
        let packed = deflate.finish().unwrap();
        let mut checksum = Crc::new();
        checksum.update(bytes);
        // Version, flags, method, time, date, checksum, lengths.
        let common = [
            &20u16.to_le_bytes()[..],
            &0u16.to_le_bytes(),
            &8u16.to_le_bytes(),
            &[0; 4],
            &checksum.sum().to_le_bytes(),
            &word(packed.len()),
            &word(bytes.len()),
            &half(name.len()),
            &half(0),
        ]
        .concat();
        let offset = out.len();
        directory
            .extend([b"PK\x01\x02\x14\x00".as_slice(), &common, &[0; 10], &word(offset), name.as_bytes()].concat());
        out.extend([b"PK\x03\x04".as_slice(), &common, name.as_bytes(), &packed].concat());
    }
    let end = [
        b"PK\x05\x06\0\0\0\0".as_slice(),
        &half(files.len()),
        &half(files.len()),
        &word(directory.len()),
        &word(out.len()),
        &[0; 2],
    ]
    .concat();
    fs::write(path, [out, directory, end].concat()).unwrap();
}
