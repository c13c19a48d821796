//! The keys of `dayfly.toml`. Data only.

/// A key, and where else its value may come from.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingKey {
    /// Name in the file; the flag has the same.
    pub name: &'static str,
    /// Environment variable, if there is one.
    pub variable: Option<&'static str>,
    /// Form of the value.
    pub kind: ValueKind,
    /// A CI job may take it from the file, which the author of the change controls.
    pub in_ci: bool,
}

/// Form of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// Any text.
    Text,
    /// A path, relative to the file.
    Path,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A duration such as `4h`.
    Duration,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: &'static SettingKey,
    /// The value as written; a relative path is relative to the file.
    pub value: String,
    /// Line from 1.
    pub line: usize,
}

const fn key(name: &'static str, variable: Option<&'static str>, kind: ValueKind) -> SettingKey {
    SettingKey { name, variable, kind, in_ci: false }
}

/// Every key. Only a setting that the description could hold as well has `in_ci`: with the others, the author of a change would
/// choose the key that signs, the limits, suites and advisories that judge, whose environment it is, where files are written, or which
/// cluster and registry the job's credentials reach.
pub const KEYS: [SettingKey; 12] = [
    key("engine", Some("DAYFLY_ENGINE"), ValueKind::OneOf(&["local", "kubernetes"])),
    key("context", Some("DAYFLY_CONTEXT"), ValueKind::Text),
    key("registry-mirror", Some("DAYFLY_REGISTRY_MIRROR"), ValueKind::Text),
    key("key", Some("DAYFLY_KEY"), ValueKind::Path),
    key("log-key", Some("DAYFLY_LOG_KEY"), ValueKind::Path),
    key("policy", Some("DAYFLY_POLICY"), ValueKind::Path),
    key("advisories", Some("DAYFLY_ADVISORIES"), ValueKind::Path),
    key("advisories-key", Some("DAYFLY_ADVISORIES_KEY"), ValueKind::Path),
    key("suites-from", None, ValueKind::Text),
    key("evidence", Some("DAYFLY_EVIDENCE"), ValueKind::Path),
    key("repository", None, ValueKind::Text),
    SettingKey { in_ci: true, ..key("ttl", None, ValueKind::Duration) },
];
