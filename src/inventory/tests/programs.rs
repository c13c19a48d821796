//! Programs that carry what they are built of.

use super::super::program::tests::{auditable, build_info, program};
use super::*;

const OWN: &str = "path\texample.com/own\nmod\texample.com/own\t(devel)\t\ndep\tgolang.org/x/net\tv0.17.0\th1:x=\n";

#[test]
fn programs_have_the_packages_that_they_are_built_of() {
    let go = program(64, &build_info("go1.22.3", OWN));
    let rust = auditable(br#"{"packages":[{"name":"serde","version":"1.0.0","source":"crates.io"}]}"#);
    let layer = Layer::new().bytes("srv/app", &go).bytes("srv/tool", &rust);
    let found = read(archive(&[layer.done()]).as_slice(), "img");
    assert_eq!(shown(&found), ["Go golang.org/x/net v0.17.0", "Go stdlib 1.22.3", "crates.io serde 1.0.0"]);
    assert_eq!(found.packages[0].place.to_string(), "img:/srv/app");
    // Names and versions are somebody's.
    let odd = "path\tx\nmod\tx\t(devel)\ndep\ta b\tv1.0.0\ndep\ta\tv1\u{1b}[2J\n";
    let layer = Layer::new().bytes("srv/app", &program(64, &build_info("devel x", odd)));
    let found = of(&[layer.done()]);
    assert!(found.len() == 3 && found.iter().all(|f| f.starts_with("! img:/srv/app: ")), "{found:?}");
}

#[test]
fn a_program_that_says_nothing_and_that_no_package_owns_is_a_gap() {
    let (go, rust) = (program(60, b"\xff Go buildinf:"), program(64, b"/rustc/59807616e1fa"));
    let app = Layer::new().bytes("srv/app", &go).entry(EntryType::Link, "srv/same", "srv/app", "");
    let app = app.bytes("srv/tool", &rust).done();
    let found = of(&[debian(), app.clone()]);
    let begins = |text: &str| found.iter().any(|f| f.starts_with(text));
    assert!(begins("! img:/srv/app: programs in Go without a list of their modules (2 files)"), "{found:?}");
    assert!(begins("! img:/srv/tool: programs in Rust without the list of `cargo auditable`, which"), "{found:?}");
    // The distribution's own, also where `/bin` is a link into `/usr`.
    let list = "/.\n/bin\n/bin/tool\n/usr/lib/app\n";
    let owned = Layer::new().file("var/lib/dpkg/info/libssl3:amd64.list", list).bytes("usr/bin/tool", &rust);
    let owned = owned.bytes("usr/lib/app", &go).done();
    assert!(of(&[debian(), owned]).iter().all(|f| !f.starts_with('!')));
    // A removed one is none.
    let removed = Layer::new().file("srv/.wh.app", "").file("srv/.wh.same", "").file("srv/.wh.tool", "").done();
    assert!(of(&[debian(), app, removed]).iter().all(|f| !f.starts_with('!')));
}
