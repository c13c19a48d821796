//! Changes that the command line makes to a description.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::model::{Digest, EnvironmentScope};

/// Changes of the command line to a description, and the facts of the run that it gives to templates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// `--set name=value`, in order; the last of a name counts.
    pub set: Vec<(String, String)>,
    /// `--image unit=reference`, in order; also for container suites.
    pub images: Vec<(String, String)>,
    /// Life time in place of the description's.
    pub ttl: Option<String>,
    /// `{{pr}}`, and part of `{{environment}}`; 0 where it is not known.
    pub pr: Option<u32>,
    /// `{{commit}}`; forty zeros where it is not known.
    pub commit: Option<String>,
    /// Scope of the environment's name, and of `{{environment}}`.
    pub scope: Option<EnvironmentScope>,
    /// Name that `{{environment}}` is made of, in place of the description's own.
    pub description: Option<String>,
    /// The protected base, whose suites take the place of the description's own.
    pub base: Option<BaseFile>,
    /// `set` may name values that the description does not declare.
    pub undeclared: bool,
}

/// A file of the protected base, before it is checked: a description, or a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseFile {
    /// Path of the file, for people.
    pub path: String,
    /// Commit that it was read from; none for a folder.
    pub commit: Option<String>,
    /// Its text.
    pub bytes: Vec<u8>,
    /// The files that its suites refer to, by path relative to its folder.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl BaseFile {
    /// The SHA-256 of the file. If its suites include or refer to others, it is that of the JSON object
    /// `{"description":HEX,"files":{PATH:HEX}}` with the digests of all of them, keys in order and without spaces.
    pub fn digest(&self) -> Digest {
        let own = Digest::compute(&self.bytes);
        if self.files.is_empty() {
            return own;
        }
        let files: BTreeMap<&str, String> =
            self.files.iter().map(|(path, bytes)| (path.as_str(), Digest::compute(bytes).hex())).collect();
        Digest::compute_json(&serde_json::json!({ "description": own.hex(), "files": files }))
    }

    /// A file that came with it.
    pub fn file(&self, path: &str) -> io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or(io::ErrorKind::NotFound.into())
    }

    /// The name of a file beside it, as [`name`](Self::name).
    pub fn name_of(&self, path: &str) -> String {
        let path = Path::new(&self.path).with_file_name(path).display().to_string();
        Self { path, commit: self.commit.clone(), bytes: vec![], files: BTreeMap::new() }.name()
    }

    /// The path with the commit, such as `environment.yaml@4d1f0c2`.
    pub fn name(&self) -> String {
        let short = self.commit.as_ref().and_then(|c| c.get(..7));
        short.map_or_else(|| self.path.clone(), |c| format!("{}@{c}", self.path))
    }
}
