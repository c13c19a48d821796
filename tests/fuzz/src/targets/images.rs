//! Archives of images, and what is in them.

use dayfly::inventory;
use dayfly::model::Digest;

use super::require_inert;

/// Files that are read, by their role.
const PATHS: [&str; 8] = [
    "var/lib/dpkg/status",
    "var/lib/dpkg/info/demo.list",
    "var/lib/rpm/rpmdb.sqlite",
    "etc/os-release",
    "usr/lib/demo-1.dist-info/METADATA",
    "app/node_modules/demo/package.json",
    "var/lib/dpkg/status.d/demo",
    "srv/program",
];

/// The first byte says what the others are: an archive, a layer, or a file of one; the last `fits` to its archive.
pub fn image(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let (archive, fits) = match first % 10 {
        0 => (rest.to_vec(), false),
        1 => (of_layer(rest), true),
        n => {
            let release = ("etc/os-release", b"ID=rocky\nVERSION_ID=9.4\n".as_slice());
            (of_layer(&tar(&[release, (PATHS[usize::from(n) - 2], rest)])), true)
        }
    };
    let found = inventory::read(archive.as_slice(), "image");
    for package in &found.packages {
        let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        assert!(is_plain(&package.name) && is_plain(&package.version), "{package:?}");
        require_inert(&package.place.to_string());
    }
    for gap in &found.gaps {
        require_inert(&gap.place.to_string());
        require_inert(&gap.reason);
    }
    // An archive that cannot be read must not look like one without packages; a fitting one has an image.
    assert!(fits || !found.digests.is_empty() || !found.gaps.is_empty());
}

/// An archive of an image with one layer, as podman writes it.
fn of_layer(layer: &[u8]) -> Vec<u8> {
    let config = format!(r#"{{"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#, Digest::compute(layer));
    let manifest = r#"[{"Config":"c.json","RepoTags":null,"Layers":["l.tar"]}]"#;
    tar(&[("l.tar", layer), ("c.json", config.as_bytes()), ("manifest.json", manifest.as_bytes())])
}

/// A tar archive of plain files.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = vec![];
    for (path, content) in files {
        let mut header = [0; 512];
        header[..path.len()].copy_from_slice(path.as_bytes());
        header[100..108].copy_from_slice(b"0000644\0");
        header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        header[148..156].copy_from_slice(b"        ");
        let sum: u32 = header.iter().map(|b| u32::from(*b)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}
