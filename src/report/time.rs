//! Points in time and durations, written for readers.

use jiff::Timestamp;

/// Formats milliseconds: `350 ms`, `4.2 s`, `3 min 12 s`, `1 h 02 min`.
pub fn duration(ms: u64) -> String {
    let s = ms / 1000;
    match ms {
        0..1000 => format!("{ms} ms"),
        1000..60_000 => format!("{}.{} s", s, ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
    }
}

/// Milliseconds from one to the other, 0 when the clock went backwards.
pub fn ms_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millisecond().saturating_sub(from.as_millisecond())).unwrap_or(0)
}

/// The duration of a run or suite, or `unfinished`.
pub fn elapsed(from: Timestamp, to: Option<Timestamp>) -> String {
    to.map_or_else(|| "unfinished".to_owned(), |to| duration(ms_between(from, to)))
}

/// Formats a point in time: `2026-01-02 03:04:05 UTC`.
pub fn timestamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_durations_for_readers() {
        let written = [0, 999, 1000, 59_999, 60_000, 192_000, 3_599_999, 3_600_000, 90_000_000].map(duration);
        assert_eq!(
            written,
            [
                "0 ms",
                "999 ms",
                "1.0 s",
                "59.9 s",
                "1 min 00 s",
                "3 min 12 s",
                "59 min 59 s",
                "1 h 00 min",
                "25 h 00 min"
            ]
        );
    }
}
