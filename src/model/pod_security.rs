//! Levels of Kubernetes' Pod Security standards.

/// Capabilities that the `baseline` Pod Security level lets a container add.
const BASELINE: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// A level, from the strictest to the laxest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodSecurity {
    /// Not root, and no capability but `NET_BIND_SERVICE`.
    Restricted,
    /// Root, and the capabilities that container engines give by default.
    Baseline,
    /// Everything.
    Privileged,
}

impl PodSecurity {
    /// All levels, the strictest first.
    pub const ALL: [Self; 3] = [Self::Restricted, Self::Baseline, Self::Privileged];

    /// The strictest level that admits a container which may run as root, with these capabilities.
    pub fn strictest(root: bool, capabilities: &[impl AsRef<str>]) -> Self {
        let all = |allowed: &[&str]| capabilities.iter().all(|c| allowed.contains(&c.as_ref()));
        if !all(&BASELINE) {
            Self::Privileged
        } else if root || !all(&["NET_BIND_SERVICE"]) {
            Self::Baseline
        } else {
            Self::Restricted
        }
    }

    /// The value of the label `pod-security.kubernetes.io/enforce`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Restricted => "restricted",
            Self::Baseline => "baseline",
            Self::Privileged => "privileged",
        }
    }
}
