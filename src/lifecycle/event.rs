//! The events of a run: the one stream behind progress output, event lists and reports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::{EngineInfo, Residual};
use crate::lease::TakenOver;
use crate::model::{ImageFact, RunId};
use crate::plan::changes::Changes;
use crate::report::facts::{CaseFact, Cause, RawFile, SuiteFact};

/// An event of a run; `--output json` prints each as one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum RunEvent {
    /// The engine and its version.
    Engine { info: EngineInfo },
    /// The gaps of the engine.
    Gaps {
        #[serde(rename = "cannot")]
        gaps: Vec<String>,
    },
    /// An image is being pulled.
    Pulling { reference: String, status: String },
    /// Every image is resolved.
    Images { images: BTreeMap<String, ImageFact> },
    /// What the update of a running environment changes, before it does.
    Update { changes: Changes },
    /// The environment is claimed.
    Claimed {
        environment: String,
        run: RunId,
        replaced: Option<RunId>,
        /// What was taken from another owner, if anything was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        taken_over: Option<Box<TakenOver>>,
    },
    /// Networks, volumes, secrets and containers are created.
    Prepared,
    /// A unit is starting.
    UnitStarting { unit: String },
    /// A unit is not ready yet; `last` is the last probe result.
    UnitWaiting { unit: String, last: String },
    /// A unit is ready.
    UnitReady { unit: String, took_ms: u64 },
    /// A unit cannot become ready.
    UnitFailed { unit: String, reason: String, log: Vec<String> },
    /// A suite stopped a unit.
    UnitStopped { unit: String },
    /// A unit's process exited unexpectedly while suites ran.
    UnitEnded { unit: String, code: i64, oom_killed: bool },
    /// A unit's container or pod was removed or evicted from outside while suites ran.
    UnitGone { unit: String, why: String },
    /// Every unit that starts automatically is ready.
    Up { took_ms: u64 },
    /// A suite started.
    SuiteStarted { suite: SuiteFact },
    /// A line of a container suite's log.
    SuiteLine { suite: String, line: String },
    /// A case of built-in steps started, or starts again after a failure.
    CaseStarted { suite: String, id: String, name: String, attempt: usize },
    /// A step of the case that runs started.
    StepStarted { suite: String, case: String, step: String },
    /// A case ended, after its retries.
    CaseDone { suite: String, case: CaseFact },
    /// A suite ended.
    SuiteDone { suite: SuiteFact },
    /// Logs and states collected before the removal.
    #[serde(rename = "traces")]
    Diagnostics { files: Vec<RawFile> },
    /// Digests of the running images, by unit.
    Running { digests: BTreeMap<String, String> },
    /// A cause of a result other than passed.
    Cause { cause: Cause },
    /// Statements are signed (without a key, only wrapped) and stored.
    Sealed {
        folder: String,
        statements: usize,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unsigned: bool,
    },
    /// The environment is kept.
    Kept { reason: String },
    /// The removal started.
    Removing { environment: String },
    /// The removal ended.
    Removed { residual: Vec<Residual>, took_ms: u64 },
}
