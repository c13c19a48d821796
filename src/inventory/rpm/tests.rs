#![allow(clippy::unwrap_used)]
use std::io::Read as _;

use super::*;

/// A database that rpm 4.18 wrote: three packages, one with a header that is longer than a page.
pub(in crate::inventory) fn database() -> Vec<u8> {
    let packed = include_bytes!("../../../tests/fixtures/inventory/rpmdb.sqlite.gz");
    let mut bytes = vec![];
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn reads_what_rpm_wrote() {
    let found = parse(&database()).unwrap();
    let one = |c: &Control| {
        let source = c.source.as_ref().unwrap();
        format!("{} {} of {} {}", c.name, c.version, source.name, source.version)
    };
    let mut shown: Vec<String> = found.packages.iter().map(one).collect();
    shown.sort();
    let all = [
        "demo-lib 1:2.1-3.el9 of demo-lib 1:2.1-3.el9",
        "plain 1.0-1.el9 of plain 1.0-1.el9",
        "python3-demo 1:2.1-3.el9 of demo-lib 1:2.1-3.el9",
    ];
    assert_eq!(shown, all);
    assert!(found.gaps.is_empty());
    let has = |path: &str| found.files.iter().any(|f| f == path);
    assert!(has("usr/bin/demo") && has("usr/lib/python3.9/site-packages/demo-2.1.dist-info/METADATA"));
}

#[test]
fn a_damaged_database_never_looks_empty_or_whole() {
    let whole = database();
    for n in [0, 15, 100, 4096, 8192, whole.len() / 2] {
        assert!(parse(&whole[..n]).is_err(), "{n}");
    }
    // One bit anywhere: an error, a gap, or the same packages; and no endless loop.
    let expected = parse(&whole).unwrap();
    for at in (0..whole.len()).step_by(61) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x40;
        if let Ok(found) = parse(&flipped) {
            assert!(!found.gaps.is_empty() || found.packages.len() == expected.packages.len(), "{at}");
        }
    }
}
