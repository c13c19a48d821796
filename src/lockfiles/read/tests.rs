#![allow(clippy::unwrap_used)]
use super::*;

fn parsed(kind: LockKind, text: &str) -> LockFile {
    parse("file", kind, text.as_bytes()).unwrap()
}

/// `name version` and what brings it.
fn shown(found: &LockFile) -> Vec<String> {
    found.packages.iter().map(|p| format!("{p} by {}", p.brought_by.join(" "))).collect()
}

fn why(kind: LockKind, text: &str) -> String {
    parse("file", kind, text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn cargo_leaves_out_the_members_of_the_workspace() {
    let found = parsed(
        LockKind::Cargo,
        "version = 4\n[[package]]\nname = \"own\"\nversion = \"0.1.0\"\ndependencies = [\"a\", \"b 1.0.0\"]\n\
         [[package]]\nname = \"a\"\nversion = \"1.0.0+x\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\ndependencies = [\"c\"]\n\
         [[package]]\nname = \"b\"\nversion = \"1.0.0\"\nsource = \"git+https://x\"\n\
         [[package]]\nname = \"c\"\nversion = \"2.0.0\"\nsource = \"registry+x\"\n",
    );
    assert_eq!(shown(&found), ["a 1.0.0+x by a", "b 1.0.0 by b", "c 2.0.0 by a"]);
    assert_eq!(found.packages[0].place.line, Some(7));
    assert!(why(LockKind::Cargo, "package = 1").starts_with("read file:1: this is not such a lock file"));
}

#[test]
fn uv_knows_the_explicit_requirements() {
    let found = parsed(
        LockKind::Uv,
        "version = 1\n[[package]]\nname = \"own\"\nversion = \"0\"\nsource = { editable = \".\" }\ndependencies = [{ name = \"Flask\" }]\n\
         [package.dev-dependencies]\ndev = [{ name = \"pytest\" }]\n\
         [[package]]\nname = \"flask\"\nversion = \"3.0.0\"\nsource = { registry = \"x\" }\ndependencies = [{ name = \"click\", marker = \"x\" }]\n\
         [[package]]\nname = \"click\"\nversion = \"8.0\"\nsource = { registry = \"x\" }\n\
         [[package]]\nname = \"pytest\"\nversion = \"8.0\"\nsource = { registry = \"x\" }\n\
         [[package]]\nname = \"odd\"\nsource = { git = \"x\" }\n",
    );
    assert_eq!(shown(&found), ["flask 3.0.0 by flask", "click 8.0 by flask", "pytest 8.0 by pytest"]);
    assert_eq!(found.gaps[0].reason, "\"odd\" has no version");
    assert!(why(LockKind::Uv, "version = 9").contains("its version is 9"));
}

#[test]
fn poetry_and_pylock_take_what_nobody_needs_for_explicit() {
    let poetry = parsed(
        LockKind::Poetry,
        "[[package]]\nname = \"Flask\"\nversion = \"3.0\"\n[package.dependencies]\nclick = \">=8\"\n\
         [[package]]\nname = \"click\"\nversion = \"8.0\"\n\
         [[package]]\nname = \"own\"\nversion = \"1\"\n[package.source]\ntype = \"directory\"\nurl = \".\"\n[metadata]\nlock-version = \"2.0\"\n",
    );
    assert_eq!(shown(&poetry), ["flask 3.0 by flask", "click 8.0 by flask"]);
    let pylock = parsed(
        LockKind::Pylock,
        "lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"flask\"\nversion = \"3.0\"\ndependencies = [{ name = \"click\" }]\n\
         [[packages]]\nname = \"click\"\nversion = \"8.0\"\n[[packages]]\nname = \"own\"\ndirectory = { path = \".\" }\n\
         [[packages]]\nname = \"far\"\nvcs = { type = \"git\", url = \"x\", commit-id = \"y\" }\n",
    );
    assert_eq!(shown(&pylock), ["flask 3.0 by flask", "click 8.0 by flask"]);
    assert_eq!(pylock.gaps.len(), 1);
    assert!(why(LockKind::Pylock, "lock-version = \"2.0\"").contains("its lock-version is \"2.0\""));
}

#[test]
fn pipfile_reads_every_section_once() {
    let found = parsed(
        LockKind::Pipfile,
        r#"{"_meta":{},"default":{"flask":{"version":"==3.0","hashes":[]},"own":{"path":"."}},"develop":{"flask":{"version":"==3.0"},"far":{"git":"x"}},"docs":{"Sphinx":{"version":"==7.0"}}}"#,
    );
    assert_eq!(shown(&found), ["flask 3.0 by ", "sphinx 7.0 by "]);
    assert_eq!(found.gaps.len(), 1);
    assert!(why(LockKind::Pipfile, "{}").contains("neither"));
}

#[test]
fn npm_reads_versions_one_to_three() {
    let third = parsed(
        LockKind::Npm,
        r#"{"lockfileVersion":3,"packages":{"":{"dependencies":{"a":"^1"},"devDependencies":{"alias":"npm:real@1"}},
        "lib":{"version":"1.0.0"},"node_modules/lib":{"link":true,"resolved":"lib"},
        "node_modules/a":{"version":"1.2.3","dependencies":{"@s/b":"*"}},
        "node_modules/a/node_modules/@s/b":{"version":"2.0.0"},
        "node_modules/alias":{"name":"real","version":"1.0.0"},
        "node_modules/far":{"version":"git+ssh://x"}}}"#,
    );
    assert_eq!(shown(&third), ["a 1.2.3 by a", "@s/b 2.0.0 by a", "real 1.0.0 by alias"]);
    assert_eq!(third.gaps.len(), 1);
    let first = parsed(
        LockKind::Npm,
        r#"{"lockfileVersion":1,"dependencies":{"a":{"version":"1.2.3","requires":{"b":"*"},"dependencies":{"b":{"version":"2.0.0"}}},
        "alias":{"version":"npm:@s/real@1.0.0"},"lib":{"version":"file:lib"},"far":{"version":"github:x/y#1"},"odd":{"version":"1","requires":true}}}"#,
    );
    assert_eq!(shown(&first), ["a 1.2.3 by a", "b 2.0.0 by a", "@s/real 1.0.0 by alias", "odd 1 by odd"]);
    assert_eq!(first.gaps.len(), 1);
    assert!(why(LockKind::Npm, r#"{"lockfileVersion":9}"#).contains("its lockfileVersion is 9"));
}

#[test]
fn npm_takes_packages_from_where_a_registry_has_them() {
    let gaps = |name: &str, version: &str, from: &str| {
        let path = format!("node_modules/{name}");
        let entry = serde_json::json!({"version": version, "resolved": from});
        let third = serde_json::json!({"lockfileVersion": 3, "packages": {path: entry}}).to_string();
        let first = serde_json::json!({"dependencies": {name: entry}}).to_string();
        [third, first].map(|text| parsed(LockKind::Npm, &text).gaps.len())
    };
    let npm = "https://registry.npmjs.org";
    for (name, version, from) in [
        ("a", "1.0.0", format!("{npm}/a/-/a-1.0.0.tgz")),
        ("a", "1.0.0+x", format!("{npm}/a/-/a-1.0.0.tgz#0123abcd")),
        ("@s/a", "1.0.0", format!("{npm}/@s/a/-/a-1.0.0.tgz")),
        ("@s/a", "1.0.0", "http://mirror.test/api/npm/@s%2fa/-/@s/a-1.0.0.tgz".into()),
        ("@s/a", "1.0.0", "https://npm.pkg.github.com/download/@s/a/1.0.0/0123abcd".into()),
    ] {
        assert_eq!(gaps(name, version, &from), [0, 0], "{from}");
    }
    for from in [
        format!("{npm}/evil/-/evil-1.0.0.tgz"),
        format!("{npm}/a/-/a-0.9.0.tgz"),
        format!("{npm}/b-a/-/a-1.0.0.tgz"),
        format!("{npm}/evil/-/evil-1.0.0.tgz?/a/-/a-1.0.0.tgz"),
        format!("{npm}/evil/-/evil-1.0.0.tgz#/a/-/a-1.0.0.tgz"),
        "git+ssh://git@github.com/x/a.git#0123abcd".into(),
        "file:a-1.0.0.tgz".into(),
        String::new(),
    ] {
        assert_eq!(gaps("a", "1.0.0", &from), [1, 1], "{from}");
    }
    // Two lists in one file: npm 6 reads the second.
    let both = r#"{"lockfileVersion":2,"packages":{"":{},"node_modules/a":{"version":"1.0.0"},"lib":{"resolved":"https://x/y.tgz"}},
        "dependencies":{"a":{"version":"1.0.0"},"b":{"version":"2.0.0"},"c":{"version":"file:c.tgz"}}}"#;
    let both = parsed(LockKind::Npm, both);
    assert_eq!((shown(&both).len(), both.gaps.len()), (2, 2), "{both:?}");
}

