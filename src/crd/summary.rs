//! A TestEnvironment without what takes room: the description, and the record of who set which field. This is what the
//! controller keeps of each in memory; it reads the whole object only when it checks the description.

use std::borrow::Cow;

use jiff::Timestamp;
use kube::Resource;
use kube::core::ObjectMeta;
use serde::{Deserialize, Deserializer, Serialize};

use super::{RunStatus, Stage, TestEnvironment, TestEnvironmentStatus};
use crate::model::Keep;

/// Annotation: the run whose environment was removed by somebody else, and why, in one word.
pub const REAPED: &str = "dayfly.dev/reaped";
/// kubectl's copy of the whole object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The lean object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TestEnvironmentSummary {
    /// Without managed fields.
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// Without the description.
    pub spec: SummarySpec,
    /// As it is.
    #[serde(default)]
    pub status: Option<TestEnvironmentStatus>,
}

/// What decisions need of the spec.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SummarySpec {
    /// Pull request.
    pub pull_request: u32,
    /// Head commit.
    pub commit: String,
    /// When the environment stays.
    #[serde(default)]
    pub keep: Keep,
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

impl TestEnvironmentSummary {
    /// `namespace/name`.
    pub fn key(&self) -> String {
        let part = |p: &Option<String>| p.clone().unwrap_or_default();
        format!("{}/{}", part(&self.metadata.namespace), part(&self.metadata.name))
    }

    /// Its uid.
    pub fn uid(&self) -> &str {
        self.metadata.uid.as_deref().unwrap_or_default()
    }

    /// When it was made.
    pub fn created(&self) -> Timestamp {
        self.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |t| t.0)
    }

    /// The run whose environment the janitor removed, and why, in one word.
    pub fn reaped(&self) -> Option<(&str, &str)> {
        self.metadata.annotations.as_ref()?.get(REAPED)?.split_once(' ')
    }

    /// Since when it is being deleted.
    pub fn deleted(&self) -> Option<Timestamp> {
        self.metadata.deletion_timestamp.as_ref().map(|t| t.0)
    }

    /// The latest run.
    pub fn run(&self) -> Option<&RunStatus> {
        self.status.as_ref()?.run.as_ref()
    }

    /// Whether a run of it is under way.
    pub fn is_running(&self) -> bool {
        self.run().is_some_and(|r| r.stage != Stage::Ended)
    }

    /// What its run would depend on; none while its description is at fault or was not looked at.
    pub fn wanted(&self) -> Option<&str> {
        self.status.as_ref()?.input.as_deref()
    }

    /// The environment that it asks for.
    pub fn environment(&self) -> Option<&str> {
        self.status.as_ref()?.environment.as_deref()
    }

    /// Whether it wants a run that has not begun.
    pub fn waits(&self) -> bool {
        self.deleted().is_none()
            && self.wanted().is_some()
            && self.run().is_none_or(|r| Some(r.input.as_str()) != self.wanted())
    }
}
