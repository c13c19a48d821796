#![allow(clippy::unwrap_used)]
use std::cmp::Ordering::{Equal, Greater, Less};

use super::*;

fn compare(ecosystem: &str, a: &str, b: &str) -> Ordering {
    let ecosystem: Ecosystem = ecosystem.parse().unwrap();
    let (a, b) = (Version::parse(&ecosystem, a).unwrap(), Version::parse(&ecosystem, b).unwrap());
    let order = a.compare(&b).unwrap();
    assert_eq!(b.compare(&a).unwrap(), order.reverse());
    order
}

fn require(ecosystem: &str, cases: &[(&str, Ordering, &str)]) {
    for (a, order, b) in cases {
        assert_eq!(compare(ecosystem, a, b), *order, "{ecosystem}: {a} and {b}");
    }
}

#[test]
fn python_compares_by_pep_440() {
    require(
        "PyPI",
        &[
            ("1.0", Equal, "1.0.0"),
            ("1.0", Equal, "v1.0"),
            ("1.0rc1", Less, "1.0"),
            ("1.0.dev3", Less, "1.0a1"),
            ("1.0.post1", Greater, "1.0"),
            ("1!0.1", Greater, "99"),
            ("1.10", Greater, "1.9"),
            ("2.0.1+cu118", Greater, "2.0.1"),
            ("1.0-1", Equal, "1.0.post1"),
        ],
    );
}

#[test]
fn debian_compares_as_dpkg() {
    require(
        "Debian:12",
        &[
            ("1.0", Equal, "1.0-0"),
            ("1.0~rc1-1", Less, "1.0-1"),
            ("1:0.1", Greater, "2.0"),
            ("1.0-1+deb12u1", Greater, "1.0-1"),
            ("1.0-1~deb12u1", Less, "1.0-1"),
            ("1.0-1+b1", Greater, "1.0-1"),
            ("007", Equal, "7"),
            ("1.2.10", Greater, "1.2.9"),
            ("1.0a", Less, "1.0+"),
            ("1.0-2-1", Less, "1.0-3-1"),
            ("99999999999999999999999", Greater, "99999999999999999999998"),
        ],
    );
}

#[test]
fn red_hat_compares_as_rpm_with_epochs() {
    require(
        "Red Hat:enterprise_linux:9::baseos",
        &[
            ("1:1.0-1", Greater, "2.0-1"),
            ("0:1.0-1", Equal, "1.0-1"),
            ("(none):1.0-1", Equal, "1.0-1"),
            ("1.0-1.el9", Less, "1.0-1.el9_2"),
            ("1.0~rc1-1", Less, "1.0-1"),
            ("1.0^git1-1", Greater, "1.0-1"),
            ("1.0^git1-1", Less, "1.0.1-1"),
            ("5.5p1", Less, "5.5p10"),
            ("10xyz", Less, "10.1xyz"),
            ("xyz10", Less, "xyz10.1"),
            ("1.05", Equal, "1.5"),
            ("2.0.1a", Greater, "2.0.1"),
            ("1.0", Equal, "1.0-7"),
            ("1.0-10", Greater, "1.0-9"),
            ("fc4", Equal, "fc.4"),
        ],
    );
}

#[test]
fn npm_crates_and_go_compare_as_semver() {
    for ecosystem in ["npm", "crates.io", "Go"] {
        require(
            ecosystem,
            &[
                ("1.0.0-rc.1", Less, "1.0.0"),
                ("1.0.0-alpha.9", Less, "1.0.0-alpha.10"),
                ("1.0.0+a", Equal, "1.0.0+b"),
                ("1.2", Equal, "1.2.0"),
                ("0.0.0-0", Less, "0.0.0"),
                ("1.10.0", Greater, "1.9.0"),
            ],
        );
    }
}

#[test]
fn go_has_prefixes_pseudo_versions_and_a_toolchain() {
    require(
        "Go",
        &[
            ("v1.2.3", Equal, "1.2.3"),
            ("v0.0.0-20190101000000-abcdefabcdef", Less, "v0.0.0-20220101000000-000000000000"),
            ("v1.2.4-0.20190101000000-abcdefabcdef", Greater, "1.2.3"),
            ("v2.0.0+incompatible", Equal, "2.0.0"),
            ("go1.22", Equal, "1.22.0"),
            ("go1.22rc2", Less, "1.22.0"),
            ("go1.22rc2", Greater, "1.22.0-rc.1"),
            ("go1.22.3 X:boringcrypto", Equal, "1.22.3"),
        ],
    );
}

#[test]
fn what_cannot_be_compared_says_why() {
    let why = |ecosystem: &str, text: &str| Version::parse(&ecosystem.parse().unwrap(), text).unwrap_err().to_string();
    assert_eq!(why("Alpine:v3.20", "1.2.3-r0"), "versions of Alpine:v3.20 cannot be compared");
    assert_eq!(why("PyPI", "2004d"), "version \"2004d\" cannot be compared: it is not a version by PEP 440");
    assert!(why("npm", "latest").contains("it is not a semantic version"));
    assert_eq!(why("Debian:12", "a:1"), "version \"a:1\" cannot be compared: its epoch is not a number");
    assert_eq!(why("Debian:12", "1_0"), "version \"1_0\" cannot be compared: it is not a version of Debian");
    assert_eq!(why("Rocky Linux:9", "1-"), "version \"1-\" cannot be compared: it is not a version of RPM");
    assert!(why("PyPI", &"1".repeat(129)).ends_with("it is too long"));
}

#[test]
fn versions_of_different_schemes_have_no_order() {
    let of = |ecosystem: &str| Version::parse(&ecosystem.parse().unwrap(), "1.0").unwrap();
    assert_eq!(of("PyPI").compare(&of("npm")), None);
}

proptest::proptest! {
    #[test]
    fn every_order_is_total_and_reads_everything(
        texts in proptest::collection::vec("[0-9a-z.~^:+-]{0,12}", 3), any in proptest::prelude::any::<String>(),
    ) {
        for ecosystem in ["PyPI", "npm", "Go", "Debian:12", "Rocky Linux:9"] {
            let ecosystem: Ecosystem = ecosystem.parse().unwrap();
            Version::parse(&ecosystem, &any).ok();
            // An absent release equals every other, which is no order of three.
            let texts = texts.iter().map(|t| if ecosystem.base() == "Rocky Linux" { format!("{t}-1") } else { t.clone() });
            let read: Vec<_> = texts.filter_map(|t| Version::parse(&ecosystem, &t).ok()).collect();
            for a in &read {
                for b in &read {
                    assert_eq!(a.compare(b).unwrap(), b.compare(a).unwrap().reverse());
                    for c in &read {
                        if a.compare(b) != Some(Greater) && b.compare(c) != Some(Greater) {
                            assert_ne!(a.compare(c), Some(Greater), "{a:?} {b:?} {c:?}");
                        }
                    }
                }
            }
        }
    }
}
