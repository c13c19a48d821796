//! A TestEnvironment without its description and managed fields: the form that the controller caches. It reads the whole
//! object only to check the description.

use std::borrow::Cow;

use jiff::Timestamp;
use kube::Resource;
use kube::core::ObjectMeta;
use serde::{Deserialize, Deserializer, Serialize};

use super::spec::TestEnvironment;
use super::status::{RunStatus, Stage, TestEnvironmentStatus};
use crate::model::Keep;

/// Annotation: the run whose environment the reaper removed, and the kind of reason.
pub const REAPED: &str = "dayfly.dev/reaped";
/// kubectl's copy of the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A trimmed TestEnvironment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TestEnvironmentSummary {
    /// Without managed fields.
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// Without the description.
    pub spec: SummarySpec,
    /// The status.
    #[serde(default)]
    pub status: Option<TestEnvironmentStatus>,
}

/// The fields of the spec that decisions need.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SummarySpec {
    /// Pull request.
    pub pull_request: u32,
    /// Head commit.
    pub commit: String,
    /// URL of the repository. As text: see `extend_until`.
    #[serde(default)]
    pub repository: Option<String>,
    /// When to keep the environment after the run.
    #[serde(default)]
    pub keep: Keep,
    /// Keep the environment at least until this time. As text: one object must not make the list of all unreadable.
    #[serde(default)]
    pub extend_until: Option<String>,
}

fn metadata<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let mut metadata = ObjectMeta::deserialize(deserializer)?;
    metadata.managed_fields = None;
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(LAST_APPLIED);
    }
    Ok(metadata)
}

impl Resource for TestEnvironmentSummary {
    type DynamicType = ();
    type Scope = kube::core::NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        TestEnvironment::kind(&())
    }
    fn group((): &()) -> Cow<'_, str> {
        TestEnvironment::group(&())
    }
    fn version((): &()) -> Cow<'_, str> {
        TestEnvironment::version(&())
    }
    fn plural((): &()) -> Cow<'_, str> {
        TestEnvironment::plural(&())
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// The kinds of reason that the reaper and `dayfly down` give.
const REMOVAL_WORDS: [&str; 5] = ["expired", "idle", "closed", "orphan", "down"];

impl TestEnvironmentSummary {
    /// `namespace/name`.
    pub fn key(&self) -> String {
        let part = |p: &Option<String>| p.clone().unwrap_or_default();
        format!("{}/{}", part(&self.metadata.namespace), part(&self.metadata.name))
    }

    /// The uid.
    pub fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    /// When the object was created.
    pub fn created(&self) -> Timestamp {
        self.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |t| t.0)
    }

    /// The run whose environment was removed, and the kind of reason. Who may edit the object may write the annotation, so that
    /// only the words that dayfly writes count.
    pub fn reaped(&self) -> Option<(&str, &str)> {
        let (run, why) = self.metadata.annotations.as_ref()?.get(REAPED)?.split_once(' ')?;
        REMOVAL_WORDS.contains(&why).then_some((run, why))
    }

    /// When deletion was requested.
    pub fn deleted(&self) -> Option<Timestamp> {
        self.metadata.deletion_timestamp.as_ref().map(|t| t.0)
    }

    /// The latest run.
    pub fn run(&self) -> Option<&RunStatus> {
        self.status.as_ref()?.run.as_ref()
    }

    /// Whether a run is in progress.
    pub fn is_running(&self) -> bool {
        self.run().is_some_and(|r| r.stage != Stage::Ended)
    }

    /// Digest of the wanted run's inputs; none while the description is invalid or unchecked.
    pub fn input_digest(&self) -> Option<&str> {
        self.status.as_ref()?.input_digest.as_deref()
    }

    /// Name of the wanted environment.
    pub fn environment(&self) -> Option<&str> {
        self.status.as_ref()?.environment.as_deref()
    }

    /// Whether the wanted run has not started.
    pub fn is_queued(&self) -> bool {
        self.deleted().is_none()
            && self.input_digest().is_some()
            && self.run().is_none_or(|r| Some(r.input_digest.as_str()) != self.input_digest())
    }
}
