//! Bounded texts, names and times of result files.

use super::limits::MAX_FILE_BYTES;

/// The file as text without a byte-order mark; fails with the reason if it is too large, empty or not UTF-8.
pub(super) fn decode(bytes: &[u8]) -> Result<&str, String> {
    let bytes = sized(bytes)?;
    let text = std::str::from_utf8(bytes).map_err(|e| format!("it is not UTF-8 from byte {}", e.valid_up_to()))?;
    if let Some(at) = text.find('\0') {
        return Err(format!("it is not UTF-8 text: NUL at byte {at}"));
    }
    if text.trim().is_empty() {
        return Err("it is empty".into());
    }
    Ok(text)
}

/// The bytes without a byte-order mark; fails if there are too many.
pub(super) fn sized(bytes: &[u8]) -> Result<&[u8], String> {
    if bytes.len() > MAX_FILE_BYTES {
        return Err(format!("it is larger than {} MiB", MAX_FILE_BYTES / 1024 / 1024));
    }
    Ok(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// Appends as much as fits into `most` bytes.
pub(super) fn append(to: &mut String, text: &str, most: usize) {
    to.push_str(&cut(text, most.saturating_sub(to.len())));
}

/// The first bytes of a text, at the boundary of a character.
pub(super) fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

/// Longest time of a case that is believed, in seconds: a year.
const LONGEST_CASE: f64 = 366.0 * 24.0 * 3600.0;

/// Seconds as milliseconds; a time that is impossible or too long counts as 0.
pub(super) fn millis(seconds: f64) -> u64 {
    if seconds > 0.0 && seconds <= LONGEST_CASE { (seconds * 1000.0).round() as u64 } else { 0 }
}
