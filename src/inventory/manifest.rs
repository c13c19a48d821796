//! Which layers an image has: `manifest.json` of Docker's archives, `index.json` of OCI's. Pure.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Most images of an archive.
const MAX_IMAGES: usize = 64;
/// Most layers of an image.
const MAX_LAYERS: usize = 1024;
/// How deep indexes lie in each other.
const MAX_DEPTH: usize = 4;

/// An image of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    /// Paths of the layers in the archive, the lowest first.
    pub layers: Vec<String>,
    /// Digests of the layers' plain bytes.
    pub digests: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    #[serde(default)]
    diff_ids: Option<Vec<String>>,
}

/// An index of OCI, or a manifest.
#[derive(Deserialize)]
struct Oci {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    digest: String,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

/// The images of an archive whose JSON files are these.
pub(super) fn images(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<Image>, String> {
    let mut images = vec![];
    if files.contains_key("manifest.json") {
        for saved in json::<Vec<Saved>>(files, "manifest.json")? {
            add(&mut images, image(files, &saved.config, saved.layers.unwrap_or_default())?)?;
        }
    } else if files.contains_key("index.json") {
        oci(files, "index.json", MAX_DEPTH, &mut images)?;
    } else {
        return Err("it has neither manifest.json nor index.json: it is cut off, or not the archive of an image".into());
    }
    if images.is_empty() { Err("it has no image".into()) } else { Ok(images) }
}

fn oci(files: &BTreeMap<String, Vec<u8>>, path: &str, depth: usize, images: &mut Vec<Image>) -> Result<(), String> {
    let found: Oci = json(files, path)?;
    if let Some(config) = found.config {
        let layers = found.layers.iter().map(|l| blob(&l.digest)).collect::<Result<_, _>>()?;
        return add(images, image(files, &blob(&config.digest)?, layers)?);
    }
    for inner in found.manifests {
        let says = |key: &str| inner.annotations.as_ref().is_some_and(|a| a.contains_key(key));
        // Attestations stand beside images.
        if says("vnd.docker.reference.type") {
            continue;
        }
        let depth = depth.checked_sub(1).ok_or("its indexes lie too deep in each other")?;
        oci(files, &blob(&inner.digest)?, depth, images)?;
    }
    Ok(())
}

fn add(images: &mut Vec<Image>, image: Image) -> Result<(), String> {
    images.push(image);
    if images.len() > MAX_IMAGES { Err(format!("it has more than {MAX_IMAGES} images")) } else { Ok(()) }
}

fn image(files: &BTreeMap<String, Vec<u8>>, config: &str, layers: Vec<String>) -> Result<Image, String> {
    let config: Config = json(files, config)?;
    let digests = config.rootfs.diff_ids.unwrap_or_default();
    if layers.len() > MAX_LAYERS {
        return Err(format!("it has more than {MAX_LAYERS} layers"));
    }
    if digests.len() != layers.len() {
        return Err(format!("its configuration names {} layer(s), its manifest {}", digests.len(), layers.len()));
    }
    Ok(Image { layers, digests })
}

fn json<T: DeserializeOwned>(files: &BTreeMap<String, Vec<u8>>, path: &str) -> Result<T, String> {
    let shown: String = path.chars().take(100).collect();
    let bytes = files.get(path).ok_or_else(|| format!("{shown} is missing"))?;
    serde_json::from_slice(bytes).map_err(|e| format!("{shown} is invalid: {e}"))
}

/// The path of a blob in an archive of OCI.
fn blob(digest: &str) -> Result<String, String> {
    match digest.split_once(':') {
        Some((kind, hex)) if hex.len() <= 128 && format!("{kind}{hex}").bytes().all(|b| b.is_ascii_alphanumeric()) => {
            Ok(format!("blobs/{kind}/{hex}"))
        }
        _ => Err("a digest is invalid".into()),
    }
}
