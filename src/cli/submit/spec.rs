//! Builds the TestEnvironment spec of a description. Pure.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cli::RequestArgs;
use crate::crd::{BaseSource, BuiltFromSpec, DescriptionSource, LinkedChangeSpec, RequestedBy, TestEnvironmentSpec};
use crate::report::facts::{Change, Runner};
use crate::spec::{BaseFile, ValidDescription};

/// Builds the spec, with the description and every file that it refers to.
pub fn build(
    args: &RequestArgs,
    valid: &ValidDescription,
    text: String,
    change: &Change,
    runner: Runner,
) -> TestEnvironmentSpec {
    let mut description = DescriptionSource {
        inline: Some(text),
        path: valid.path.display().to_string(),
        ..DescriptionSource::default()
    };
    (description.files, description.binary_files) = contents(&valid.files);
    let asked = RequestedBy { job: runner.job, actor: runner.actor };
    TestEnvironmentSpec {
        description,
        suites_from: valid.base.as_ref().map(base),
        pull_request: change.pr,
        commit: change.commit.clone(),
        repository: change.repository.clone(),
        identity_token: None,
        values: args.description.set.iter().cloned().collect(),
        built_from: change.built_from.iter().map(|(name, from)| (name.clone(), BuiltFromSpec::of(from))).collect(),
        with: change.with.iter().map(LinkedChangeSpec::of).collect(),
        images: args.description.image.iter().cloned().collect(),
        ttl: args.change.ttl.clone(),
        suites: args.suite.clone(),
        keep: args.keep,
        extend_until: None,
        attempt: 1,
        requested_by: Some(asked).filter(|a| a.job.is_some() || a.actor.is_some()),
    }
}

/// Text files, and binary files in base64.
fn contents(files: &BTreeMap<String, Vec<u8>>) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let (mut texts, mut binary) = (BTreeMap::new(), BTreeMap::new());
    for (path, bytes) in files {
        match std::str::from_utf8(bytes) {
            Ok(text) => drop(texts.insert(path.clone(), text.to_owned())),
            Err(_) => drop(binary.insert(path.clone(), STANDARD.encode(bytes))),
        }
    }
    (texts, binary)
}

fn base(of: &BaseFile) -> BaseSource {
    let (files, binary_files) = contents(&of.files);
    BaseSource {
        files,
        binary_files,
        inline: Some(String::from_utf8_lossy(&of.bytes).into_owned()),
        config_map: None,
        path: of.path.clone(),
        revision: of.commit.clone(),
    }
}

/// Explains an API server error to the user of `submit`.
pub fn api_error(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(s) if s.code == 404 => {
            "TestEnvironments are not installed in the cluster; run `dayfly install`".into()
        }
        kube::Error::Api(s) if s.code == 413 || s.message.contains("too large") || s.message.contains("too long") => {
            format!(
                "the description with its files is too large for an object ({}); move SQL and files into images",
                s.message
            )
        }
        kube::Error::Api(s) if s.code == 403 => {
            format!("{}; grant the role dayfly-submit (manifests/install/rbac-submit.yaml)", s.message)
        }
        kube::Error::Api(s) => s.message.clone(),
        other => other.to_string(),
    }
}
