//! `dayfly doctor`: tries everything that a run will need, on one screen, and says what to do where it fails.
//!
//! It brings up a small environment of dayfly's own image and removes it again. What stays is that image: a cache.

use std::path::PathBuf;
use std::sync::Arc;

use super::target::{self, Target};
use super::{Common, Output, connect, stdio};
use crate::engine::Engine;
use crate::engine::local::LocalEngine;
use crate::report::exit_code;
use crate::spec::Overrides;
use checks::Check;

pub mod checks;
mod cluster;
mod surroundings;
mod trial;

/// Runs all checks; with `file`, those of the images that this description wants too.
pub async fn run(file: Option<PathBuf>, common: &Common) -> anyhow::Result<u8> {
    let description = file
        .as_deref()
        .map(|path| connect::load(path, &Overrides::default(), common.output == Output::Json))
        .transpose()?;
    let (checks, cannot) = match target::one(common)? {
        Target::Local => match target::local(common).await? {
            Ok(engine) => all(engine, description).await,
            Err(e) => (vec![Check::failed("container engine", format!("failed to {e}"), "")], vec![]),
        },
        Target::Kubernetes(context) => match target::cluster(context, common).await? {
            Ok(engine) => cluster::all(engine, description).await,
            Err(e) => (vec![Check::failed("cluster", format!("failed to {e}"), "")], vec![]),
        },
    };
    match common.output {
        Output::Json => {
            outln!("{}", serde_json::to_string_pretty(&serde_json::json!({"checks": checks, "cannot": cannot}))?)
        }
        Output::Text => stdio::out(&checks::text(&checks, &cannot)),
    }
    Ok(if checks.iter().all(|c| c.passed) { exit_code::PASSED } else { exit_code::NOT_READY })
}

async fn all(engine: Arc<LocalEngine>, description: Option<crate::spec::Valid>) -> (Vec<Check>, Vec<String>) {
    let info = engine.info();
    let cannot = match engine.gaps().await {
        Ok(cannot) => cannot,
        Err(e) => {
            return (
                vec![Check::failed(
                    "container engine",
                    format!("failed to {e}"),
                    "restart the engine, or look at its log",
                )],
                vec![],
            );
        }
    };
    let mut checks =
        vec![Check::passed("container engine", format!("{} {} at {}", info.product, info.version, info.endpoint))];
    match engine.agent_image().await {
        Ok(image) => {
            checks.push(Check::passed("dayfly's own image", format!("{image} (a cache: it stays)")));
            checks.extend(trial::run(engine.clone(), &image, None).await);
        }
        Err(e) => checks.push(Check::failed(
            "dayfly's own image",
            format!("failed to {e}"),
            "free disk space, and check that this user may load images",
        )),
    }
    checks.extend(surroundings::disk(engine.as_ref()).await);
    if let Some(valid) = description {
        checks.push(match crate::plan::build::build(&valid, 1) {
            Ok(plan) => surroundings::images(engine.as_ref(), &plan).await,
            Err(e) => Check::failed("images", format!("failed to {e}"), ""),
        });
    }
    (checks, cannot)
}
