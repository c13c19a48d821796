//! Describes the engine and its gaps, which are queried where the engine can tell, and stated otherwise.

use std::path::PathBuf;

use serde_json::Value;

use super::client::{LocalEngine, Product};
use super::explain;
use super::raw::Raw;
use crate::engine::{EngineError, EngineInfo, Leftover, words};
use crate::plan::Plan;

async fn query_info(engine: &LocalEngine) -> Result<Value, EngineError> {
    engine
        .raw
        .get(&engine.path("/info"))
        .await
        .map_err(|f| explain::failed("query the engine's capabilities", &f.words, Leftover::None))
}

/// Returns the engine's data folder.
pub async fn data_root(engine: &LocalEngine) -> Result<Option<PathBuf>, EngineError> {
    let about = query_info(engine).await?;
    Ok(about.get("DockerRootDir").and_then(Value::as_str).map(PathBuf::from))
}

/// Returns product, version and endpoint.
pub fn engine_info(engine: &LocalEngine) -> EngineInfo {
    EngineInfo {
        product: match engine.product {
            Product::Podman => "podman",
            Product::Docker => "docker",
        }
        .into(),
        version: engine.version.clone(),
        endpoint: match &engine.raw {
            Raw::Unix(path) => format!("unix://{path}"),
            Raw::Tcp(address) => format!("tcp://{address}"),
        },
        gaps: vec![],
    }
}

/// Returns the gaps of the engine.
pub async fn gaps(engine: &LocalEngine) -> Result<Vec<String>, EngineError> {
    Ok(sentences(&query_info(engine).await?, engine.product))
}

/// Returns the gaps that concern what this plan asks for. Pure.
pub fn gaps_of(plan: &Plan) -> Vec<String> {
    let holders = words::listed(plan.holders_of_secret_env());
    let shown = holders.map(|names| {
        format!(
            "It shows the variables under `secretEnv` to everybody who may inspect its containers: those of {names}."
        )
    });
    shown.into_iter().chain(ports(plan)).collect()
}

/// The callers that may call some ports of a unit, and reach all.
fn ports(plan: &Plan) -> Option<String> {
    let units = plan.units.iter().filter(|u| !u.caller_ports.is_empty());
    let each = units.flat_map(|u| u.caller_ports.keys().map(|caller| format!("{caller} of {}", u.name)));
    let each: Vec<String> = each.collect();
    let names = words::listed(each.iter().map(String::as_str))?;
    Some(format!("It does not enforce which ports of a unit a caller may reach: {names}."))
}

/// Derives the gaps from the engine's answer. Pure.
fn sentences(about: &Value, product: Product) -> Vec<String> {
    let mut gaps = vec![
        "It cannot tell directions apart: a unit that is called can open connections back to its callers.".to_owned(),
        "It does not restrict ports: a declared caller reaches every port of the unit that it may call.".to_owned(),
        "It does not limit how much a unit writes to its writable paths.".to_owned(),
    ];
    let lacks = |flag: &str| about.get(flag).and_then(Value::as_bool) == Some(false);
    for (flag, limit) in [("MemoryLimit", "memory"), ("CpuCfsQuota", "processor"), ("PidsLimit", "process")] {
        if lacks(flag) {
            gaps.push(format!("It does not enforce {limit} limits: the kernel's controller is not delegated to it."));
        }
    }
    let options: Vec<&str> = about
        .get("SecurityOptions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !options.iter().any(|o| o.contains("seccomp")) {
        gaps.push("It does not filter system calls (no seccomp).".to_owned());
    }
    if product == Product::Podman && about.get("CgroupVersion").and_then(Value::as_str) == Some("1") {
        gaps.push("It does not report that a process was OOM-killed, except by exit code 137.".to_owned());
    }
    if product == Product::Docker {
        gaps.push(
            "Its embedded DNS answers for the names of containers that share a network; it forwards to no server."
                .to_owned(),
        );
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_limits_that_are_not_delegated() {
        let about = serde_json::json!({"MemoryLimit": false, "CpuCfsQuota": true, "PidsLimit": true, "SecurityOptions": ["name=seccomp"]});
        let gaps = sentences(&about, Product::Podman);
        assert!(gaps.iter().any(|g| g.contains("memory limits")));
        assert!(!gaps.iter().any(|g| g.contains("process limits") || g.contains("seccomp")));
    }
}
