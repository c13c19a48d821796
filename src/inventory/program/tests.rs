#![allow(clippy::unwrap_used)]
use std::io::Write as _;

use super::*;

/// Go's build information, as Go 1.22 writes it.
pub(in crate::inventory) fn build_info(version: &str, list: &str) -> Vec<u8> {
    let list = [&[0x30; 16], list.as_bytes(), &[0x32; 16]].concat();
    let mut info = [go::MAGIC, &[8, 2], &[0; 16]].concat();
    for text in [version.as_bytes(), &list] {
        let mut length = text.len();
        while length >= 0x80 {
            info.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        info.push(u8::try_from(length).unwrap());
        info.extend_from_slice(text);
    }
    info
}

/// A program with something at an offset.
pub(in crate::inventory) fn program(offset: usize, content: &[u8]) -> Vec<u8> {
    let mut bytes = ELF.to_vec();
    bytes.resize(offset, b'.');
    [&bytes, content, b"...."].concat()
}

fn shown(bytes: &[u8]) -> (Vec<String>, Vec<Unread>) {
    let found = read(&mut &*bytes).unwrap().unwrap();
    let one = |n: &Named| format!("{} {}", n.name, n.version);
    (found.go.iter().chain(&found.rust).map(one).collect(), found.unread.into_iter().collect())
}

const LIST: &str = "path\texample.com/own\nmod\texample.com/own\t(devel)\t\ndep\tgolang.org/x/net\tv0.17.0\th1:x=\n\
    dep\tgithub.com/a/a\tv1.0.0\n=>\tgithub.com/fork/a\tv1.1.0\th1:y=\ndep\tgithub.com/b/b\tv1.0.0\n=>\t../b\t(devel)\t\nbuild\t-compiler=gc\n";

#[test]
fn reads_the_build_information_of_go() {
    let all = ["github.com/fork/a v1.1.0", "golang.org/x/net v0.17.0", "stdlib 1.22.3"];
    // Wherever it is, also over the end of what is read at a time.
    for offset in [16, 4096, PIECE - 16, PIECE, PIECE + 16, 3 * PIECE - 32] {
        assert_eq!(shown(&program(offset, &build_info("go1.22.3", LIST))).0, all, "{offset}");
    }
    let of = |version: &str| shown(&program(64, &build_info(version, LIST))).0.pop().unwrap();
    assert_eq!(of("go1.22.3 X:boringcrypto"), "stdlib 1.22.3");
    assert_eq!(of("go1.22rc1"), "stdlib go1.22rc1");
    assert_eq!(of("devel go1.23-0123abc Mon"), "stdlib devel go1.23-0123abc Mon");
    // A program that embeds another one.
    let inner = build_info("go1.20", "path\tx\nmod\texample.com/inner\tv1.2.3\th1:z=\n");
    let mut both = program(64, &build_info("go1.22.3", LIST));
    both.resize(2048, b'.');
    let (found, unread) = shown(&[both, inner].concat());
    assert!(unread.is_empty() && found.len() == 5, "{found:?}");
}

#[test]
fn a_program_without_readable_build_information_is_not_read() {
    let without_modules = build_info("go1.22.3", "path\tcommand-line-arguments\nbuild\t-compiler=gc\n");
    assert_eq!(shown(&program(64, &without_modules)), (vec!["stdlib 1.22.3".to_owned()], vec![Unread::Go]));
    assert!(shown(&program(64, &build_info("go1.22.3", "path\tcmd/gofmt\n"))).1.is_empty());
    let mut older = build_info("go1.17", LIST);
    older[15] = 0;
    let cut = &build_info("go1.22.3", LIST)[..60];
    let many = [go::MAGIC, &[8, 2]].concat().repeat(1000);
    let long = build_info(&"go1.2".repeat(100), LIST);
    for (what, content) in [("older", older.as_slice()), ("cut", cut), ("many", &many), ("long", &long)] {
        assert_eq!(shown(&program(64, content)), (vec![], vec![Unread::Go]), "{what}");
    }
    assert_eq!(shown(&program(65, &build_info("go1.22.3", LIST))).1, [Unread::Go], "not where Go has it");
    for other in ["", "\x7fEL", "#!/bin/sh\n# /rustc/ Go buildinf:", "\x7fELF Go buildinf:"] {
        assert_eq!(read(&mut other.as_bytes()).unwrap(), None, "{other}");
    }
    assert_eq!(shown(&program(100_000, b"/rustc/59807616e1fa/library/core")).1, [Unread::Rust]);
}

/// A program with a section `.dep-v0`.
pub(in crate::inventory) fn auditable(list: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::ZlibEncoder::new(vec![], flate2::Compression::default());
    packed.write_all(list).unwrap();
    let packed = packed.finish().unwrap();
    let (names, code) = (b"\0.shstrtab\0.dep-v0\0", b"/rustc/0123/library/core/src/x.rs");
    let (names_at, code_at) = (64, 64 + names.len());
    let packed_at = code_at + code.len();
    let table_at = packed_at + packed.len();
    let section = |name: u32, kind: u32, at: usize, length: usize| {
        let mut header = vec![];
        header.extend_from_slice(&name.to_le_bytes());
        header.extend_from_slice(&kind.to_le_bytes());
        header.extend_from_slice(&[0; 16]);
        header.extend_from_slice(&(at as u64).to_le_bytes());
        header.extend_from_slice(&(length as u64).to_le_bytes());
        header.extend_from_slice(&[0; 24]);
        header
    };
    let mut header = b"\x7fELF\x02\x01\x01".to_vec();
    header.resize(16, 0);
    header.extend_from_slice(&[3, 0, 62, 0, 1, 0, 0, 0]);
    header.extend_from_slice(&[0; 16]);
    header.extend_from_slice(&(table_at as u64).to_le_bytes());
    header.extend_from_slice(&[0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 64, 0, 3, 0, 1, 0]);
    let sections = [vec![0; 64], section(1, 3, names_at, names.len()), section(11, 1, packed_at, packed.len())];
    [header.as_slice(), names, code, &packed, &sections.concat()].concat()
}

#[test]
fn reads_the_list_of_cargo_auditable() {
    let list = r#"{"packages":[{"name":"own","version":"0.1.0","source":"local","root":true,"dependencies":[1]},
        {"name":"serde","version":"1.0.0","source":"crates.io"},{"name":"cc","version":"1.0.0","source":"crates.io","kind":"build"},
        {"name":"far","version":"2.0.0","source":"git"}]}"#;
    assert_eq!(shown(&auditable(list.as_bytes())), (vec!["far 2.0.0".to_owned(), "serde 1.0.0".to_owned()], vec![]));
    let whole = auditable(list.as_bytes());
    for broken in [auditable(b"{}"), auditable(&vec![b' '; 9 << 20]), whole[..whole.len() - 60].to_vec()] {
        assert_eq!(shown(&broken), (vec![], vec![Unread::Rust]));
    }
}
