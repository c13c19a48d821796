//! Archives as engines write them, made here; and what must never look like an image without packages.
#![allow(clippy::unwrap_used)]

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use tar::{Builder, EntryType, Header};

use super::*;
use crate::model::Digest;

mod images;
mod programs;
mod rpm;

const DEBIAN: &str = "ID=debian\nVERSION_ID=\"12\"\n";
const STATUS: &str = "Package: libssl3\nStatus: install ok installed\nSource: openssl (3.0.11-1)\nVersion: 3.0.11-1+b1\n\n\
    Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n";
const WEB: &str = "usr/lib/python3/site-packages/demo_web-2.1.dist-info/METADATA";
const METADATA: &str = "Metadata-Version: 2.1\nName: Demo_Web\nVersion: 2.1\n\nText\n";

/// A layer.
struct Layer(Builder<Vec<u8>>);

impl Layer {
    fn new() -> Self {
        Self(Builder::new(vec![]))
    }

    fn entry(mut self, kind: EntryType, path: &str, target: &str, content: &str) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        match kind {
            EntryType::Symlink | EntryType::Link => self.0.append_link(&mut header, path, target).unwrap(),
            _ => self.0.append_data(&mut header, path, content.as_bytes()).unwrap(),
        }
        self
    }

    fn file(self, path: &str, content: &str) -> Self {
        self.entry(EntryType::Regular, path, "", content)
    }

    fn bytes(mut self, path: &str, content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        self.0.append_data(&mut header, path, content).unwrap();
        self
    }

    fn link(self, path: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, path, target, "")
    }

    fn done(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

fn debian() -> Vec<u8> {
    Layer::new()
        .file("usr/lib/os-release", DEBIAN)
        .link("etc/os-release", "../usr/lib/os-release")
        .file("var/lib/dpkg/status", STATUS)
        .file(WEB, METADATA)
        .done()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(vec![], Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn config(layers: &[Vec<u8>]) -> Vec<u8> {
    let digests: Vec<String> = layers.iter().map(|l| Digest::compute(l).to_string()).collect();
    json!({"rootfs": {"type": "layers", "diff_ids": digests}}).to_string().into_bytes()
}

fn members(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = Builder::new(vec![]);
    for (path, bytes) in files {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        out.append_data(&mut header, path, bytes.as_slice()).unwrap();
    }
    out.into_inner().unwrap()
}

/// An archive as podman writes it: the manifest comes last. `stored` are the layers as they are stored.
fn archive_with(layers: &[Vec<u8>], stored: &[Vec<u8>]) -> Vec<u8> {
    let names: Vec<String> = (0..layers.len()).map(|n| format!("{n}.tar")).collect();
    let mut files: Vec<(String, Vec<u8>)> = names.iter().cloned().zip(stored.iter().cloned()).rev().collect();
    files.push(("c.json".into(), config(layers)));
    files.push((
        "manifest.json".into(),
        json!([{"Config": "c.json", "RepoTags": null, "Layers": names}]).to_string().into_bytes(),
    ));
    members(&files)
}

fn archive(layers: &[Vec<u8>]) -> Vec<u8> {
    archive_with(layers, layers)
}

/// The path of a blob in an archive of OCI.
fn blob(bytes: &[u8]) -> String {
    format!("blobs/sha256/{}", Digest::compute(bytes).hex())
}

fn descriptor(bytes: &[u8]) -> serde_json::Value {
    json!({"digest": Digest::compute(bytes).to_string(), "size": bytes.len()})
}

fn shown(inventory: &Inventory) -> Vec<String> {
    let one = |p: &Package| {
        let source = p.source.as_ref().map(|s| format!(" of {} {}", s.name, s.version)).unwrap_or_default();
        let copy = p.vendored_in.as_ref().map(|o| format!(" in {o}")).unwrap_or_default();
        format!("{} {p}{source}{copy}", p.ecosystem)
    };
    let gap = |g: &Gap| format!("! {}: {}", g.place, g.reason);
    inventory.packages.iter().map(one).chain(inventory.gaps.iter().map(gap)).collect()
}

fn of(layers: &[Vec<u8>]) -> Vec<String> {
    shown(&read(archive(layers).as_slice(), "img"))
}

#[test]
fn reads_what_is_installed() {
    let all = ["Debian:12 libssl3 3.0.11-1+b1 of openssl 3.0.11-1", "PyPI demo-web 2.1"];
    assert_eq!(of(&[debian()]), all);
    let more = Layer::new()
        .file(
            "usr/lib/python3/site-packages/setuptools/_vendor/wheel-0.43.0.dist-info/METADATA",
            "Name: wheel\nVersion: 0.43.0\n",
        )
        .file("usr/lib/x.egg-info", "Name: x\nVersion: 1\n")
        .file("usr/lib/y.egg/EGG-INFO/PKG-INFO", "Name: y\nVersion: 2\n")
        .file("app/node_modules/@s/left/package.json", "{\"name\":\"@s/left\",\"version\":\"1.3.0\"}")
        .file("app/node_modules/left/dist/package.json", "{\"type\":\"module\"}")
        .done();
    let read = read(archive(&[debian(), more]).as_slice(), "img");
    let last = ["npm @s/left 1.3.0", "PyPI demo-web 2.1", "PyPI x 1", "PyPI y 2", "PyPI wheel 0.43.0 in setuptools"];
    assert_eq!(shown(&read)[1..], last);
    assert_eq!(read.packages[0].place.to_string(), "img:/var/lib/dpkg/status");
    assert_eq!(read.digests.len(), 2);
}

#[test]
fn reads_every_form_of_an_archive() {
    let layer = debian();
    let plain = of(std::slice::from_ref(&layer));
    let zstd = ruzstd::encoding::compress_to_vec(layer.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
    // A skippable frame, and a second one of data.
    let skipped = [b"\x50\x2a\x4d\x18\x03\0\0\0abc".as_slice(), &zstd].concat();
    for stored in [gzip(&layer), zstd, skipped] {
        assert_eq!(shown(&read(archive_with(std::slice::from_ref(&layer), &[stored]).as_slice(), "img")), plain);
    }
    assert_eq!(shown(&read(gzip(&archive(std::slice::from_ref(&layer))).as_slice(), "img")), plain);

    let (stored, config) = (gzip(&layer), config(&[layer]));
    let manifest = json!({"config": descriptor(&config), "layers": [descriptor(&stored)]}).to_string().into_bytes();
    let attestation = json!({"digest": "sha256:00", "platform": {"os": "unknown", "architecture": "unknown"}, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}});
    let index = json!({"manifests": [descriptor(&manifest), attestation]}).to_string().into_bytes();
    let outer = json!({"manifests": [descriptor(&index)]}).to_string().into_bytes();
    let files = [&stored, &config, &manifest, &index].map(|b| (blob(b), b.clone()));
    let oci = members(&[&files[..], &[("index.json".into(), outer)]].concat());
    assert_eq!(shown(&read(oci.as_slice(), "img")), plain);
}

#[test]
fn layers_hide_what_is_below() {
    let web = "PyPI demo-web 2.1";
    let upper = |layer: Layer| of(&[debian(), layer.done()]);
    let without = |found: &[String]| !found.iter().any(|f| f == web);
    assert!(without(&upper(Layer::new().file("usr/lib/python3/site-packages/.wh.demo_web-2.1.dist-info", ""))));
    assert!(without(&upper(Layer::new().file("usr/lib/python3/.wh..wh..opq", ""))));
    assert!(without(&upper(Layer::new().file("usr/lib/.wh.python3", ""))));
    assert!(without(&upper(Layer::new().link("usr/lib/python3", "/opt"))));
    assert!(without(&upper(Layer::new().file("usr/lib/python3", ""))));
    // A mark hides layers below, and nothing of its own.
    let again = Layer::new().file(WEB, METADATA).file("usr/lib/python3/.wh..wh..opq", "");
    assert!(upper(again).contains(&web.to_owned()));
    // A name that only begins alike is another one.
    assert!(upper(Layer::new().file("usr/lib/python3/site-packages/.wh.demo_web", "")).contains(&web.to_owned()));
    let newer = Layer::new().file(WEB, &METADATA.replace("2.1\n\n", "2.6\n\n"));
    assert!(upper(newer).contains(&"PyPI demo-web 2.6".to_owned()));
}

#[test]
fn a_missing_database_is_a_gap() {
    for upper in [
        Layer::new().file("var/lib/dpkg/.wh.status", ""),
        Layer::new().file("var/lib/.wh..wh..opq", ""),
        Layer::new().link("var/lib/dpkg/status", "/opt/status"),
        Layer::new().link("var/lib/dpkg/status", "status"),
        Layer::new().link("var/lib/dpkg", "/opt"),
        Layer::new().entry(EntryType::Directory, "var/lib/dpkg/status", "", ""),
        Layer::new().entry(EntryType::Link, "var/lib/dpkg/status", "opt/status", ""),
        Layer::new().file("var/lib/dpkg/status", ""),
        Layer::new().file("var/lib/dpkg/status", "<html>"),
        Layer::new().file("usr/lib/os-release", "ID=debian\n"),
        Layer::new().file("usr/lib/.wh.os-release", ""),
    ] {
        let found = of(&[debian(), upper.done()]);
        assert!(found.iter().any(|f| f.starts_with("! img")), "{found:?}");
    }
}

#[test]
fn follows_links_inside_of_the_image() {
    let moved = Layer::new()
        .file("etc/os-release", DEBIAN)
        .file("opt/dpkg/status", STATUS)
        .link("var/lib/dpkg", "../../../../opt/dpkg")
        .file("store/x-1.dist-info/METADATA", "Name: x\nVersion: 1\n")
        .entry(EntryType::Link, "lib/x-1.dist-info/METADATA", "store/x-1.dist-info/METADATA", "")
        .link("lib/y-1.dist-info", "/store/x-1.dist-info");
    let found = of(&[moved.done()]);
    assert_eq!(found.len(), 3, "{found:?}");
    for layer in [
        Layer::new().link("lib/y-1.dist-info", "/opt/y"),
        Layer::new().link("lib/y-1.dist-info/METADATA", "/opt/y"),
        Layer::new().entry(EntryType::Link, "lib/y-1.dist-info/METADATA", "opt/y", ""),
        Layer::new().link("app/node_modules", "/opt/modules"),
        Layer::new().link("app/node_modules/left", "/opt/left").file("opt/left/package.json", "{}"),
        Layer::new().link("app/node_modules/@s/left", "/opt/left"),
        Layer::new().link("app/node_modules/@s", "/opt/s"),
        Layer::new().link("app/app.jar", "/opt/app"),
        Layer::new().link("lib/apk/db/installed", "/opt/installed"),
    ] {
        assert_eq!(of(&[layer.done()]).len(), 1);
    }
    // As pnpm links packages.
    let store = Layer::new()
        .file(
            "app/node_modules/.pnpm/left@1/node_modules/left/package.json",
            "{\"name\":\"left\",\"version\":\"1.0.0\"}",
        )
        .link("app/node_modules/left", ".pnpm/left@1/node_modules/left")
        .link("app/node_modules/.bin/left", "../left/cli.js");
    assert_eq!(of(&[store.done()]), ["npm left 1.0.0"]);
}

#[test]
fn packages_without_dpkg_and_files_of_dpkg() {
    let distroless = Layer::new()
        .file("etc/os-release", DEBIAN)
        .file("var/lib/dpkg/status.d/openssl", "Package: openssl\nVersion: 3.0.1\n")
        .file("var/lib/dpkg/status.d/openssl.md5sums", "0  usr/lib/y.egg-info\n")
        .file("usr/lib/y.egg-info", "Name: y\nVersion: 1\n");
    assert_eq!(of(&[distroless.done()]), ["Debian:12 openssl 3.0.1"]);
    // Only an installed package owns files.
    let list =
        |package: &str| Layer::new().file(&format!("var/lib/dpkg/info/{package}.list"), &format!("/.\n/{WEB}\n"));
    assert_eq!(of(&[debian(), list("libssl3:amd64").done()]).len(), 1);
    assert_eq!(of(&[debian(), list("gone").done()]).len(), 2);
}

#[test]
fn what_is_not_read_is_named() {
    for (path, what) in [
        ("var/lib/rpm/Packages", "an rpm database that is not in SQLite"),
        ("usr/lib/sysimage/rpm/Packages.db", "an rpm database that is not in SQLite"),
        ("lib/apk/db/installed", "packages of Alpine (apk)"),
        ("app/app.jar", "Java archives"),
        ("usr/lib/x.egg", "zipped Python packages"),
    ] {
        let found = of(&[Layer::new().file(path, "x").done()]);
        assert_eq!(found, [format!("! img:/{path}: {what}, which dayfly does not read")]);
    }
    for (path, content) in [
        (WEB, "Name: x\n"),
        (WEB, "Name: a b\nVersion: 1\n"),
        ("node_modules/x/package.json", "{"),
        ("node_modules/x/package.json", "{\"name\":\"x\",\"version\":\"1\\u001b[2J\"}"),
    ] {
        let found = of(&[Layer::new().file(path, content).done()]);
        assert!(found.len() == 1 && found[0].starts_with("! img:/"), "{found:?}");
        assert!(!found[0].contains('\u{1b}'), "{found:?}");
    }
}
