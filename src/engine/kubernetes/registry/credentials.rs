//! Reads the text of a docker `config.json` and finds the credentials for an image in it.
//!
//! Pure: it reads no file and runs no credential helper. No message holds anything that the text says.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

use crate::model::{RegistryImage, registry_host};

/// Accepts what people paste: with padding and without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// User and password for a registry. Has no `Debug`, so that neither ends up in a message.
pub struct Credential {
    encoded: String,
}

impl Credential {
    /// The value of an `Authorization` header.
    pub fn basic(&self) -> String {
        format!("Basic {}", self.encoded)
    }
}

/// Every credential of a docker configuration.
#[derive(Default)]
pub struct Credentials {
    entries: Vec<Entry>,
}

struct Entry {
    host: String,
    path: String,
    credential: Credential,
}

#[derive(Deserialize)]
struct File {
    auths: Option<BTreeMap<String, Given>>,
}

#[derive(Deserialize)]
struct Given {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl Credentials {
    /// Reads the text. Entries without a password (those of credential helpers) are left out.
    pub fn parse(text: &str) -> Result<Self, String> {
        // serde's own words quote values, which are secrets here.
        let file: File = serde_json::from_str(text).map_err(|e| {
            let (line, column) = (e.line(), e.column());
            format!("the pull secret is no docker config.json with `auths` (line {line}, column {column}): check it")
        })?;
        let mut entries = vec![];
        for (key, given) in file.auths.unwrap_or_default() {
            let pair = given.pair().ok_or_else(|| {
                format!("the pull secret's `auth` for {key} is not the base64 of user:password: log in again")
            })?;
            if let Some(pair) = pair {
                let (host, path) = place(&key);
                entries.push(Entry { host, path, credential: Credential { encoded: BASE64.encode(pair) } });
            }
        }
        Ok(Self { entries })
    }

    /// The credential for an image: the entry with the longest path that leads to it, a whole host before a pattern.
    pub fn find(&self, image: &RegistryImage) -> Option<&Credential> {
        let leading = self.entries.iter().filter(|e| e.leads_to(image));
        leading.max_by_key(|e| (e.path.len(), e.host == image.host)).map(|e| &e.credential)
    }
}

impl Given {
    /// `user:password`; inner `None` when there is no password, outer `None` when `auth` cannot be read.
    fn pair(&self) -> Option<Option<Vec<u8>>> {
        if let Some(auth) = self.auth.as_deref().filter(|a| !a.is_empty()) {
            let pair = BASE64.decode(auth.trim()).ok()?;
            let end = pair.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
            return pair[..end].contains(&b':').then(|| Some(pair[..end].to_vec()));
        }
        let both = self.username.as_ref().zip(self.password.as_ref());
        Some(both.filter(|(user, _)| !user.is_empty()).map(|(user, word)| format!("{user}:{word}").into_bytes()))
    }
}

impl Entry {
    fn leads_to(&self, image: &RegistryImage) -> bool {
        let below = image.repository.strip_prefix(&self.path).is_some_and(|r| r.is_empty() || r.starts_with('/'));
        (self.path.is_empty() || below) && is_meant(&self.host, &image.host)
    }
}

/// Host and path of a key: `host`, `host/path`, or `https://host/v1/` as older clients write it.
fn place(key: &str) -> (String, String) {
    let bare = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let path = path.trim_end_matches('/');
    (registry_host(host), if ["v1", "v2"].contains(&path) { String::new() } else { path.to_owned() })
}

/// Returns true if a key's host is this one; a whole label may be `*`, as in Kubernetes' pull secrets.
fn is_meant(pattern: &str, host: &str) -> bool {
    let (pattern, host): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), host.split('.').collect());
    pattern.len() == host.len() && pattern.iter().zip(&host).all(|(p, h)| *p == "*" || p == h)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::ImageRef;

    fn shown(text: &str, image: &str) -> Option<String> {
        let found = Credentials::parse(text).unwrap();
        let encoded = found.find(&ImageRef::split(image).in_registry().unwrap())?.encoded.clone();
        Some(String::from_utf8(BASE64.decode(encoded).unwrap()).unwrap())
    }

    #[test]
    fn credentials_are_matched_by_host() {
        let text = r#"{"auths": {"ghcr.io": {"auth": "YTpiOmM="}, "r.test:5000": {"username": "d", "password": "e"}}}"#;
        assert_eq!(shown(text, "ghcr.io/x/y:1").as_deref(), Some("a:b:c"));
        assert_eq!(shown(text, "r.test:5000/x").as_deref(), Some("d:e"));
        assert_eq!(shown(text, "r.test/x"), None);
        assert_eq!(shown(text, "rabbitmq:4"), None);
    }

    #[test]
    fn docker_hub_is_found_under_its_old_key_too() {
        for key in ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"] {
            let text = format!(r#"{{"auths": {{"{key}": {{"auth": "YTpi"}}}}}}"#);
            assert_eq!(shown(&text, "rabbitmq:4").as_deref(), Some("a:b"), "{key}");
            assert_eq!(shown(&text, "ghcr.io/x/y"), None, "{key}");
        }
    }

    #[test]
    fn the_longest_path_wins_and_a_star_is_one_label() {
        let text = r#"{"auths": {"*.azure.test": {"auth": "YTpi"},
            "q.test": {"auth": "Yzpk"}, "q.test/team": {"auth": "ZTpm"}}}"#;
        assert_eq!(shown(text, "mine.azure.test/x").as_deref(), Some("a:b"));
        assert_eq!(shown(text, "a.b.azure.test/x"), None);
        assert_eq!(shown(text, "q.test/team/app").as_deref(), Some("e:f"));
        assert_eq!(shown(text, "q.test/teams/app").as_deref(), Some("c:d"));
    }

    #[test]
    fn entries_of_credential_helpers_count_as_none() {
        assert_eq!(shown(r#"{"auths": {"ghcr.io": {}}, "credsStore": "desktop"}"#, "ghcr.io/x/y"), None);
        assert_eq!(shown(r#"{"auths": {"ghcr.io": {"auth": "", "identitytoken": "t"}}}"#, "ghcr.io/x/y"), None);
        assert_eq!(shown("{}", "ghcr.io/x/y"), None);
    }

    #[test]
    fn padding_may_be_missing_and_zeros_may_follow() {
        assert_eq!(shown(r#"{"auths": {"r.test": {"auth": "YTpiOmM"}}}"#, "r.test/x").as_deref(), Some("a:b:c"));
        assert_eq!(shown(r#"{"auths": {"r.test": {"auth": "YTpiAAA="}}}"#, "r.test/x").as_deref(), Some("a:b"));
    }

    #[test]
    fn no_message_tells_what_the_text_says() {
        for text in [
            r#"{"auths": {"r.test": "hunter2"}}"#,
            r#"{"auths": {"r.test": {"auth": "hunter2"}}}"#,
            r#"{"auths": "hunter2"}"#,
            "hunter2",
        ] {
            let why = Credentials::parse(text).err().unwrap();
            assert!(!why.contains("hunter2") && why.contains("pull secret"), "{why}");
        }
    }
}
