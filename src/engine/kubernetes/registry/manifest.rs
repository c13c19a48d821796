//! A registry's documents about an image, as data: indexes, manifests, configurations, and their digests.
//!
//! Pure: it fetches nothing.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::printable;
use crate::model::{BuiltFrom, Digest};

/// The kinds of manifest that are understood.
pub const KINDS: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// Most layers of an image.
const MAX_LAYERS: usize = 1024;

/// The target of a tag or a digest.
#[derive(Debug, PartialEq, Eq)]
pub enum Manifest {
    /// One image for each platform.
    Index(Vec<Offer>),
    /// One image, by the digest of its configuration.
    Image(String),
}

/// An image for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// `sha256:…` of its manifest.
    pub digest: String,
    /// `linux/amd64`
    pub platform: String,
}

/// An image's configuration, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub struct Config {
    /// `linux/amd64`
    pub platform: String,
    /// `config.User`; empty when the image says none.
    pub user: String,
    /// The commit that its labels name.
    pub built_from: Option<BuiltFrom>,
}

#[derive(Deserialize)]
struct Document {
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    #[serde(default)]
    digest: String,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct ImageManifest {
    layers: Vec<SizedDescriptor>,
}

#[derive(Deserialize)]
struct SizedDescriptor {
    digest: String,
    size: u64,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
}

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(flatten)]
    platform: Platform,
    config: Option<ConfigOfContainers>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConfigOfContainers {
    user: Option<String>,
    labels: Option<BTreeMap<String, String>>,
}

impl Manifest {
    /// Reads a manifest or an index; the error is a whole sentence.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|_| "what the registry has under this name is no manifest of an image: check the name")?;
        match (document.manifests, document.config) {
            // The same bytes would mean different images to different readers.
            (Some(_), Some(_)) => Err("its manifest is an index and an image at once: build it again".into()),
            (Some(entries), None) => Ok(Self::Index(entries.into_iter().filter_map(Descriptor::offer).collect())),
            (None, Some(config)) => config.of_image().map(Self::Image),
            (None, None) => Err("its manifest is of a kind that is not understood: push it with a newer client".into()),
        }
    }
}

impl Descriptor {
    fn offer(self) -> Option<Offer> {
        let platform = self.platform?.text();
        Some(Offer { digest: self.digest, platform })
    }

    fn of_image(self) -> Result<String, String> {
        let kinds = ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];
        if !kinds.contains(&self.media_type.as_str()) {
            let kind = printable(&self.media_type);
            return Err(format!("it is no container image (its configuration is `{kind}`): check the name"));
        }
        Ok(self.digest)
    }
}

impl Platform {
    fn text(&self) -> String {
        printable(&format!("{}/{}", self.os, self.architecture))
    }
}

impl Config {
    /// Reads an image's configuration; the error is a whole sentence.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file: ConfigFile = serde_json::from_slice(bytes)
            .map_err(|_| "its configuration is not that of a container image: build it again")?;
        let (user, labels) = file.config.map(|c| (c.user, c.labels)).unwrap_or_default();
        let built_from = labels.as_ref().and_then(BuiltFrom::from_labels);
        Ok(Self { platform: file.platform.text(), user: user.unwrap_or_default(), built_from })
    }
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerBlob {
    /// `sha256:…` of its bytes as served.
    pub digest: String,
    /// Their number.
    pub size: u64,
}

/// The layers that a manifest names, each once; the error is a whole sentence.
pub fn layers(bytes: &[u8]) -> Result<Vec<LayerBlob>, String> {
    let image: ImageManifest = serde_json::from_slice(bytes)
        .map_err(|_| "the layers in its manifest cannot be read: build it again".to_owned())?;
    if image.layers.len() > MAX_LAYERS {
        return Err(format!("it has more than {MAX_LAYERS} layers"));
    }
    let mut layers: Vec<LayerBlob> = vec![];
    for layer in image.layers {
        let digest = checkable(&layer.digest)?.to_owned();
        if !layers.iter().any(|known| known.digest == digest) {
            layers.push(LayerBlob { digest, size: layer.size });
        }
    }
    Ok(layers)
}

/// The offers that are images, not attestations.
pub fn images(offers: &[Offer]) -> Vec<&Offer> {
    offers.iter().filter(|o| !o.platform.starts_with("unknown")).collect()
}

