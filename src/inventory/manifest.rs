//! Which layers an image has: `manifest.json` of Docker's archives, `index.json` of OCI's. Pure.

use std::collections::{BTreeMap, BTreeSet};

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
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
}

/// The JSON files of an archive, and the paths of all its members.
struct Files<'a> {
    json: &'a BTreeMap<String, Vec<u8>>,
    seen: &'a BTreeSet<String>,
}

/// The images of an archive, each once. Engines differ in which of the two files they read, so that both are.
pub(super) fn images(json: &BTreeMap<String, Vec<u8>>, seen: &BTreeSet<String>) -> Result<Vec<Image>, String> {
    let files = Files { json, seen };
    let mut images = vec![];
    if files.has("manifest.json") {
        for saved in files.read::<Vec<Saved>>("manifest.json")? {
            add(&mut images, image(&files, &saved.config, saved.layers.unwrap_or_default())?)?;
        }
    }
    if files.has("index.json") {
        oci(&files, "index.json", MAX_DEPTH, &mut images)?;
    } else if !files.has("manifest.json") {
        return Err("it has neither manifest.json nor index.json: it is cut off, or not the archive of an image".into());
    }
    if images.is_empty() { Err("it has no image".into()) } else { Ok(images) }
}

fn oci(files: &Files<'_>, path: &str, depth: usize, images: &mut Vec<Image>) -> Result<(), String> {
    let found: Oci = files.read(path)?;
    if let Some(config) = found.config {
        let layers = found.layers.iter().map(|l| blob(&l.digest)).collect::<Result<_, _>>()?;
        return add(images, image(files, &blob(&config.digest)?, layers)?);
    }
    for inner in found.manifests.iter().filter(|inner| !inner.is_attestation()) {
        let path = blob(&inner.digest)?;
        // Docker saves the index of all platforms with the image of one, which manifest.json names.
        if files.has("manifest.json") && !files.has(&path) {
            continue;
        }
        let depth = depth.checked_sub(1).ok_or("its indexes lie too deep in each other")?;
        oci(files, &path, depth, images)?;
    }
    Ok(())
}

impl Descriptor {
    /// Returns true for what stands beside an image and no platform runs.
    fn is_attestation(&self) -> bool {
        let kind = self.annotations.as_ref().and_then(|a| a.get("vnd.docker.reference.type"));
        let is_of_none = |p: &Platform| (p.os.as_str(), p.architecture.as_str()) == ("unknown", "unknown");
        kind.is_some_and(|kind| kind == "attestation-manifest") && self.platform.as_ref().is_some_and(is_of_none)
    }
}

fn add(images: &mut Vec<Image>, image: Image) -> Result<(), String> {
    if !images.contains(&image) {
        images.push(image);
    }
    if images.len() > MAX_IMAGES { Err(format!("it has more than {MAX_IMAGES} images")) } else { Ok(()) }
}

fn image(files: &Files<'_>, config: &str, layers: Vec<String>) -> Result<Image, String> {
    let config: Config = files.read(config)?;
    let digests = config.rootfs.diff_ids.unwrap_or_default();
    if layers.len() > MAX_LAYERS {
        return Err(format!("it has more than {MAX_LAYERS} layers"));
    }
    if digests.len() != layers.len() {
        return Err(format!("its configuration names {} layer(s), its manifest {}", digests.len(), layers.len()));
    }
    Ok(Image { layers, digests })
}

impl Files<'_> {
    fn has(&self, path: &str) -> bool {
        self.seen.contains(path)
    }

    fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, String> {
        let shown: String = path.chars().take(100).collect();
        let bytes = self.json.get(path).ok_or_else(|| format!("{shown} is missing, or is no JSON"))?;
        serde_json::from_slice(bytes).map_err(|e| format!("{shown} is invalid: {e}"))
    }
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
