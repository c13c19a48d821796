//! The report formats.

use super::{Facts, ReportError, html, json, junit, markdown, text};

/// A report format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Text for a terminal.
    Text,
    /// All facts as JSON.
    Json,
    /// JUnit XML for CI.
    Junit,
    /// Markdown for a pull request comment or a job summary.
    Markdown,
    /// A self-contained HTML page.
    Html,
}

/// Renders the facts; `colour` (ANSI) affects only the text format.
pub fn render(facts: &Facts, format: Format, colour: bool) -> Result<String, ReportError> {
    match format {
        Format::Text => Ok(text::render(facts, colour)),
        Format::Json => json::write(facts),
        Format::Junit => junit::render(facts),
        Format::Markdown => Ok(markdown::render(facts)),
        Format::Html => html::render(facts),
    }
}
