//! What happens in a run, in the order in which it happens: the one stream behind screen, events and report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::{EngineInfo, Residual};
use crate::model::ImageFact;
use crate::report::facts::{CaseFact, Cause, RawFile, SuiteFact};

/// Something that happened; `--output json` prints each as one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum RunEvent {
    /// The engine introduced itself.
    Engine { info: EngineInfo },
    /// What the engine does not enforce.
    Gaps { cannot: Vec<String> },
    /// An image is being pulled.
    Pulling { reference: String, status: String },
    /// Every image is here.
    Images { images: BTreeMap<String, ImageFact> },
    /// The environment is ours.
    Claimed { environment: String, run: uuid::Uuid, replaced: Option<uuid::Uuid> },
    /// Networks, volumes, secrets and containers are made.
    Prepared,
    /// A unit's start was asked for.
    UnitStarting { unit: String },
    /// A unit is not ready yet; what its probe saw last.
    UnitWaiting { unit: String, last: String },
    /// A unit is ready.
    UnitReady { unit: String, took_ms: u64 },
    /// A unit cannot become ready.
    UnitFailed { unit: String, reason: String, log: Vec<String> },
    /// A suite stopped a unit on purpose.
    UnitStopped { unit: String },
    /// A unit's process ended while suites ran, and no suite had stopped it.
    UnitEnded { unit: String, code: i64, oom_killed: bool },
    /// Every unit that starts by itself is ready.
    Up { took_ms: u64 },
    /// A suite begins.
    SuiteStarted { suite: SuiteFact },
    /// A line of a container suite's log.
    SuiteLine { suite: String, line: String },
    /// A case ended (for good: retries included).
    CaseDone { suite: String, case: CaseFact },
    /// A suite ended.
    SuiteDone { suite: SuiteFact },
    /// Logs and states that were taken before the removal.
    Traces { files: Vec<RawFile> },
    /// Digests of what runs, by unit.
    Running { digests: BTreeMap<String, String> },
    /// A cause of a result other than passed.
    Cause { cause: Cause },
    /// Statements are signed and stored.
    Sealed { folder: String, statements: usize },
    /// The environment stays.
    Kept { reason: String },
    /// Removal begins.
    Removing { environment: String },
    /// Removal ended.
    Removed { residual: Vec<Residual>, took_ms: u64 },
}
