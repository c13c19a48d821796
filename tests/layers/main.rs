//! The module graph of `src`, computed from the sources: every arrow between layers points down, and no module is part of
//! a circle, at the top or inside another module.
//!
//! An arrow is a `use` or a path that leads from one file to another. Re-exports are followed to the file that defines
//! the item. Code that is compiled for tests only is left out: a test may stand above what it tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod graph;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use graph::{Arrow, circles, collapse};
use source::Sources;

fn src() -> Sources {
    Sources::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap()
}

/// The layer of each module, from the table in `ARCHITECTURE.md`; 1 is the top.
fn layers() -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let row = |line: &str| {
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        let layer = cells.next()?.parse().ok()?;
        Some((cells.next()?.trim_matches('`').to_owned(), layer))
    };
    text.lines().filter_map(row).collect()
}

/// Every arrow between top-level modules that does not point to a lower layer, with its place.
fn upward(arrows: &[Arrow], layers: &BTreeMap<String, usize>) -> Vec<String> {
    let wrong = |a: &&Arrow| match (layers.get(&a.from[0]), layers.get(&a.to[0])) {
        (Some(from), Some(to)) => a.from[0] != a.to[0] && from >= to,
        _ => false,
    };
    arrows.iter().filter(wrong).map(|a| format!("{a} points up")).collect()
}

#[test]
fn every_top_level_module_has_a_layer() {
    let here: BTreeSet<_> = src().top_level().into_iter().collect();
    let listed: BTreeSet<_> = layers().into_keys().collect();
    assert_eq!(here, listed, "the table of layers in ARCHITECTURE.md and the modules of src differ");
}

#[test]
fn no_arrow_points_up() {
    let wrong = upward(&src().arrows(), &layers());
    assert!(wrong.is_empty(), "{} arrows point up:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_module_has_a_circle_inside() {
    let sources = src();
    let arrows = sources.arrows();
    let mut found = vec![];
    for module in sources.modules() {
        for circle in circles(&collapse(&arrows, module)) {
            let members = circle.members.iter().cloned().collect::<Vec<_>>().join(", ");
            let places = circle.arrows.iter().map(|a| format!("  {a}")).collect::<Vec<_>>().join("\n");
            found.push(format!("{}: a circle of {members}\n{places}", module.join("::")));
        }
    }
    assert!(found.is_empty(), "{} circles:\n{}", found.len(), found.join("\n"));
}

mod of_itself {
    use super::*;

    fn parsed(files: &[(&str, &str)]) -> Sources {
        Sources::parse(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()).unwrap()
    }

    fn shown(files: &[(&str, &str)]) -> Vec<String> {
        parsed(files).arrows().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn finds_uses_groups_and_paths_and_names_their_lines() {
        let arrows = shown(&[
            ("a.rs", "use crate::b::{self, c::{D, e}};\nfn f() {\n    g!(crate::h::i());\n}\n"),
            ("b.rs", "pub mod c;"),
            ("b/c.rs", "pub struct D; pub fn e() {}"),
            ("h.rs", "pub fn i() {}"),
        ]);
        assert_eq!(arrows, ["src/a.rs:1: a → b", "src/a.rs:1: a → b::c", "src/a.rs:3: a → h"]);
    }

    #[test]
    fn follows_re_exports_to_the_file_that_defines_the_item() {
        let arrows = shown(&[
            ("a.rs", "use crate::b::{D, F};"),
            ("b.rs", "pub mod c; mod e; pub use c::D; pub use e::*;"),
            ("b/c.rs", "pub struct D;"),
            ("b/e.rs", "pub struct F;"),
        ]);
        assert_eq!(arrows, ["src/a.rs:1: a → b::c", "src/a.rs:1: a → b::e"]);
    }

    #[test]
    fn a_re_export_counts_where_the_file_uses_the_name_itself() {
        let arrows = shown(&[
            ("a.rs", "mod b; mod c; pub use b::X; pub use c::Y;\nfn f(_: X) {}"),
            ("a/b.rs", "pub struct X;"),
            ("a/c.rs", "pub struct Y;"),
        ]);
        assert_eq!(arrows, ["src/a.rs:1: a → a::b"]);
    }

    #[test]
    fn leaves_tests_out() {
        let arrows = shown(&[
            (
                "a.rs",
                "#[cfg(test)]\nmod tests { use crate::b::C; }\n#[cfg(test)]\nuse crate::b::D;\n#[cfg(test)] mod t;",
            ),
            ("a/t.rs", "use crate::b::C;"),
            ("b.rs", "pub struct C; pub struct D;"),
        ]);
        assert_eq!(arrows, [""; 0]);
    }

    #[test]
    fn an_arrow_to_the_same_or_a_higher_layer_points_up() {
        let sources = parsed(&[
            ("model.rs", "use crate::spec::S;"),
            ("spec.rs", "pub struct S; use crate::model::M;"),
            ("lease.rs", "use crate::secrets::R;"),
            ("secrets.rs", "pub struct R;"),
        ]);
        let wrong = upward(&sources.arrows(), &layers());
        assert_eq!(wrong, ["src/lease.rs:1: lease → secrets points up", "src/model.rs:1: model → spec points up"]);
    }

    #[test]
    fn a_parent_and_a_child_that_use_each_other_are_a_circle() {
        let sources =
            parsed(&[("a.rs", "mod b; pub struct T; fn f() { b::g(); }"), ("a/b.rs", "use super::T;\npub fn g() {}")]);
        let arrows = sources.arrows();
        let found = circles(&collapse(&arrows, &["a".to_owned()]));
        assert_eq!(found.len(), 1);
        let places: Vec<_> = found[0].arrows.iter().map(ToString::to_string).collect();
        assert_eq!(places, ["src/a/b.rs:1: a::b → a", "src/a.rs:1: a → a::b"]);
    }

    #[test]
    fn a_circle_through_the_insides_of_two_modules_is_found() {
        let sources = parsed(&[
            ("m.rs", "mod a; mod b;"),
            ("m/a.rs", "mod x;"),
            ("m/a/x.rs", "use crate::m::b::Y; pub struct X;"),
            ("m/b.rs", "mod y; pub use y::Y;"),
            ("m/b/y.rs", "use super::super::a::Z; pub struct Y;"),
            ("m/a/z.rs", ""),
        ]);
        assert_eq!(circles(&collapse(&sources.arrows(), &["m".to_owned()])).len(), 1);
    }
}
