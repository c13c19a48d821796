//! Times as an operator writes them: a day in UTC, or an RFC 3339 time. Pure.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::diagnostic::DiagnosticSink;
use super::span::FieldPath;

/// Which end of a day counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Its begin.
    First,
    /// The begin of the next day.
    Last,
}

/// The time that a text names; none after a diagnostic.
pub fn moment(at: &FieldPath, text: &str, end: End, diagnostics: &mut DiagnosticSink) -> Option<Timestamp> {
    let found = text.parse::<Timestamp>().ok().or_else(|| of_day(text.parse().ok()?, end));
    if found.is_none() {
        let help = "write a day such as `2026-12-31`, or a time such as `2026-12-31T18:00:00Z`";
        diagnostics.add(at, format!("`{text}` is neither a day nor a time"), help);
    }
    found
}

fn of_day(day: Date, end: End) -> Option<Timestamp> {
    let day = if end == End::Last { day.checked_add(1.day()).ok()? } else { day };
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}
