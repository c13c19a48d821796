//! Waivers in the configuration of osv-scanner. Pure.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::{Spanned, Value};

use super::waiver::{Products, Waiver};
use crate::packages::Place;

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "IgnoredVulns", default)]
    ignored: Vec<Ignored>,
    #[serde(rename = "PackageOverrides", default)]
    overrides: Vec<Spanned<Value>>,
}

#[derive(Deserialize)]
struct Ignored {
    id: Spanned<String>,
    #[serde(rename = "ignoreUntil", default)]
    until: Option<Value>,
    #[serde(default)]
    reason: String,
}

/// Reads `osv-scanner.toml`. An entry without an end or a reason is invalid.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Waiver>, (Option<usize>, String)> {
    let line = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
    let document: Document = toml::from_str(text).map_err(|e| {
        (e.span().map(|s| line(s.start)), e.message().lines().next().unwrap_or_default().chars().take(200).collect())
    })?;
    let waiver = |id: String, at: usize, expires: Option<Date>, reason: String, invalid: Option<&str>| Waiver {
        id,
        products: Products::Any,
        reason,
        // The format has no place for a name.
        approver: String::new(),
        effective_on: None,
        expires,
        justification: None,
        place: Place { file: file.to_owned(), line: Some(line(at)) },
        invalid: invalid.map(str::to_owned),
    };
    let ignored = document.ignored.into_iter().map(|i| {
        let expires = i.until.as_ref().and_then(date);
        let invalid = match (&expires, i.reason.trim()) {
            (None, _) => Some("it has no end; add `ignoreUntil`"),
            (_, "") => Some("it has no reason; add `reason`"),
            _ => None,
        };
        waiver(i.id.get_ref().clone(), i.id.span().start, expires, i.reason, invalid)
    });
    let overrides = document.overrides.into_iter().map(|o| {
        let invalid = Some("overrides of packages are not read; write a waiver for each finding");
        waiver("PackageOverrides".to_owned(), o.span().start, None, String::new(), invalid)
    });
    Ok(ignored.chain(overrides).collect())
}

fn date(value: &Value) -> Option<Date> {
    let text = match value {
        Value::Datetime(time) => time.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let of_time = || text.parse::<Timestamp>().ok().map(|t| t.to_zoned(TimeZone::UTC).date());
    of_time().or_else(|| text.parse::<Date>().ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_ignored_vulnerability_needs_an_end_and_a_reason() {
        let text = "[[IgnoredVulns]]\nid = \"GO-1\"\nignoreUntil = 2026-12-31\nreason = \"x\"\n[[IgnoredVulns]]\nid = \"GO-2\"\nreason = \"x\"\n\
            [[IgnoredVulns]]\nid = \"GO-3\"\nignoreUntil = 2026-12-31T10:00:00Z\n[[PackageOverrides]]\nname = \"x\"\nignore = true\n";
        let found = parse("osv-scanner.toml", text).unwrap();
        let shown: Vec<_> = found.iter().map(|w| (w.place.line.unwrap(), w.expires, w.invalid.is_some())).collect();
        let end = Some("2026-12-31".parse().unwrap());
        assert_eq!(shown, [(2, end, false), (6, None, true), (9, end, true), (11, None, true)]);
        assert_eq!(parse("x", "a = \n").unwrap_err().0, Some(1));
    }
}
