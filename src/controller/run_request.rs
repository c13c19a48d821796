//! Resolves a TestEnvironment into a valid description and a plan; the controller reports errors, the runner performs the plan.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, Client, ResourceExt};

use super::proof;
use crate::crd::{BaseSource, ConfigMapSource, DescriptionSource, TestEnvironment, TestEnvironmentSpec};
use crate::engine::Engine;
use crate::identity::IdentityError;
use crate::lease::Owner;
use crate::model::without_credentials;
use crate::policy::{CONFIGMAP, CONFIGMAP_KEY, DependencyLimits, Policy, Subject};
use crate::report::facts::{Change, Runner};
use crate::run::RunRequest;
use crate::spec::{BaseFile, Diagnostics, Overrides};

/// Why a TestEnvironment cannot be resolved.
#[derive(Debug, thiserror::Error)]
pub enum Unresolved {
    /// The object must change.
    #[error("{0}")]
    Invalid(
        /// Every error, as text.
        String,
    ),
    /// The ConfigMap is missing or its content invalid; it may still be created or change.
    #[error("{0}")]
    Source(
        /// The problem.
        String,
    ),
    /// The policy refuses the description, or is itself unusable; it may still change.
    #[error("{0}")]
    NotAllowed(
        /// Every refusal, as text.
        String,
    ),
    /// The API server did not answer.
    #[error("read the description: {0}")]
    Api(#[from] kube::Error),
}

impl From<IdentityError> for Unresolved {
    fn from(error: IdentityError) -> Self {
        let text = format!("spec.identityToken: failed to {error}");
        match error {
            IdentityError::NoKeys { .. } => Self::Source(text),
            IdentityError::UnknownIssuer { .. } => Self::NotAllowed(text),
            IdentityError::Token(_) | IdentityError::Differs { .. } => Self::Invalid(text),
        }
    }
}

/// Reads what the object refers to and checks it, also against the operator's policy in dayfly's namespace.
///
/// `engine` is the one that will run it; the controller knows none, and leaves the check of its credentials to the runner.
pub async fn resolve(
    client: &Client,
    object: &TestEnvironment,
    system: &str,
    engine: Option<&dyn Engine>,
) -> Result<RunRequest, Unresolved> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), system);
    let files = maps.get_opt(CONFIGMAP).await?.map(contents);
    let policy = parse_policy(files.as_ref(), system)?;
    let request = described(client, object).await?;
    let namespace = object.namespace().unwrap_or_default();
    let proof = proof::of(object, &policy, &files.unwrap_or_default(), &request).await?;
    let repository = request.change.repository.clone().filter(|_| proof.is_some());
    let subject = Subject::Requester { namespace: namespace.clone(), repository };
    let refused = |faults: Diagnostics| Unresolved::NotAllowed(faults.render(false));
    crate::policy::check(&policy, &subject, &request.valid, &overrides(&object.spec, &namespace)).map_err(refused)?;
    if let Some(engine) = engine {
        let has_credentials = |image: &str| engine.has_credentials(image);
        crate::policy::check_credentials(&policy, &subject, &request.valid, has_credentials).map_err(refused)?;
    }
    let dependencies = policy.limits(&subject).dependencies;
    Ok(RunRequest { policy: policy.reference().cloned(), dependencies, proof, ..request })
}

/// The operator's policy among the files of its ConfigMap; without it, the built-in limits hold. With an unusable one,
/// nothing is allowed.
pub(super) fn parse_policy(files: Option<&Files>, system: &str) -> Result<Policy, Unresolved> {
    let Some(files) = files else { return Ok(Policy::built_in()) };
    let uri = format!("configmap://{system}/{CONFIGMAP}/{CONFIGMAP_KEY}");
    let Some(text) = files.get(CONFIGMAP_KEY) else {
        let why =
            format!("ConfigMap {system}/{CONFIGMAP} has no key {CONFIGMAP_KEY}; ask the operator of this installation");
        return Err(Unresolved::NotAllowed(why));
    };
    Policy::parse(Path::new(&uri), text).map_err(|faults| Unresolved::NotAllowed(faults.render(false)))
}

async fn described(client: &Client, object: &TestEnvironment) -> Result<RunRequest, Unresolved> {
    let (spec, namespace) = (&object.spec, object.namespace().unwrap_or_default());
    let (text, files) = match &spec.description.config_map {
        Some(from) => in_config_map(client, &namespace, from, "description").await?,
        None => inline(&spec.description).map_err(Unresolved::Invalid)?,
    };
    let base = match &spec.suites_from {
        Some(from) => Some(base(client, &namespace, from).await?),
        None => None,
    };
    let base_in_map = spec.suites_from.as_ref().is_some_and(|s| s.config_map.is_some());
    let may_change = spec.description.config_map.is_some() || base_in_map;
    checked(spec, &namespace, &text, &files, base).map_err(if may_change {
        Unresolved::Source
    } else {
        Unresolved::Invalid
    })
}

/// The description of the protected base.
async fn base(client: &Client, namespace: &str, source: &BaseSource) -> Result<BaseFile, Unresolved> {
    let (bytes, files) = match &source.config_map {
        Some(from) => in_config_map(client, namespace, from, "suitesFrom").await?,
        None => {
            let files = decoded("suitesFrom", &source.files, &source.binary_files).map_err(Unresolved::Invalid)?;
            (source.inline.clone().unwrap_or_default().into_bytes(), files)
        }
    };
    Ok(BaseFile { path: source.path.clone(), commit: source.revision.clone(), bytes, files })
}

