//! Checks limits of a container, and its departures from the secure defaults.

use super::context::Checker;
use crate::spec::diagnostic::{DiagnosticSink, near};
use crate::spec::model::{Resources, Security};
use crate::spec::quantity;
use crate::spec::span::FieldPath;

/// Every capability of Linux, without `CAP_`.
const CAPABILITIES: [&str; 41] = [
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];
/// Capabilities that a description may never ask for: with them a process has power over the machine, or over the networks
/// of other environments on it.
const NEVER_ALLOWED: [&str; 23] = [
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "DAC_READ_SEARCH",
    "IPC_OWNER",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "NET_ADMIN",
    "PERFMON",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_MODULE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

pub(super) fn resources(check: &mut Checker<'_>, at: &FieldPath, r: &Resources) {
    if let Err(help) = quantity::memory_bytes(&r.memory) {
        check.diagnostics.add(&at.key("memory"), format!("`{}` is not a valid amount of memory", r.memory), help);
    }
    if let Err(help) = quantity::cpu_millis(&r.cpu) {
        check.diagnostics.add(&at.key("cpu"), format!("`{}` is not a valid number of processors", r.cpu), help);
    }
}

pub(super) fn security(check: &mut Checker<'_>, at: &FieldPath, s: &Security) {
    let departs = s.root || s.writable_root || !s.capabilities.is_empty();
    if departs && s.reason.as_deref().unwrap_or_default().trim().is_empty() {
        let help = "add `reason`: one sentence that the report will show";
        check.diagnostics.add(at, format!("{at} departs from the secure defaults without a reason"), help);
    }
    if let Some(user) = &s.user {
        let id = |text: &str| text.parse::<u32>().is_ok() && text.bytes().all(|b| b.is_ascii_digit());
        let (uid, gid) = user.split_once(':').unwrap_or((user, "0"));
        if !id(uid) || !id(gid) {
            check.diagnostics.add(
                &at.key("user"),
                format!("`{user}` is not a numeric user"),
                "write `1000` or `1000:1000`",
            );
        } else if uid.parse() == Ok(0u32) && !s.root {
            check.diagnostics.add(
                &at.key("user"),
                "user 0 is root",
                "choose another user, or set `root: true` with a `reason`",
            );
        }
    }
    for (i, capability) in s.capabilities.iter().enumerate() {
        self::capability(&at.key("capabilities").index(i), capability, check.diagnostics);
    }
}

/// Checks that a text is a capability which a description may have.
pub fn capability(at: &FieldPath, capability: &str, diagnostics: &mut DiagnosticSink) {
    if NEVER_ALLOWED.contains(&capability) {
        let help = "it gives power over the machine; test what needs it elsewhere";
        diagnostics.add(at, format!("the capability `{capability}` is never allowed"), help);
    } else if !CAPABILITIES.contains(&capability) {
        let bare = capability.strip_prefix("CAP_").unwrap_or(capability);
        let help = match near(bare, CAPABILITIES) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "write the name of one capability without `CAP_`, such as `NET_BIND_SERVICE`".to_owned(),
        };
        diagnostics.add(at, format!("`{capability}` is not a capability"), help);
    }
}
