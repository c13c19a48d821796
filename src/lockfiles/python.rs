//! Files of a package, as `pylock.toml` and `uv.lock` name them. Pure.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use toml::Value;

use crate::packages::Locked;

/// Notes hashes, and the time of the last upload if every file has one.
pub(super) fn files<'a>(all: impl Iterator<Item = &'a Value>, locked: &mut Locked) {
    let mut times = vec![];
    for file in all {
        times.push(file.get("upload-time").and_then(time));
        let hashes = file.get("hashes").and_then(Value::as_table).into_iter().flatten();
        let hashes = hashes.filter_map(|(kind, hash)| Some(format!("{kind}:{}", hash.as_str()?)));
        let hash = file.get("hash").and_then(Value::as_str).map(str::to_owned);
        hashes.chain(hash).for_each(|hash| locked.hash(&hash));
    }
    locked.uploaded = times.into_iter().collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max());
}

/// A time without an offset is UTC by PEP 751.
fn time(value: &Value) -> Option<Timestamp> {
    let text = match value {
        Value::Datetime(time) => time.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let without_offset = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|z| z.timestamp());
    text.parse().ok().or_else(without_offset)
}
