//! Reads the public keys of an issuer: from a file beside the policy, or from a URL.

use std::collections::BTreeMap;
use std::path::Path;

use hyper::header::HeaderMap;

use crate::file::read_regular;
use crate::oidc::Jwks;
use crate::policy::TrustedIssuer;
use crate::web::{Target, Wire};

/// Longest key set in bytes.
const LONGEST: usize = 1 << 20;

/// Where the files are that a policy names.
#[derive(Debug, Clone, Copy)]
pub enum KeyFiles<'a> {
    /// In the folder of the policy.
    Folder(&'a Path),
    /// In the ConfigMap of the policy, by key.
    Map(&'a BTreeMap<String, Vec<u8>>),
}

/// Reads and parses the keys.
pub(super) async fn read(trusted: &TrustedIssuer, files: KeyFiles<'_>) -> Result<Jwks, String> {
    let bytes = match files {
        _ if trusted.keys.starts_with("https://") => fetched(&trusted.keys).await?,
        KeyFiles::Folder(folder) => read_key_file(folder, &trusted.keys)?.into_bytes(),
        KeyFiles::Map(map) => map.get(&trusted.keys).cloned().ok_or_else(|| {
            format!("the ConfigMap of the policy has no key {}; `dayfly install --policy` adds it", trusted.keys)
        })?,
    };
    Jwks::parse(&bytes).map_err(|why| format!("{}: {why}", trusted.keys))
}

/// Reads a key set from the folder of a policy.
pub fn read_key_file(folder: &Path, name: &str) -> Result<String, String> {
    let path = folder.join(name);
    let bytes = read_regular(&path, LONGEST as u64).map_err(|e| format!("{}: {e}", path.display()))?;
    Jwks::parse(&bytes).map_err(|why| format!("{}: {why}", path.display()))?;
    String::from_utf8(bytes).map_err(|_| format!("{}: it is not UTF-8", path.display()))
}

async fn fetched(url: &str) -> Result<Vec<u8>, String> {
    let target = Target::parse(url)?;
    let answer = Wire::default().get(&target, HeaderMap::new(), LONGEST).await.map_err(|e| e.to_string())?;
    if !answer.status.is_success() {
        return Err(format!("{} answered with status {}", target.authority(), answer.status.as_u16()));
    }
    Ok(answer.body.to_vec())
}
