//! Logs of units, line by line.

use futures::StreamExt;
use futures::stream::BoxStream;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::ListParams;
use kube::core::PartialObjectMeta;

use super::reader::{LogReader, Wanted};
use crate::engine::kubernetes::client::{KubernetesEngine, api};
use crate::engine::kubernetes::explain;
use crate::engine::kubernetes::pods::container_status::UNIT_CONTAINER;
use crate::engine::{EngineError, Leftover, LogEvent, LogLine, tail as end};
use crate::render::labels::{COPY, ROLE, Role, UNIT, copy_name};

/// The log of one unit, or of all of them.
pub async fn lines(
    engine: &KubernetesEngine,
    environment: &str,
    unit: Option<&str>,
    tail: Option<usize>,
    follow: bool,
) -> Result<BoxStream<'static, Result<LogLine, EngineError>>, EngineError> {
    let each: Vec<_> = copies(engine, environment, unit)
        .await?
        .into_iter()
        .map(|(pod, shown)| {
            // The last lines of an earlier process are part of the log, as on an engine whose containers restart.
            let wanted = Wanted { tail, follow, earlier: !follow };
            let lines = LogReader::new(engine, environment, &pod, UNIT_CONTAINER, wanted).lines(shown);
            if let (false, Some(most)) = (follow, tail) { end::last(lines, most) } else { lines }
        })
        .collect();
    // In order, unless followed: then the lines of all units are merged.
    Ok(if follow { futures::stream::select_all(each).boxed() } else { futures::stream::iter(each).flatten().boxed() })
}

/// Follows the log of every copy of a unit from its first line.
pub async fn follow(
    engine: &KubernetesEngine,
    environment: &str,
    unit: &str,
) -> Result<BoxStream<'static, LogEvent>, EngineError> {
    let wanted = Wanted { tail: None, follow: true, earlier: true };
    let each = copies(engine, environment, Some(unit)).await?;
    let each = each
        .into_iter()
        .map(|(pod, shown)| LogReader::new(engine, environment, &pod, UNIT_CONTAINER, wanted).events(shown));
    Ok(futures::stream::select_all(each).boxed())
}

/// The pods of one unit, or of all of them, each with the name of its copy.
async fn copies(
    engine: &KubernetesEngine,
    environment: &str,
    unit: Option<&str>,
) -> Result<Vec<(String, String)>, EngineError> {
    let mut selector = format!("{},{ROLE}={}", api::of_environment(environment), Role::Unit.as_str());
    if let Some(unit) = unit {
        selector += &format!(",{UNIT}={unit}");
    }
    let found = engine.pods(environment).list_metadata(&ListParams::default().labels(&selector)).await;
    let found = found.map_err(|e| explain::failed(&format!("list the pods of {environment}"), &e, Leftover::None))?;
    if found.items.is_empty() {
        return Err(EngineError::Missing(
            unit.map_or_else(|| format!("environment {environment}"), |u| format!("{u} in environment {environment}")),
        ));
    }
    let named = |pod: &PartialObjectMeta<Pod>| {
        let number = api::label(pod, COPY).parse().unwrap_or(1);
        (pod.name_any(), copy_name(api::label(pod, UNIT), number))
    };
    Ok(found.iter().map(named).collect())
}
