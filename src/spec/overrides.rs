//! Changes that the command line makes to a description.

/// Changes of the command line to a description, and the facts of the run that it gives to templates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// `--set name=value`, in order; the last of a name counts.
    pub set: Vec<(String, String)>,
    /// `--image unit=reference`, in order; also for container suites.
    pub images: Vec<(String, String)>,
    /// Life time in place of the description's.
    pub ttl: Option<String>,
    /// `{{pr}}`, and part of `{{environment}}`; 0 where it is not known.
    pub pr: Option<u32>,
    /// `{{commit}}`; forty zeros where it is not known.
    pub commit: Option<String>,
}