/// As [`choose`]; fails if the index has several images for the platform, because a node may run any of them.
pub fn choose_only<'a>(offers: &'a [Offer], platform: &str) -> Result<&'a Offer, String> {
    match offers.iter().filter(|o| o.platform == platform).count() {
        2.. => Err(format!("it has several images for {platform}, and which of them runs is not known")),
        _ => choose(offers, platform),
    }
}

/// The image for a platform; the error says which there are.
pub fn choose<'a>(offers: &'a [Offer], platform: &str) -> Result<&'a Offer, String> {
    offers.iter().find(|o| o.platform == platform).ok_or_else(|| {
        // `unknown/unknown` are attestations.
        let has: Vec<&str> = offers.iter().map(|o| o.platform.as_str()).filter(|p| !p.starts_with("unknown")).collect();
        let has = if has.is_empty() { "none at all".to_owned() } else { format!("only {}", has.join(", ")) };
        format!("it has no image for {platform}, {has}: build it for {platform}")
    })
}

/// The platform that is looked for in an index: Linux on this machine's architecture.
pub fn wanted_platform() -> String {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("linux/{architecture}")
}

/// A digest that a manifest names, fit for a path and for checking.
pub fn checkable(digest: &str) -> Result<&str, String> {
    match digest.parse::<Digest>() {
        Ok(parsed) if parsed.to_string() == digest => Ok(digest),
        _ => Err("its manifest names a part by another digest than a SHA-256: build it again".into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const INDEX: &[u8] = br#"{"schemaVersion": 2, "manifests": [
        {"digest": "sha256:1", "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": "sha256:2", "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
        {"digest": "sha256:3", "platform": {"os": "unknown", "architecture": "unknown"}},
        {"digest": "sha256:4"}]}"#;

    fn offers() -> Vec<Offer> {
        match Manifest::parse(INDEX).unwrap() {
            Manifest::Index(offers) => offers,
            Manifest::Image(_) => vec![],
        }
    }

    #[test]
    fn an_index_offers_an_image_for_each_platform() {
        assert_eq!(choose(&offers(), "linux/amd64").unwrap().digest, "sha256:1");
        assert_eq!(choose(&offers(), "linux/arm64").unwrap().digest, "sha256:2");
    }

    #[test]
    fn a_platform_that_is_missing_is_named_with_those_that_are_there() {
        let why = choose(&offers(), "linux/s390x").unwrap_err();
        assert_eq!(why, "it has no image for linux/s390x, only linux/amd64, linux/arm64: build it for linux/s390x");
        assert!(choose(&[], "linux/amd64").unwrap_err().contains("none at all"));
    }

    #[test]
    fn an_image_is_known_by_its_configuration() {
        let image = br#"{"config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:5"}}"#;
        assert_eq!(Manifest::parse(image).unwrap(), Manifest::Image("sha256:5".into()));
    }

    #[test]
    fn charts_old_manifests_and_ambiguous_ones_are_no_images() {
        for text in [
            r#"{"config": {"mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": "sha256:5"}}"#,
            r#"{"schemaVersion": 1, "fsLayers": []}"#,
            r#"{"config": {"mediaType": "application/vnd.oci.image.config.v1+json"}, "manifests": []}"#,
            "<html>",
        ] {
            assert!(Manifest::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_user_is_empty_when_the_image_says_none() {
        let config = |text: &str| Config::parse(text.as_bytes()).unwrap();
        let own = |user: &str| Config { platform: "linux/amd64".into(), user: user.into(), built_from: None };
        assert_eq!(config(r#"{"os": "linux", "architecture": "amd64", "config": {"User": "65532"}}"#), own("65532"));
        assert_eq!(config(r#"{"os": "linux", "architecture": "amd64", "config": {}}"#), own(""));
        assert_eq!(config(r#"{"os": "linux", "architecture": "amd64", "config": null}"#), own(""));
        assert!(Config::parse(b"[]").is_err());
    }

    #[test]
    fn a_digest_is_the_sha_256_of_the_bytes() {
        assert!(checkable(&Digest::compute("").to_string()).is_ok() && checkable("sha256:../x").is_err());
    }
}
