//! The text report at the end of a run: the outcome first, then only what needs attention.

use super::Told;
use super::facts::Facts;
use crate::model::Outcome;

mod details;
mod page;

pub use details::{case_details, log_end};
use page::Page;

/// Renders text; `colour` only adds ANSI styles.
pub fn render(facts: &Facts, colour: bool) -> String {
    let mut page = Page::new(colour, Told::default());
    page.results(facts);
    page.constants(facts);
    page.ending(facts);
    page.into_text()
}

/// Renders the end of a run below its progress: what the reader was told is not repeated, and what is the same for every
/// run of the environment is counted.
pub fn render_closing(facts: &Facts, colour: bool, told: &Told) -> String {
    let mut page = Page::new(colour, told.clone());
    page.results(facts);
    if !facts.suites.is_empty() && facts.outcome() != Outcome::Aborted {
        page.count_constants(facts);
    }
    page.ending(facts);
    page.into_text()
}