#[test]
fn what_is_too_much_is_counted() {
    let found = parsed(LockKind::Requirements, &"a\n".repeat(5000));
    assert_eq!(found.gaps.len(), 1001);
    assert_eq!(found.gaps[1000].reason, "and 4000 more that cannot be looked up");
    assert!(why(LockKind::Requirements, &"\n".repeat(1_000_001)).contains("more than 1000000 lines"));
    assert!(why(LockKind::Requirements, &"a==1\n".repeat(100_001)).contains("more than 100000 packages"));
}

#[test]
fn go_takes_replacements_and_tells_explicit_from_indirect() {
    let found = parsed(
        LockKind::GoMod,
        "module example.com/own // x\n\ngo 1.21\ntoolchain go1.22.1\nrequire github.com/a/a v1.0.0\nrequire (\n\t\"github.com/b/b\" v0.0.0-20190101000000-abcdefabcdef // indirect\n\tgithub.com/c/c v2.0.0+incompatible\n\tgithub.com/d/d v1.0.0\n)\n\
         replace github.com/c/c => github.com/fork/c v2.1.0\nreplace (\n\tgithub.com/d/d v1.0.0 => ../d\n)\nexclude github.com/e/e v1.0.0\n",
    );
    assert_eq!(
        shown(&found),
        [
            "github.com/a/a v1.0.0 by github.com/a/a",
            "github.com/b/b v0.0.0-20190101000000-abcdefabcdef by ",
            "github.com/fork/c v2.1.0 by github.com/c/c"
        ]
    );
    assert!(why(LockKind::GoMod, "go 1.2").contains("`module`"));
    let sum = parsed(
        LockKind::GoSum,
        "github.com/a/a v1.0.0 h1:x=\ngithub.com/a/a v1.0.0/go.mod h1:y=\ngithub.com/b/b v0.9.0/go.mod h1:z=\n",
    );
    assert_eq!(shown(&sum), ["github.com/a/a v1.0.0 by "]);
    assert!(why(LockKind::GoSum, "x y").starts_with("read file:1: "));
}

