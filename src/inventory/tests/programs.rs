//! Programs that carry what they are built of.

use super::*;

#[test]
fn a_program_that_no_package_owns_is_a_gap() {
    let (go, rust) = ("\u{7f}ELF… Go buildinf:…", "\u{7f}ELF…/rustc/59807616e1fa…");
    let app = Layer::new().file("srv/app", go).entry(EntryType::Link, "srv/same", "srv/app", "").file("srv/tool", rust);
    let found = of(&[debian(), app.done()]);
    assert!(found.iter().any(|f| f.starts_with("! img:/srv/app: programs in Go (2 files)")), "{found:?}");
    assert!(found.iter().any(|f| f.starts_with("! img:/srv/tool: programs in Rust, which")), "{found:?}");
    // The distribution's own, also where `/bin` is a link into `/usr`.
    let list = "/.\n/bin\n/bin/tool\n/usr/lib/app\n";
    let owned = Layer::new().file("var/lib/dpkg/info/libssl3:amd64.list", list).file("usr/bin/tool", rust);
    let owned = owned.file("usr/lib/app", go).done();
    assert!(of(&[debian(), owned]).iter().all(|f| !f.starts_with('!')));
    // A removed one is none.
    let removed = Layer::new().file("srv/.wh.app", "").file("srv/.wh.same", "").file("srv/.wh.tool", "").done();
    let app = Layer::new().file("srv/app", go).file("srv/tool", rust).done();
    assert!(of(&[debian(), app, removed]).iter().all(|f| !f.starts_with('!')));
}
