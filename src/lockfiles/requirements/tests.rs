#![allow(clippy::unwrap_used)]
use super::super::kind::LockKind;
use super::*;

fn parsed(text: &str) -> LockFile {
    let mut out = LockFile::empty("requirements.txt", LockKind::Requirements);
    let mut include = |_: &str, target: &str| match target {
        "base.txt" => Ok(("base.txt".to_owned(), "six==1.16.0\n-r requirements.txt\n-r base.txt\n".to_owned())),
        _ => Err("it is outside of the folder".to_owned()),
    };
    read(text, &mut out, &mut include).map_err(|f| f.why).unwrap();
    out
}

fn pinned_of(text: &str) -> Vec<String> {
    parsed(text).packages.iter().map(|p| format!("{}=={} {}", p.name, p.version, p.place)).collect()
}

#[test]
fn reads_exact_versions_with_hashes_extras_and_markers() {
    let text = "# top\nFlask_Login[x, y] == 0.6.3 ; python_version < '3.12'  # why\nrequests==2.31.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nb===1.0\n--index-url https://x\nc==1.0,>=0.9\n";
    assert_eq!(
        pinned_of(text),
        [
            "flask-login==0.6.3 requirements.txt:2",
            "requests==2.31.0 requirements.txt:3",
            "b==1.0 requirements.txt:6",
            "c==1.0 requirements.txt:8"
        ]
    );
}

#[test]
fn what_has_no_exact_version_is_a_gap_with_its_line() {
    let text =
        "a\nb>=1\nc==1.*\nd @ https://x/d.whl\nhttps://x/e.whl\n-e git+https://x/f#egg=f\n-r ../outside.txt\ng!=1\n";
    let gaps: Vec<String> = parsed(text).gaps.iter().map(|g| format!("{}: {}", g.place, g.reason)).collect();
    assert_eq!(gaps.len(), 8, "{gaps:#?}");
    assert_eq!(gaps[0], "requirements.txt:1: \"a\" is not pinned to one version with `==`");
    assert!(gaps[3].contains("has an address"));
    assert_eq!(gaps[6], "requirements.txt:7: \"../outside.txt\" is not read: it is outside of the folder");
}

#[test]
fn the_projects_own_folders_and_constraints_are_no_gaps() {
    let found = parsed("-e .\n.\n./lib\n-c constraints.txt\n--constraint c.txt\n\n# x\n");
    assert!(found.gaps.is_empty() && found.packages.is_empty(), "{found:?}");
}

#[test]
fn included_files_are_read_once() {
    assert_eq!(
        pinned_of("-r base.txt\n--requirement=base.txt\na==1\n"),
        ["six==1.16.0 base.txt:1", "a==1 requirements.txt:3"]
    );
}

#[test]
fn comments_say_what_brings_a_package() {
    let text = "flask==3.0.0\n    # via -r requirements.in\nclick==8.1.0\n    # via\n    #   flask\n    #   other\nmarkupsafe==2.1.0  # via jinja2\njinja2==3.1.0 # via flask\nown==1.0\n";
    let found: Vec<_> = parsed(text).packages.into_iter().map(|p| (p.name, p.brought_by.join(" "))).collect();
    let expected =
        [("flask", "flask"), ("click", "flask"), ("markupsafe", "flask"), ("jinja2", "flask"), ("own", "own")];
    assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn lines_end_where_they_end_for_pip() {
    for end in ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\u{85}", "\u{2028}", "\u{2029}"] {
        let found = parsed(&format!("a==1\n# note{end}evil==1"));
        assert_eq!(found.packages.len(), 2, "{end:?} {found:?}");
    }
    assert_eq!(pinned_of("# x\u{2028}b==1\r\nc==1\n"), ["b==1 requirements.txt:1", "c==1 requirements.txt:2"]);
}

#[test]
fn another_encoding_is_a_gap() {
    for text in ["# coding: utf-7\na==1\n", "a==1\n# -*- coding=latin-1 -*-\n", "# coding: utf-8 coding: utf-16\na==1"]
    {
        assert_eq!(parsed(text).gaps.len(), 1, "{text}");
    }
    for text in ["# -*- coding: UTF-8 -*-\na==1\n", "a==1\n\n# coding: utf-7\n", "# no coding here\na==1"] {
        assert!(parsed(text).gaps.is_empty(), "{text}");
    }
}

#[test]
fn options_that_could_bring_packages_are_read_or_gaps() {
    for text in [
        "--pre -r base.txt",
        "--requirem base.txt",
        "-i https://x -r base.txt",
        "-i https://x\t-r\tbase.txt",
        "--index-url= -r base.txt",
        "--ed git+https://x/y",
        "-e git@github.com:x/y",
        "-r 'base.txt'",
        "-r b\\ase.txt",
        "-r ${NAME}.txt",
        "--requirement",
        "--pre=x",
        "-x",
    ] {
        let found = parsed(text);
        assert!(found.packages.is_empty() && found.gaps.len() == 1, "{text}: {found:?}");
    }
    assert_eq!(parsed("--pre -r o").gaps[0].reason, "\"--pre -r o\" is an option that dayfly does not read");
    let settings = "-i https://x\n--index-url=https://x\n--extra-index-url https://x\n--no-index\n-fhttps://x\n--find-links wheels\n\
        --pre\n--prefer-binary\n--no-binary :all:\n--only-binary=:all:\n--require-hashes\n--trusted-host x\n--use-feature fast-deps\n";
    assert_eq!(parsed(settings).gaps, []);
}
