//! Images that are read from a registry, as the inventory sees them.

use std::io::Write as _;

use super::*;
use crate::engine::ImageArchive;
use crate::inventory::{self, Inventory};

fn layer(name: &str) -> Vec<u8> {
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n\n");
    let mut header = tar::Header::new_gnu();
    header.set_size(metadata.len() as u64);
    header.set_mode(0o644);
    let mut tar = tar::Builder::new(vec![]);
    tar.append_data(&mut header, format!("opt/{name}.dist-info/METADATA"), metadata.as_bytes()).unwrap();
    tar.into_inner().unwrap()
}

fn packed(layer: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    gzip.write_all(layer).unwrap();
    gzip.finish().unwrap()
}

/// Manifest, configuration and blobs of an image of these layers, each of which is served compressed.
fn layered(layers: &[&str]) -> Vec<Vec<u8>> {
    let plain: Vec<_> = layers.iter().map(|name| layer(name)).collect();
    let served: Vec<_> = plain.iter().map(|l| packed(l)).collect();
    let ids: Vec<_> = plain.iter().map(digest_of).collect();
    let config = json!({ "os": "linux", "architecture": "amd64", "rootfs": { "type": "layers", "diff_ids": ids } });
    let config = config.to_string().into_bytes();
    let each: Vec<_> = served.iter().map(|l| json!({ "digest": digest_of(l), "size": l.len() })).collect();
    let named = json!({ "mediaType": OCI_CONFIG, "digest": digest_of(&config) });
    let manifest = json!({ "schemaVersion": 2, "config": named, "layers": each }).to_string().into_bytes();
    [vec![manifest, config], served].concat()
}

/// A server of these parts. `reply` replaces the answer for the path that holds `part`.
async fn server(parts: Vec<Vec<u8>>, part: &str, reply: Option<Reply>) -> Server {
    let part = part.to_owned();
    Server::start(move |_, path, _| match &reply {
        Some(reply) if path.contains(&part) => reply.clone(),
        _ => serve(path, b"", &parts.iter().map(Vec::as_slice).collect::<Vec<_>>()),
    })
    .await
}

async fn read(server: &Server, named: &[u8], platform: Option<&str>) -> Result<Inventory, String> {
    let reference = ImageRef::split(&format!("{}/team/app@{}", server.address, digest_of(named)));
    let registry = Registry::new(None).unwrap();
    let asked = async { Ok(platform.expect("nobody needs a platform").to_owned()) };
    let contents = registry.contents(&reference, asked).await.map_err(|e| e.to_string())?;
    let id = contents.digest.clone();
    let archive = ImageArchive::sending(id.clone(), id.clone(), |pieces| async move {
        registry.send(&reference, contents, &pieces).await
    });
    let (reader, _guard) = archive.into_reader();
    let read = move || {
        let mut read = inventory::read(reader, "app");
        read.expect(&id, "app");
        read
    };
    Ok(tokio::task::spawn_blocking(read).await.unwrap())
}

fn names(inventory: &Inventory) -> Vec<&str> {
    assert_eq!(inventory.gaps, []);
    inventory.packages.iter().map(|p| p.name.as_str()).collect()
}

#[tokio::test]
async fn the_layers_of_an_image_are_read_each_once() {
    let parts = layered(&["a", "b", "a"]);
    let server = server(parts.clone(), "", None).await;
    assert_eq!(names(&read(&server, &parts[0], None).await.unwrap()), ["a", "b"]);
    assert_eq!(server.asked().iter().filter(|path| path.ends_with(&digest_of(&parts[2]))).count(), 1);
}

#[tokio::test]
async fn of_an_index_the_image_that_runs_is_read() {
    let (amd, arm) = (layered(&["a"]), layered(&["b"]));
    let index_of = |all: &[(&str, &[u8])]| index(all);
    let two = index_of(&[("linux/amd64", &amd[0]), ("linux/arm64", &arm[0]), ("unknown/unknown", b"1")]);
    let one = index_of(&[("linux/arm64", &arm[0]), ("unknown/unknown", b"1")]);
    let twice = index_of(&[("linux/amd64", &amd[0]), ("linux/amd64", &arm[0])]);
    let server = server([vec![two.clone(), one.clone(), twice.clone()], amd, arm].concat(), "", None).await;
    assert_eq!(names(&read(&server, &two, Some("linux/amd64")).await.unwrap()), ["a"]);
    assert_eq!(names(&read(&server, &two, Some("linux/arm64")).await.unwrap()), ["b"]);
    assert_eq!(names(&read(&server, &one, None).await.unwrap()), ["b"]);
    let why = read(&server, &two, Some("linux/s390x")).await.unwrap_err();
    assert!(why.contains("it has no image for linux/s390x, only linux/amd64, linux/arm64"), "{why}");
    let why = read(&server, &twice, Some("linux/amd64")).await.unwrap_err();
    assert!(why.contains("several images for linux/amd64"), "{why}");
}

#[tokio::test]
async fn a_layer_that_is_lost_or_another_one_is_never_silent() {
    let parts = layered(&["a", "b"]);
    let (first, honest) = (digest_of(&parts[2]), &parts[2]);
    let other = vec![7; honest.len()];
    for (reply, expected) in [
        (missing(), "the registry has lost a part of it"),
        (ok(&other), "what the registry serves is"),
        (ok(&honest[..100]), "the registry sent only a part of it"),
        (ok(&[honest.as_slice(), b"more"].concat()), "the registry sends more of it than its manifest says"),
    ] {
        let server = server(parts.clone(), &first, Some(reply)).await;
        let read = read(&server, &parts[0], None).await.unwrap();
        let whys: Vec<_> = read.gaps.iter().map(|gap| gap.reason.as_str()).collect();
        assert!(whys.iter().any(|why| why.contains(expected) && why.contains("blob 1 of 2")), "{expected}: {whys:?}");
    }
    for (part, lie) in [(digest_of(&parts[0]), &parts[1]), (digest_of(&parts[1]), &parts[0])] {
        let server = server(parts.clone(), &part, Some(ok(lie))).await;
        let why = read(&server, &parts[0], None).await.unwrap_err();
        assert!(why.contains("do not run it, and check the registry"), "{why}");
    }
}