/// A description in a ConfigMap, and the map's other keys.
async fn in_config_map(
    client: &Client,
    namespace: &str,
    from: &ConfigMapSource,
    field: &str,
) -> Result<(Vec<u8>, Files), Unresolved> {
    // An older definition of the resource lets other names through, and the client does not escape them.
    if !is_object_name(&from.name) {
        let text = format!("{field}.configMap.name: {:?} is not the name of a ConfigMap", from.name);
        return Err(Unresolved::Invalid(text));
    }
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let Some(map) = maps.get_opt(&from.name).await? else {
        return Err(Unresolved::Source(format!("ConfigMap {namespace}/{} does not exist", from.name)));
    };
    let mut files = contents(map);
    let Some(text) = files.remove(&from.key) else {
        let keys = files.keys().cloned().collect::<Vec<_>>().join(", ");
        let has = if keys.is_empty() { "none".into() } else { keys };
        return Err(Unresolved::Source(format!(
            "ConfigMap {namespace}/{} has no key {}; its keys are: {has}",
            from.name, from.key
        )));
    };
    Ok((text, files))
}

/// Returns true if a text can be the name of an object, so that it stays one segment of a request's path.
fn is_object_name(name: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = [name.bytes().next(), name.bytes().next_back()];
    name.len() <= 253
        && ends.iter().all(|b| b.is_some_and(alphanumeric))
        && name.bytes().all(|b| alphanumeric(b) || b == b'.' || b == b'-')
}

/// Files by the path that the description uses.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

fn inline(source: &DescriptionSource) -> Result<(Vec<u8>, Files), String> {
    let text = source.inline.clone().unwrap_or_default().into_bytes();
    Ok((text, decoded("description", &source.files, &source.binary_files)?))
}

/// Files of a field of the spec.
fn decoded(field: &str, texts: &BTreeMap<String, String>, binary: &BTreeMap<String, String>) -> Result<Files, String> {
    let mut files: Files = texts.iter().map(|(path, text)| (path.clone(), text.clone().into_bytes())).collect();
    for (path, coded) in binary {
        let bytes = STANDARD.decode(coded).map_err(|e| format!("{field}.binaryFiles[{path}] is not base64: {e}"))?;
        files.insert(path.clone(), bytes);
    }
    Ok(files)
}

/// `__` in a key stands for a slash, which keys cannot contain.
pub(super) fn contents(map: ConfigMap) -> Files {
    let text = map.data.unwrap_or_default().into_iter().map(|(key, text)| (key, text.into_bytes()));
    let binary = map.binary_data.unwrap_or_default().into_iter().map(|(key, bytes)| (key, bytes.0));
    text.chain(binary).map(|(key, bytes)| (key.replace("__", "/"), bytes)).collect()
}

fn overrides(spec: &TestEnvironmentSpec, namespace: &str) -> Overrides {
    let repository = spec.repository.as_deref().map(without_credentials);
    Overrides {
        set: spec.values.clone().into_iter().collect(),
        images: spec.images.clone().into_iter().collect(),
        ttl: spec.ttl.clone(),
        pr: Some(spec.pull_request),
        commit: Some(spec.commit.clone()),
        scope: Owner::namespace(namespace, repository.as_deref()).scope(),
        ..Overrides::default()
    }
}

fn checked(
    spec: &TestEnvironmentSpec,
    namespace: &str,
    text: &[u8],
    files: &Files,
    base: Option<BaseFile>,
) -> Result<RunRequest, String> {
    let overrides = Overrides { base, ..overrides(spec, namespace) };
    let valid = crate::spec::load_bytes(Path::new(&spec.description.path), text, files, &overrides);
    let valid = valid.map_err(|faults| faults.render(false))?;
    let plan = crate::plan::build::build(&valid, spec.pull_request).map_err(|e| format!("failed to {e}"))?;
    if let Some(lack) = plan.lacks(&spec.suites) {
        return Err(format!("suites: {lack}"));
    }
    let sources = spec.sources()?;
    if let Some(lack) = plan.lacks_image_of(&sources.0) {
        return Err(format!("builtFrom: {lack}"));
    }
    let asked = spec.requested_by.clone().unwrap_or_default();
    Ok(RunRequest {
        valid,
        plan,
        policy: None,
        dependencies: DependencyLimits::default(),
        proof: None,
        change: Change {
            repository: spec.repository.as_deref().map(without_credentials),
            pr: spec.pull_request,
            commit: spec.commit.clone(),
            built_from: sources.0,
            with: sources.1,
        },
        runner: Runner {
            name: "dayfly".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            job: asked.job,
            actor: asked.actor,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_names_that_would_change_the_path_of_a_request() {
        for name in ["description", "a.b-c", "7"] {
            assert!(is_object_name(name), "{name}");
        }
        for name in ["", "kube-root-ca.crt?x=1", "../other/configmaps/x", "a/b", "a%2fb", "A", "a#", ".", "a-", " a"] {
            assert!(!is_object_name(name), "{name}");
        }
    }
}
