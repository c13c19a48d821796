//! A forge that signs identity tokens, with an RSA key of openssl.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A policy that believes the forge.
pub const POLICY: &str = "apiVersion: dayfly.dev/v1alpha1
kind: Policy
contact: ops@example.org
issuers:
  - { issuer: https://git.test/oidc, forge: github, server: https://git.test, keys: jwks.json }
";

/// A forge.
pub struct Forge {
    folder: PathBuf,
}

impl Forge {
    /// Generates its key, and writes `jwks.json` and `policy.yaml` into the folder.
    pub fn new(folder: &Path) -> Self {
        let forge = Self { folder: folder.to_owned() };
        forge.openssl(&[
            "genpkey",
            "-quiet",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
            "-out",
            "forge.pem",
        ]);
        let modulus = String::from_utf8(forge.openssl(&["rsa", "-in", "forge.pem", "-noout", "-modulus"])).unwrap();
        let hex = modulus.trim().strip_prefix("Modulus=").unwrap().to_owned();
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let set = json!({"keys": [{"kty": "RSA", "kid": "one", "use": "sig", "n": part(&bytes), "e": "AQAB"}]});
        std::fs::write(folder.join("jwks.json"), set.to_string()).unwrap();
        std::fs::write(folder.join("policy.yaml"), POLICY).unwrap();
        forge
    }

    /// The key set as text.
    pub fn jwks(&self) -> String {
        std::fs::read_to_string(self.folder.join("jwks.json")).unwrap()
    }

    /// A token for pull request 7 of `team/shop`, with changes to its claims.
    pub fn token(&self, audience: &str, changes: Value) -> String {
        let now = jiff::Timestamp::now().as_second();
        let mut claims = json!({
            "iss": "https://git.test/oidc", "aud": audience, "exp": now + 600, "nbf": now - 60,
            "repository": "team/shop", "ref": "refs/pull/7/merge", "sha": "0000000", "actor": "octo",
        });
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let signed = format!(
            "{}.{}",
            part(json!({"alg": "RS256", "kid": "one"}).to_string().as_bytes()),
            part(claims.to_string().as_bytes())
        );
        std::fs::write(self.folder.join("signed"), &signed).unwrap();
        let signature = self.openssl(&["dgst", "-sha256", "-sign", "forge.pem", "signed"]);
        format!("{signed}.{}", part(&signature))
    }

    fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        let mut command = Command::new("openssl");
        command.args(arguments).current_dir(&self.folder).stderr(Stdio::piped()).stdin(Stdio::null());
        let done = command.output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        done.stdout
    }
}

fn part(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
