//! Archives with several images, cut ones, and members that contradict each other.
use super::*;

/// The members of an archive of OCI with an image of one layer; the last is the manifest.
fn oci(layer: &[u8]) -> Vec<(String, Vec<u8>)> {
    let config = config(&[layer.to_vec()]);
    let manifest = json!({"config": descriptor(&config), "layers": [descriptor(layer)]}).to_string().into_bytes();
    [layer.to_vec(), config, manifest].map(|bytes| (blob(&bytes), bytes)).to_vec()
}

fn found(files: &[(String, Vec<u8>)]) -> Vec<String> {
    shown(&read(members(files).as_slice(), "img"))
}

fn index(of: &[serde_json::Value]) -> (String, Vec<u8>) {
    ("index.json".into(), json!({"manifests": of}).to_string().into_bytes())
}

/// `manifest.json` that names the image of `oci`.
fn saved(oci: &[(String, Vec<u8>)]) -> (String, Vec<u8>) {
    let saved = json!([{"Config": oci[1].0, "Layers": [oci[0].0]}]);
    ("manifest.json".into(), saved.to_string().into_bytes())
}

#[test]
fn both_lists_of_images_are_read() {
    let (plain, other) =
        (oci(&debian()), oci(&Layer::new().file("usr/lib/x.egg-info", "Name: x\nVersion: 1\n").done()));
    let expected = of(&[debian()]);
    let same = [plain.clone(), vec![saved(&plain), index(&[descriptor(&plain[2].1)])]].concat();
    assert_eq!(found(&same), expected, "one image, named twice");
    let two = [plain.clone(), other.clone(), vec![saved(&plain), index(&[descriptor(&other[2].1)])]].concat();
    assert!(found(&two).contains(&"PyPI x 1".to_owned()));
    // Of another platform, whose blobs are not there.
    let absent = json!({"digest": format!("sha256:{}", "0".repeat(64))});
    let partial = [plain.clone(), vec![saved(&plain), index(&[descriptor(&plain[2].1), absent.clone()])]].concat();
    assert_eq!(found(&partial), expected);
    let without = [plain.clone(), vec![index(&[descriptor(&plain[2].1), absent])]].concat();
    assert!(found(&without)[0].contains("is missing"));
    // A manifest that begins with white space is there.
    let blank = [b" ", other[2].1.as_slice()].concat();
    let hidden =
        [plain.clone(), other, vec![(blob(&blank), blank.clone()), saved(&plain), index(&[descriptor(&blank)])]];
    assert!(found(&hidden.concat())[0].contains("is missing, or is no JSON"));
}

#[test]
fn only_attestations_are_left_out() {
    let image = oci(&debian());
    let with = |kind: &str, os: &str| {
        let mut said = descriptor(&image[2].1);
        said["annotations"] = json!({"vnd.docker.reference.type": kind});
        said["platform"] = json!({"os": os, "architecture": os});
        found(&[image.clone(), vec![index(&[said])]].concat())
    };
    assert_eq!(with("attestation-manifest", "linux"), of(&[debian()]));
    assert_eq!(with("image", "unknown"), of(&[debian()]));
    assert_eq!(with("attestation-manifest", "unknown"), ["! img: the archive cannot be read: it has no image"]);
}

#[test]
fn a_member_is_there_once() {
    let image = oci(&debian());
    let list = index(&[descriptor(&image[2].1)]);
    let twice = found(&[image.clone(), vec![image[0].clone(), list]].concat());
    assert!(twice[0].contains("a member is there twice"), "{twice:?}");
}

#[test]
fn every_image_has_a_database_of_its_own() {
    let (debian, bare) = (debian(), Layer::new().file("etc/os-release", DEBIAN).done());
    let mut files = vec![("0.tar".into(), debian.clone()), ("1.tar".into(), bare.clone())];
    files.push(("0.json".into(), config(&[debian])));
    files.push(("1.json".into(), config(&[bare])));
    let saved = json!([{"Config": "0.json", "Layers": ["0.tar"]}, {"Config": "1.json", "Layers": ["1.tar"]}]);
    files.push(("manifest.json".into(), saved.to_string().into_bytes()));
    let found = found(&files);
    assert!(found.iter().any(|f| f.contains("no database has them")), "{found:?}");
}

#[test]
fn no_cut_archive_looks_complete() {
    let whole = archive(&[debian(), gzip(b"")]);
    let end = whole.len() - 1024;
    for n in (0..end).step_by(97) {
        let found = read(&whole[..n], "img");
        assert!(!found.gaps.is_empty(), "{n}");
    }
}

#[test]
fn paths_do_not_leave_the_image() {
    let mut header = Header::new_gnu();
    header.set_size(0);
    let mut layer = Builder::new(vec![]);
    header.as_mut_bytes()[..11].copy_from_slice(b"../../a/b/c");
    header.set_cksum();
    layer.append(&header, [].as_slice()).unwrap();
    assert_eq!(of(&[layer.into_inner().unwrap()]), ["! img: layer 1 cannot be read: a path has `..` in it"]);
}

#[test]
fn broken_layers_are_gaps() {
    let (layer, packed) = (debian(), gzip(&debian()));
    let cut = |bytes: &[u8], n: usize| bytes[..n].to_vec();
    let mut flipped = layer.clone();
    flipped[700] ^= 1;
    let mut damaged = packed.clone();
    damaged[packed.len() / 2] ^= 0xff;
    for stored in [
        cut(&layer, layer.len() / 2),
        cut(&layer, 512),
        cut(&layer, layer.len() - 1024),
        cut(&packed, packed.len() / 2),
        cut(&packed, packed.len() - 4),
        damaged,
        flipped,
        vec![0; 1024],
        b"not a layer".to_vec(),
        vec![],
        b"\x28\xb5\x2f\xfdxxxxxxxxxxxx".to_vec(),
    ] {
        let found = shown(&read(archive_with(std::slice::from_ref(&layer), &[stored]).as_slice(), "img"));
        assert!(found.iter().any(|f| f.starts_with("! img: layer 1 cannot be read: ")), "{found:?}");
    }
    let hostile = Layer::new().entry(EntryType::Char, WEB, "", "");
    assert_eq!(of(&[hostile.done()]), [format!("! img:/{WEB}: it is not an ordinary file")]);
}
