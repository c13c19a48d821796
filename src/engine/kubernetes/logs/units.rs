//! Logs of units, line by line.

use futures::StreamExt;
use futures::stream::BoxStream;
use kube::ResourceExt;
use kube::api::ListParams;

use super::reader::LogReader;
use crate::engine::kubernetes::client::{KubernetesEngine, api};
use crate::engine::kubernetes::explain;
use crate::engine::kubernetes::pods::container_status::UNIT_CONTAINER;
use crate::engine::{EngineError, Leftover, LogLine};
use crate::render::labels::{COPY, ROLE, Role, UNIT, copy_name};

/// The log of one unit, or of all of them.
pub async fn lines(
    engine: &KubernetesEngine,
    environment: &str,
    unit: Option<&str>,
    tail: Option<usize>,
    follow: bool,
) -> Result<BoxStream<'static, Result<LogLine, EngineError>>, EngineError> {
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
    let each: Vec<_> = found
        .iter()
        .map(|pod| {
            let number = api::label(pod, COPY).parse().unwrap_or(1);
            let shown = copy_name(api::label(pod, UNIT), number);
            LogReader::new(engine, environment, &pod.name_any(), UNIT_CONTAINER, tail, follow).lines(shown)
        })
        .collect();
    // In order, unless followed: then the lines of all units are merged.
    Ok(if follow { futures::stream::select_all(each).boxed() } else { futures::stream::iter(each).flatten().boxed() })
}