#[test]
fn go_reads_what_go_reads_and_refuses_the_rest() {
    let of = |text: &str| parsed(LockKind::GoMod, &format!("module x\ngo 1.21\n{text}\n"));
    for text in ["require(\n\ta.test/b v1.0.0\n)", "require `a.test/b` v1.0.0\nexclude ()\nretract [v1, v2]"] {
        assert_eq!(shown(&of(text)), ["a.test/b v1.0.0 by a.test/b"], "{text}");
    }
    let replaced = of("require a.test/b v1.0.0\nreplace(\n\ta.test/b => evil.test/b v1.0.0\n)");
    assert_eq!(shown(&replaced), ["evil.test/b v1.0.0 by a.test/b"]);
    for text in [
        "require \"a.test/\\x65vil\" v1.0.0",
        "require \"a.test/b\"v1.0.0",
        "require\"a.test/b\" v1.0.0",
        "require[a.test/b v1.0.0]",
        "require(a.test/b v1.0.0)",
        "replace a.test/b=>c.test/d v1",
        "require x (\n\ta.test/b v1.0.0\n)",
        "requires a.test/b v1.0.0",
    ] {
        assert!(why(LockKind::GoMod, &format!("module x\ngo 1.21\n{text}\n")).starts_with("read file:3: "), "{text}");
    }
    let old = parsed(LockKind::GoMod, "module x\ngo 1.16\nrequire a.test/b v1.0.0\n");
    assert_eq!((old.packages.len(), old.gaps.len()), (1, 1));
}

#[test]
fn archives_of_the_project_are_no_folders() {
    let requirements = "./lib\n./wheels/a.whl\n./a.tar.gz[x]\n./a[b]/c.ZIP ; python_version>'3'\n./a${B}\n-e ./lib\n";
    assert_eq!(parsed(LockKind::Requirements, requirements).gaps.len(), 4);
    let npm = r#"{"lockfileVersion":1,"dependencies":{"a":{"version":"file:a-1.0.0.tgz"},"b":{"version":"file:b"}}}"#;
    assert_eq!(parsed(LockKind::Npm, npm).gaps.len(), 1);
    let pipfile = r#"{"default":{"a":{"path":"./a.whl"},"b":{"path":"."},"c":{"git":"x","version":"==1"},"d":{"path":".","file":"x"}}}"#;
    let pipfile = parsed(LockKind::Pipfile, pipfile);
    assert_eq!((pipfile.packages.len(), pipfile.gaps.len()), (0, 3));
}

#[test]
fn what_is_also_a_package_is_no_folder() {
    let uv = parsed(
        LockKind::Uv,
        "version = 1\n[[distribution]]\nname = \"a\"\nversion = \"1\"\nsource = { registry = \"x\", virtual = \".\" }\n",
    );
    assert_eq!(shown(&uv), ["a 1 by a"]);
    let pylock = parsed(
        LockKind::Pylock,
        "lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\ndirectory = { path = \".\" }\narchive = { url = \"x\" }\n",
    );
    assert_eq!(pylock.gaps.len(), 1);
}

