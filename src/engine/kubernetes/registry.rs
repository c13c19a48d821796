//! Asks image registries what an image is: which digest a tag names now, for which platform, run as whom.
//!
//! It speaks the OCI distribution API, without an engine and without a cluster. It reads layers only to pass them on, writes
//! nothing, keeps nothing of an answer that does not have the digest it should have, and shows credentials to nobody but the
//! registry they are for.

mod challenge;
mod contents;
mod credentials;
mod error;
mod manifest;
mod session;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use error::RegistryError;

use credentials::Credentials;
use manifest::{Config, Manifest};
use session::Session;

use crate::model::{BuiltFrom, Digest, ImageRef, ImageVersion};
use crate::web::{Wire, printable};

/// Longest manifest or index, in bytes.
const LONGEST_MANIFEST: usize = 4 * 1024 * 1024;
/// Longest configuration, in bytes.
const LONGEST_CONFIG: usize = 8 * 1024 * 1024;
/// The header with a manifest's digest.
const DIGEST: &str = "docker-content-digest";

/// A registry's information about an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// `sha256:…` of the manifest or index that the reference names, as served.
    pub digest: String,
    /// `linux/amd64`
    pub platform: String,
    /// `config.User`, empty when the image says none (which means root). `None` when the manifest could be had, but
    /// not the configuration, because the place where the registry keeps its blobs cannot be reached from here.
    /// Then `platform` is the one that was looked for.
    pub user: Option<String>,
    /// The commit that its labels name.
    pub built_from: Option<BuiltFrom>,
}

/// A client for any registry.
pub struct Registry {
    wire: Wire,
    credentials: Credentials,
    /// Which image of an index tells platform and user.
    platform: String,
}

/// Returns true if a docker configuration has credentials for an image. One that cannot be read has them for every image.
pub fn has_credentials(text: &str, image: &str) -> bool {
    let Ok(image) = ImageRef::split(image).in_registry() else { return false };
    Credentials::parse(text).map_or(true, |all| all.find(&image).is_some())
}

impl Registry {
    /// A client with the credentials of a docker `config.json`, given as text. Fails with `Other` when it is none.
    pub fn new(credentials: Option<&str>) -> Result<Self, RegistryError> {
        let credentials = credentials.map(Credentials::parse).transpose().map_err(RegistryError::Other)?;
        let platform = manifest::wanted_platform();
        Ok(Self { wire: Wire::default(), credentials: credentials.unwrap_or_default(), platform })
    }

    /// Asks for one image, in at most 20 s for each of its (two to eight) requests. What it says is checked against
    /// the digest in the reference and against those that the registry itself names.
    pub async fn resolve(&self, reference: &ImageRef) -> Result<Resolved, RegistryError> {
        let image = reference.in_registry().map_err(RegistryError::Other)?;
        let mut session = Session::new(&self.wire, &image, self.credentials.find(&image));
        let served = served_manifest(&mut session, &image.version.to_string()).await?;
        let digest = Digest::compute(&served).to_string();
        if let ImageVersion::Digest(asked) = &image.version {
            expect(&asked.to_string(), &digest)?;
        }
        let config = match Manifest::parse(&served).map_err(RegistryError::Other)? {
            Manifest::Image(config) => config,
            Manifest::Index(offers) => {
                let offer = manifest::choose(&offers, &self.platform).map_err(RegistryError::Other)?;
                of_index(&mut session, &offer.digest).await?
            }
        };
        let (platform, user, built_from) = match config_of(&mut session, &config).await {
            Ok(config) => (config.platform, Some(config.user), config.built_from),
            Err(RegistryError::Unreachable(_)) => (self.platform.clone(), None, None),
            Err(e) => return Err(e),
        };
        Ok(Resolved { digest, platform, user, built_from })
    }
}

/// A manifest's bytes, checked against the digest that the registry sends with them.
async fn served_manifest(session: &mut Session<'_>, version: &str) -> Result<Bytes, RegistryError> {
    let answer = session.get(&format!("manifests/{version}"), manifest::KINDS, LONGEST_MANIFEST).await?;
    let said = answer.headers.get(DIGEST).and_then(|d| d.to_str().ok()).filter(|d| d.starts_with("sha256:"));
    if let Some(said) = said {
        expect(said, &Digest::compute(&answer.body).to_string())?;
    }
    Ok(answer.body)
}

/// The digest of the configuration of an image that an index offers.
async fn of_index(session: &mut Session<'_>, digest: &str) -> Result<String, RegistryError> {
    let digest = manifest::checkable(digest).map_err(RegistryError::Other)?;
    let served = served_manifest(session, digest).await.map_err(missing_part)?;
    expect(digest, &Digest::compute(&served).to_string())?;
    match Manifest::parse(&served).map_err(RegistryError::Other)? {
        Manifest::Image(config) => Ok(config),
        Manifest::Index(_) => Err(RegistryError::Other("its index names another index: build it again".into())),
    }
}

async fn config_of(session: &mut Session<'_>, digest: &str) -> Result<Config, RegistryError> {
    Config::parse(&blob(session, digest, LONGEST_CONFIG).await?).map_err(RegistryError::Other)
}

/// A blob, checked against its digest.
async fn blob(session: &mut Session<'_>, digest: &str, longest: usize) -> Result<Bytes, RegistryError> {
    let digest = manifest::checkable(digest).map_err(RegistryError::Other)?;
    let answer = session.get(&format!("blobs/{digest}"), "*/*", longest).await.map_err(missing_part)?;
    expect(digest, &Digest::compute(&answer.body).to_string())?;
    Ok(answer.body)
}

/// Something that is missing below a manifest was lost, not misspelt.
fn missing_part(e: RegistryError) -> RegistryError {
    match e {
        RegistryError::NotFound(detail) => {
            RegistryError::Other(format!("the registry has lost a part of it: push it again ({detail})"))
        }
        other => other,
    }
}

fn expect(asked: &str, served: &str) -> Result<(), RegistryError> {
    if asked == served {
        return Ok(());
    }
    let asked = printable(asked);
    Err(RegistryError::Other(format!(
        "what the registry serves is {served} and not {asked}: do not run it, and check the registry"
    )))
}
