//! Parses `dayfly.toml`, and reports every error with its place. Pure.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::key::{Entry, KEYS, SettingKey, ValueKind};
use crate::spec::diagnostic::{Diagnostic, Diagnostics, known};
use crate::spec::quantity;
use crate::spec::span::Lines;

pub(super) fn entries(path: &Path, bytes: &[u8]) -> Result<BTreeMap<&'static str, Entry>, Diagnostics> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Diagnostics::whole_file(path, "the settings are not UTF-8 text", "save the file as UTF-8"))?;
    let lines = Lines::new(text);
    let table = DeTable::parse(text).map_err(|e| {
        let mark = within_line(e.span().unwrap_or(0..0), &lines);
        let help = "write `key = \"value\"`, one on a line";
        Diagnostics::new(
            path,
            text,
            vec![Diagnostic::at("", mark, format!("this is not TOML: {}", e.message()), help)],
            0,
        )
    })?;
    let (mut entries, mut wrong) = (BTreeMap::new(), vec![]);
    for (name, value) in table.get_ref() {
        let (at, written) = (within_line(name.span(), &lines), name.get_ref().as_ref());
        let Some(key) = KEYS.iter().find(|k| k.name == written) else {
            let message = format!("there is no setting `{written}`");
            wrong.push(Diagnostic::at(written, at, message, known(written, KEYS.iter().map(|k| k.name))));
            continue;
        };
        match checked(key, value.get_ref()) {
            Ok(value) => {
                let line = lines.position(at.start).0;
                drop(entries.insert(key.name, Entry { key, value, line }));
            }
            Err(help) => {
                let at = within_line(value.span(), &lines);
                wrong.push(Diagnostic::at(written, at, format!("this is no value of `{written}`"), help));
            }
        }
    }
    if wrong.is_empty() { Ok(entries) } else { Err(Diagnostics::new(path, text, wrong, 0)) }
}

/// The value, if it has the form of its key; otherwise what is accepted.
fn checked(key: &SettingKey, value: &DeValue<'_>) -> Result<String, String> {
    let DeValue::String(text) = value else { return Err(format!("write text: {} = \"…\"", key.name)) };
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("write one line of text, or leave the key out".to_owned());
    }
    match key.kind {
        ValueKind::OneOf(words) if !words.contains(&text.as_ref()) => Err(known(text, words.iter().copied())),
        ValueKind::Duration => quantity::duration_ms(text, quantity::LONGEST_LIFE_MS).map(|_| text.to_string()),
        _ => Ok(text.to_string()),
    }
}

fn within_line(span: Range<usize>, lines: &Lines<'_>) -> Range<usize> {
    let line = lines.line(span.start);
    span.start.min(line.end)..span.end.clamp(span.start.min(line.end), line.end)
}
