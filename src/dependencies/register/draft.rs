//! Drafts of entries: what is known, and the questions that somebody must answer. Pure.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use super::document::Register;
use super::examine::{Row, State};
use crate::model::sanitize;

const HEAD: &str = "apiVersion: dayfly.dev/v1alpha1\nkind: DependencyRegister\nreassess: 365d\ndependencies:\n";

/// Entries for the dependencies without one, with a head if there is no register yet.
pub fn draft(rows: &[Row], has_register: bool) -> String {
    let mut text = if has_register { String::new() } else { HEAD.to_owned() };
    for row in rows.iter().filter(|r| r.state == State::Missing) {
        // JSON strings are YAML, whatever is in them.
        writeln!(text, "  - ecosystem: {}", json!(row.ecosystem.as_str())).ok();
        writeln!(text, "    name: {}", json!(row.name)).ok();
        let places: Vec<String> = row.places.iter().take(3).map(ToString::to_string).collect();
        let versions = if row.versions.is_empty() { "no version".to_owned() } else { row.versions.join(", ") };
        let known = sanitize::one_line(&format!("{versions} at {}", places.join(", ")), 200);
        writeln!(text, "    # {known}").ok();
        for (key, question) in [
            ("purpose", "What is it used for, and where?"),
            ("owner", "Who answers for it?"),
            ("risk", "low, medium or high"),
            ("alternatives", "What could replace it?"),
            ("assessed", "{ on: YYYY-MM-DD, by: NAME }"),
        ] {
            writeln!(text, "    {:<14}# {question}", format!("{key}:")).ok();
        }
    }
    text
}

/// The text of a register with entries added at its end; an error says why they cannot be.
pub fn appended(file: &Path, text: &str, entries: &str) -> Result<String, String> {
    let count = |text: &str| Register::parse(file, text.as_bytes()).map(|r| r.document.dependencies).ok();
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let new = format!("{text}{end}{entries}");
    let added = entries.matches("\n    name: ").count();
    match (count(text), count(&new)) {
        // What was there is there, and as much as was added is new.
        (Some(before), Some(after)) if after.len() == before.len() + added && after.starts_with(&before) => Ok(new),
        _ => Err(format!(
            "its end is not that of a list `dependencies` that is indented by two spaces; add the entries to {} by hand",
            file.display()
        )),
    }
}
