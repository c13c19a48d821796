//! What a change does to dependencies. Pure: data only.

use serde::Serialize;

use super::path_kind::PathKind;
use crate::advisories::scan::{Coverage, Database, Finding, Undecided, WaiverUse};
use crate::model::Verdict;
use crate::packages::{Ecosystem, Gap, Place};

/// What a change does to dependencies, and the verdict about it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DependencyDiff {
    /// Passed, failed or inconclusive.
    pub verdict: Verdict,
    /// Why it is not passed, one line each.
    pub reasons: Vec<String>,
    /// What kind of change it is.
    pub kind: ChangeKind,
    /// The base, as it was named.
    pub base: String,
    /// The head, as it was named.
    pub head: String,
    /// The commit that the change is compared with: the last that base and head have in common; none for folders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_commit: Option<String>,
    /// The commit of the head; none for folders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_commit: Option<String>,
    /// Files that differ.
    pub paths: Vec<PathChange>,
    /// Packages that differ.
    pub packages: Vec<PackageChange>,
    /// Images that differ.
    pub images: Vec<ImageChange>,
    /// What a reviewer should look at.
    pub signals: Vec<Signal>,
    /// What was not looked for, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Advisories that concern a package after the change, and not before.
    pub brought_in: Vec<Finding>,
    /// Advisories that concern a package before the change, and not after.
    pub fixed: Vec<Finding>,
    /// Advisories that concern a changed package before and after: the change does not fail because of them.
    pub remaining: Vec<Finding>,
    /// Advisories of which it could not be decided whether they concern a changed package.
    pub undecided: Vec<Undecided>,
    /// What the change adds and cannot be looked up.
    pub gaps: Vec<Gap>,
    /// Changed packages that were looked up, by ecosystem.
    pub coverage: Vec<Coverage>,
    /// Waivers, with their states.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<WaiverUse>,
    /// The advisories that were used.
    pub database: Option<Database>,
    /// Commands that split a mixed change; none where files alone do not split it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<String>,
}

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeKind {
    /// Manifests, lock files and images.
    Dependencies,
    /// Code, tests and descriptions.
    Code,
    /// Both.
    Mixed,
    /// Neither.
    None,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PathChange {
    /// Its path.
    pub path: String,
    /// Its kind.
    pub kind: PathKind,
    /// What else differs in a manifest, which counts as code: keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub code: Vec<String>,
}

/// A package that differs in one or more lock files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageChange {
    /// Ecosystem.
    pub ecosystem: Ecosystem,
    /// Name.
    pub name: String,
    /// Versions before the change; none if it is added.
    pub from: Vec<String>,
    /// Versions after the change; none if it is removed.
    pub to: Vec<String>,
    /// It is an explicit requirement; none where the lock files do not say.
    pub explicit: Option<bool>,
    /// The explicit requirements that bring it.
    pub brought_by: Vec<String>,
    /// Where it is after the change, or was before it.
    pub places: Vec<Place>,
}

/// An image that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageChange {
    /// The description or container file.
    pub file: String,
    /// Where it stands in the file.
    pub at: String,
    /// The image before the change; none if it is added.
    pub from: Option<String>,
    /// The image after the change; none if it is removed.
    pub to: Option<String>,
}

/// Something that a reviewer should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Signal {
    /// Its kind.
    pub kind: SignalKind,
    /// What the policy makes of it.
    pub effect: Effect,
    /// Ecosystem of the package.
    pub ecosystem: Ecosystem,
    /// Name of the package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// Where it is.
    pub place: Place,
    /// One line.
    pub text: String,
}

/// Kinds of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SignalKind {
    /// The same version has other content.
    ContentChanged,
    /// It comes from elsewhere.
    SourceChanged,
    /// Others, or nobody, attest it.
    PublisherChanged,
    /// The version is younger than the cooldown.
    TooYoung,
    /// It is not known how old the version is.
    UnknownAge,
    /// It runs code when it is installed, which is new.
    InstallCode,
    /// Its name looks like a popular one.
    LookAlike,
    /// Its authors advise against it.
    Deprecated,
}

/// What the policy makes of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// The change fails.
    Fails,
    /// The change is inconclusive.
    Inconclusive,
    /// It is shown.
    Shown,
}

impl ChangeKind {
    /// The words of the views.
    pub fn words(self) -> &'static str {
        match self {
            Self::Dependencies => "dependency change",
            Self::Code => "code change",
            Self::Mixed => "mixed change: dependencies and code",
            Self::None => "nothing of dependencies or code",
        }
    }
}

impl SignalKind {
    /// The words of the views.
    pub fn words(self) -> &'static str {
        match self {
            Self::ContentChanged => "content changed",
            Self::SourceChanged => "source changed",
            Self::PublisherChanged => "publisher changed",
            Self::TooYoung => "young version",
            Self::UnknownAge => "unknown age",
            Self::InstallCode => "install code",
            Self::LookAlike => "look-alike",
            Self::Deprecated => "deprecated",
        }
    }
}

impl PackageChange {
    /// `1.0 → 2.0`, `added 1.0` or `removed 1.0`.
    pub fn versions(&self) -> String {
        match (self.from.as_slice(), self.to.as_slice()) {
            ([], to) => format!("added {}", to.join(", ")),
            (from, []) => format!("removed {}", from.join(", ")),
            (from, to) if from == to => format!("{}, from elsewhere or with other content", to.join(", ")),
            (from, to) => format!("{} → {}", from.join(", "), to.join(", ")),
        }
    }
}
