//! The one fact model of a run, saved after each step, and its views.
//!
//! Views are pure functions of `Facts`. Nothing here judges, signs or asks an engine, and no view needs a network.
//! What came from the environment under test (names, logs, answers) is hostile text to every view.

pub mod counts;
pub mod display;
pub mod exit_code;
pub mod facts;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod sanitize;
pub mod text;
pub mod time;

pub use counts::CaseCounts;
pub use facts::Facts;

/// The views.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For the terminal.
    Text,
    /// The facts themselves.
    Json,
    /// JUnit XML, for CI.
    Junit,
    /// For a comment on a pull request or a job summary.
    Markdown,
    /// One self-contained page.
    Html,
}

/// Why a report could not be read or rendered; messages complete "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Written by another version.
    #[error(
        "read the report: it has schema version {found}, this dayfly reads version {}; use the dayfly that wrote it, or a newer one",
        facts::SCHEMA_VERSION
    )]
    Version {
        /// The version it names, as JSON.
        found: String,
    },
    /// Not a report.
    #[error("read the report: it is not the facts of a run ({0})")]
    NotFacts(
        /// The parser's words.
        serde_json::Error,
    ),
    /// A view could not be written.
    #[error("render the report as {view}: {why}")]
    Render {
        /// Which view.
        view: &'static str,
        /// Why.
        why: String,
    },
}

/// One view of the facts; `colour` (ANSI) concerns the text view alone.
pub fn render(facts: &Facts, format: Format, colour: bool) -> Result<String, ReportError> {
    match format {
        Format::Text => Ok(text::render(facts, colour)),
        Format::Json => json::write(facts),
        Format::Junit => junit::render(facts),
        Format::Markdown => Ok(markdown::render(facts)),
        Format::Html => html::render(facts),
    }
}
