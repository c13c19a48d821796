//! Packages of rpm's.

use super::super::rpm::tests::database as packages;
use super::*;

#[test]
fn reads_the_database_of_rpm() {
    let database = packages();
    let image = |release: &str| {
        Layer::new()
            .file("etc/os-release", release)
            .bytes("usr/lib/sysimage/rpm/rpmdb.sqlite", &database)
            .link("var/lib/rpm", "../../usr/lib/sysimage/rpm")
            .file("usr/lib/sysimage/rpm/rpmdb.sqlite-wal", "")
            // Of a package, so that the distribution's advisories are about it.
            .file("usr/lib/python3.9/site-packages/demo-2.1.dist-info/METADATA", "Name: demo\nVersion: 2.1\n")
    };
    let mut found = of(&[image("ID=rocky\nVERSION_ID=9.4\n").done()]);
    found.sort();
    let all = [
        "Rocky Linux:9 demo-lib 1:2.1-3.el9 of demo-lib 1:2.1-3.el9",
        "Rocky Linux:9 plain 1.0-1.el9 of plain 1.0-1.el9",
        "Rocky Linux:9 python3-demo 1:2.1-3.el9 of demo-lib 1:2.1-3.el9",
    ];
    assert_eq!(found, all);
    // Advisories of Red Hat name packages, and source packages.
    let red_hat = of(&[image("ID=rhel\nVERSION_ID=9.4\n").done()]);
    assert_eq!(red_hat.len(), 4, "{red_hat:?}");
    assert!(red_hat.contains(&"Red Hat:enterprise_linux:9 python3-demo 1:2.1-3.el9".to_owned()));
    let fedora = of(&[image("ID=fedora\nVERSION_ID=41\n").done()]);
    assert!(
        fedora[0].ends_with("3 package(s) of rpm: no advisories are known for the distribution \"fedora\""),
        "{fedora:?}"
    );
    let rocky = || image("ID=rocky\nVERSION_ID=9.4\n");
    for gap in [
        rocky().file("usr/lib/sysimage/rpm/rpmdb.sqlite-wal", "x"),
        rocky().file("usr/lib/sysimage/rpm/rpmdb.sqlite", "x"),
        rocky().link("usr/lib/sysimage/rpm/rpmdb.sqlite", "/opt/x"),
    ] {
        let found = of(&[gap.done()]);
        assert!(found.iter().any(|f| f.starts_with("! img:/usr/lib/sysimage/rpm/")), "{found:?}");
    }
}