#[test]
fn included_files_stay_inside_of_the_folder() {
    let outer = tempfile::tempdir().unwrap();
    let at = |name: &str| outer.path().join(name);
    std::fs::create_dir_all(at("project/sub")).unwrap();
    std::fs::write(at("secret.txt"), "password==1").unwrap();
    std::os::unix::fs::symlink(at("secret.txt"), at("project/link.txt")).unwrap();
    std::fs::write(at("project/base.txt"), "six==1.16.0\n").unwrap();
    std::fs::write(
        at("project/sub/requirements.txt"),
        "-r ../base.txt\n-r ../../secret.txt\n-r ../link.txt\n-r /etc/passwd\n-r gone.txt\n",
    )
    .unwrap();
    let found = read(&at("project/sub/requirements.txt"), LockKind::Requirements, &at("project")).unwrap();
    assert_eq!(shown(&found), ["six 1.16.0 by six"]);
    assert_eq!(found.gaps.len(), 4, "{:#?}", found.gaps);
    assert!(!format!("{found:?}").contains("password"));
}

#[test]
fn names_that_are_none_are_gaps() {
    let found = parsed(
        LockKind::Npm,
        "{\"lockfileVersion\":3,\"packages\":{\"node_modules/a\\u001b[2J\":{\"version\":\"1.0.0\"}}}",
    );
    assert!(found.packages.is_empty());
    assert_eq!(found.gaps[0].reason, "\"a\\u{1b}[2J\" is not the name of a package");
}

/// Origin, upload, publishers, number of hashes, code at installation and deprecation of the first package.
fn said(kind: LockKind, text: &str) -> (Option<String>, Option<String>, Vec<String>, usize, bool, Option<String>) {
    let found = parsed(kind, text);
    let locked = found.packages[0].locked.clone().unwrap();
    let (origin, uploaded) = (locked.origin.map(|o| o.to_string()), locked.uploaded.map(|t| t.to_string()));
    let publishers = locked.publishers.into_iter().collect();
    (origin, uploaded, publishers, locked.hashes.len(), locked.install_code, locked.deprecated)
}

#[test]
fn says_where_a_package_comes_from_and_since_when_it_is_there() {
    let some = |text: &str| Some(text.to_owned());
    let pylock = "lock-version = \"1.0\"\n[[packages]]\nname = \"a\"\nversion = \"1\"\nindex = \"https://pypi.org/simple/\"\n\
        wheels = [{ upload-time = 2026-01-02T00:00:00Z, hashes = { sha256 = \"aa\" } }, { upload-time = 2026-01-03T00:00:00, hashes = { sha256 = \"bb\" } }]\n\
        [[packages.attestation-identities]]\nkind = \"GitHub\"\nrepository = \"o/a\"\nworkflow = \"release.yml\"\n";
    let publishers = vec!["GitHub o/a release.yml".to_owned()];
    let index = some("the registry pypi.org/simple");
    let whole = (index.clone(), some("2026-01-03T00:00:00Z"), publishers.clone(), 2, false, None);
    assert_eq!(said(LockKind::Pylock, pylock), whole);
    // A file without a time could be younger than the others.
    let partly = pylock.replace("upload-time = 2026-01-02T00:00:00Z, ", "");
    assert_eq!(said(LockKind::Pylock, &partly), (index.clone(), None, publishers, 2, false, None));
    let uv = "version = 1\n[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { git = \"https://g.example/o/a?rev=1#2\" }\n\
        sdist = { hash = \"sha256:aa\", upload-time = \"2026-01-02T00:00:00.5Z\" }\n";
    let git = some("the repository g.example/o/a");
    assert_eq!(said(LockKind::Uv, uv), (git.clone(), some("2026-01-02T00:00:00.5Z"), vec![], 1, false, None));
    let cargo = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"git+https://g.example/o/a#1\"\n";
    assert_eq!(said(LockKind::Cargo, cargo), (git, None, vec![], 0, false, None));
    let poetry = "[[package]]\nname = \"a\"\nversion = \"1\"\nfiles = [{ file = \"a\", hash = \"sha256:aa\" }]\n";
    assert_eq!(said(LockKind::Poetry, poetry), (index, None, vec![], 1, false, None));
    let npm = r#"{"lockfileVersion":3,"packages":{"node_modules/a":{"version":"1.0.0","resolved":"https://r.example/a/-/a-1.0.0.tgz",
        "integrity":"sha512-aa","hasInstallScript":true,"deprecated":"use b"}}}"#;
    let registry = some("the registry r.example");
    assert_eq!(said(LockKind::Npm, npm), (registry, None, vec![], 1, true, some("use b")));
    let requirements = "a==1 --hash=sha256:aa --hash=sha256:bb\n";
    assert_eq!(said(LockKind::Requirements, requirements), (None, None, vec![], 2, false, None));
}
