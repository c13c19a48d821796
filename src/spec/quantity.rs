//! Durations, memory and processors as users write them. Pure; errors say what is accepted.

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Longest time that a process may have to end.
pub const LONGEST_GRACE_MS: u64 = 120_000;
/// Longest time limit: a day.
pub const LONGEST_LIMIT_MS: u64 = DAY_MS;
/// Longest life of an environment: 30 days.
pub const LONGEST_LIFE_MS: u64 = 30 * DAY_MS;

/// A duration such as `90s`, `5m` or `1h 30m` in milliseconds, from 1 to `most`.
pub fn duration_ms(text: &str, most: u64) -> Result<u64, String> {
    let parsed = humantime::parse_duration(text)
        .map_err(|_| "write a number with a unit, such as `500ms`, `90s`, `5m` or `4h`")?;
    match u64::try_from(parsed.as_millis()) {
        Ok(0) => Err("it must be at least 1ms".to_owned()),
        Ok(ms) if ms <= most => Ok(ms),
        _ => Err(format!("it must be at most {}h", most / 3_600_000)),
    }
}

/// Memory such as `256Mi` or `1Gi` in bytes, from 6 MiB to 1 TiB.
pub fn memory_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: u64 = match &text[digits.len()..] {
        "" => 1,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        _ => 0,
    };
    let count = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten();
    match count.and_then(|n| n.checked_mul(unit)) {
        Some(bytes) if unit > 0 && (6 << 20..=1 << 40).contains(&bytes) => Ok(bytes),
        Some(_) if unit > 0 => Err("it must be from `6Mi` to `1024Gi`".to_owned()),
        _ => Err("write a whole number with `Ki`, `Mi`, `Gi`, `k`, `M` or `G`, such as `256Mi`".to_owned()),
    }
}

/// Processors such as `500m`, `1` or `1.5` in thousandths, from 10m to 1024.
pub fn cpu_millis(text: &str) -> Result<u64, String> {
    let what = "write thousandths such as `500m`, or a number such as `1` or `1.5`";
    let digits = |s: &str| !s.is_empty() && s.len() <= 7 && s.bytes().all(|b| b.is_ascii_digit());
    let millis = if let Some(thousandths) = text.strip_suffix('m') {
        digits(thousandths).then(|| thousandths.parse::<u64>().ok()).flatten().ok_or(what)?
    } else {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        if !digits(whole) || !digits(part) || part.len() > 3 {
            return Err(what.to_owned());
        }
        let part: u64 = format!("{part:0<3}").parse().map_err(|_| what)?;
        whole.parse::<u64>().map_err(|_| what)? * 1000 + part
    };
    if (10..=1_024_000).contains(&millis) { Ok(millis) } else { Err("it must be from `10m` to `1024`".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_quantities_in_their_units() {
        assert_eq!(memory_bytes("256Mi"), Ok(256 << 20));
        assert_eq!(memory_bytes("1G"), Ok(1_000_000_000));
        assert_eq!(memory_bytes("10485760"), Ok(10_485_760));
        assert_eq!(cpu_millis("500m"), Ok(500));
        assert_eq!(cpu_millis("1"), Ok(1000));
        assert_eq!(cpu_millis("1.5"), Ok(1500));
        assert_eq!(cpu_millis("0.05"), Ok(50));
        assert_eq!(duration_ms("1m 30s", LONGEST_LIMIT_MS), Ok(90_000));
    }

    #[test]
    fn refuses_nonsense_and_extremes() {
        for bad in ["", "Mi", "256mb", "256 Mi", "-1Mi", "1.5Gi", "1Ki", "99999999999999999999Gi", "2048Gi", "ŁMi"] {
            assert!(memory_bytes(bad).is_err(), "{bad}");
        }
        for bad in ["", "m", "1m", "0", "1,5", "1.2345", "99999", "-1", "1.", ".5", "1e3"] {
            assert!(cpu_millis(bad).is_err(), "{bad}");
        }
        for bad in ["", "60", "0s", "25h", "soon", "-1s", "99999999999999999999999s"] {
            assert!(duration_ms(bad, LONGEST_LIMIT_MS).is_err(), "{bad}");
        }
    }
}
