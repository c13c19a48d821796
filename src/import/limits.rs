//! Quantities of other tools, in the units of a description. Pure.

use crate::spec::quantity;

/// Memory as Compose writes it (`512M`, `1gb`, bytes; all binary), in a description's unit.
pub(super) fn memory_of_compose(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let scale: f64 = match text[digits.len()..].trim_end_matches('b') {
        "" => 1.0,
        "k" | "ki" => 1024.0,
        "m" | "mi" => 1_048_576.0,
        "g" | "gi" => 1_073_741_824.0,
        _ => return None,
    };
    let bytes = digits.parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0)? * scale;
    mebibytes(bytes)
}

/// Memory as Kubernetes writes it.
pub(super) fn memory_of_kubernetes(text: &str) -> Option<String> {
    if quantity::memory_bytes(text).is_ok() {
        return Some(text.to_owned());
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let scale: f64 = match &text[digits.len()..] {
        "" => 1.0,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "M" => 1e6,
        "G" => 1e9,
        _ => return None,
    };
    mebibytes(digits.parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0)? * scale)
}

fn mebibytes(bytes: f64) -> Option<String> {
    let text = format!("{}Mi", (bytes / 1_048_576.0).ceil() as u64);
    quantity::memory_bytes(&text).is_ok().then_some(text)
}

/// Processors, such as `0.5` or `500m`.
pub(super) fn cpu(text: &str) -> Option<String> {
    let text = text.trim();
    if quantity::cpu_millis(text).is_ok() {
        return Some(text.to_owned());
    }
    let millis = text.parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0)? * 1000.0;
    let text = format!("{}m", millis.ceil() as u64);
    quantity::cpu_millis(&text).is_ok().then_some(text)
}

/// Seconds of a duration such as `1m30s`, `500ms` or a number of seconds; at least 1.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let whole = text.parse::<u64>().ok().or_else(|| humantime::parse_duration(text).ok().map(|d| d.as_secs()));
    whole.map(|secs| secs.clamp(1, 86_400))
}

/// A numeric user, or user and group, other than root.
pub(super) fn user(text: &str) -> Option<String> {
    let id = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u32>().is_ok();
    let (uid, gid) = text.split_once(':').unwrap_or((text, "0"));
    (id(uid) && id(gid) && uid.parse() != Ok(0u32)).then(|| text.to_owned())
}

/// Capabilities that a description may name, without `CAP_`.
pub(super) fn capability(text: &str) -> String {
    let name = text.to_ascii_uppercase();
    name.strip_prefix("CAP_").unwrap_or(&name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_quantities() {
        assert_eq!(memory_of_compose("512M").as_deref(), Some("512Mi"));
        assert_eq!(memory_of_compose("1.5gb").as_deref(), Some("1536Mi"));
        assert_eq!(memory_of_compose("1k"), None, "less than a container may have");
        assert_eq!(memory_of_kubernetes("1.5Gi").as_deref(), Some("1536Mi"));
        assert_eq!(memory_of_kubernetes("128Mi").as_deref(), Some("128Mi"));
        assert_eq!(cpu("0.0001"), None);
        assert_eq!(cpu("0.12345").as_deref(), Some("124m"));
        assert_eq!((seconds("1m30s"), seconds("5"), seconds("200ms")), (Some(90), Some(5), Some(1)));
        assert_eq!(
            (user("1000"), user("1000:1000"), user("0"), user("app")),
            (Some("1000".into()), Some("1000:1000".into()), None, None)
        );
    }
}
