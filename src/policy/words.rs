//! The words of a refusal: the limit, the line that set it, and whom to ask. Pure.

use super::valid::{Policy, Subject};

/// Whom to ask, and about which policy.
pub struct Asking<'a> {
    policy: &'a Policy,
    in_cluster: bool,
}

impl<'a> Asking<'a> {
    pub fn new(policy: &'a Policy, subject: &Subject) -> Self {
        Self { policy, in_cluster: matches!(subject, Subject::Requester { .. }) }
    }

    /// Says what is allowed, by which line, and whom to ask for more.
    pub fn help(&self, field: &str, line: Option<usize>, allowed: &str) -> String {
        let name = self.policy.reference().map(|r| r.uri.as_str());
        let limit = match (name, line) {
            (Some(name), Some(line)) => format!("{name}:{line} allows {allowed}"),
            (Some(name), None) => {
                format!("{name} sets no `{field}` here, and dayfly's built-in limits allow {allowed}")
            }
            (None, _) => format!("dayfly's built-in limits allow {allowed}, and no policy was given"),
        };
        let whom = self.policy.contact();
        let for_what = match (name, self.in_cluster) {
            (Some(_), _) => "",
            (None, false) => " for a policy (`--policy FILE`)",
            (None, true) => " for a policy (`dayfly install --policy FILE`)",
        };
        format!("{limit}; ask {whom}{for_what}")
    }
}

/// Words in backticks, separated by commas.
pub fn list(words: &[String]) -> String {
    format!("only `{}`", words.join("`, `"))
}

/// Memory in the largest unit that is exact.
pub fn memory(bytes: u64) -> String {
    match bytes {
        b if b.is_multiple_of(1 << 30) => format!("{}Gi", b >> 30),
        b if b.is_multiple_of(1 << 20) => format!("{}Mi", b >> 20),
        b if b.is_multiple_of(1 << 10) => format!("{}Ki", b >> 10),
        b => b.to_string(),
    }
}

/// Processors.
pub fn cpu(millis: u64) -> String {
    if millis.is_multiple_of(1000) { (millis / 1000).to_string() } else { format!("{millis}m") }
}

/// A duration.
pub fn duration(ms: u64) -> String {
    const HOUR_MS: u64 = 3_600_000;
    if ms.is_multiple_of(HOUR_MS) {
        return format!("{}h", ms / HOUR_MS);
    }
    humantime::format_duration(std::time::Duration::from_millis(ms)).to_string()
}
