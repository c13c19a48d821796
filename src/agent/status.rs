//! Reads the kernel's status of process 1 and the arguments of all processes from `/proc`.
//!
//! Unreadable data is an error, so that no check passes because it saw nothing.

use std::collections::BTreeMap;
use std::path::Path;

use tokio::fs;

use super::protocol::{AgentResponse, ProcessStatus};

/// End of the mount point of a service-account token, below `/run` or `/var/run`. Its files need not be readable.
const TOKENS: &str = "/secrets/kubernetes.io/serviceaccount";

/// Answers `Status`.
pub(super) async fn answer() -> AgentResponse {
    match read(Path::new("/proc")).await {
        Ok(status) => AgentResponse::Status(status),
        Err(message) => AgentResponse::Error { message },
    }
}

async fn read(proc: &Path) -> Result<ProcessStatus, String> {
    let text = async |name: &str| {
        let path = proc.join(name);
        fs::read_to_string(&path).await.map_err(|e| format!("failed to read {}: {e}", path.display()))
    };
    let mut status = from_status(&text("1/status").await?)?;
    let mounts = text("1/mountinfo").await?;
    status.read_only_root = read_only_root(&mounts).ok_or("no mount of / in /proc/1/mountinfo")?;
    status.service_account_token = has_token(&mounts);
    status.arguments = arguments(proc).await?;
    Ok(status)
}

fn from_status(text: &str) -> Result<ProcessStatus, String> {
    let fields: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim())).collect();
    let field = |name: &str| fields.get(name).copied().ok_or_else(|| format!("no {name} in /proc/1/status"));
    let uid = field("Uid")?
        .split_whitespace()
        .nth(1)
        .and_then(|uid| uid.parse().ok())
        .ok_or("no effective user in /proc/1/status")?;
    let mut capabilities = BTreeMap::new();
    for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        capabilities.insert(name.to_owned(), field(name)?.to_owned());
    }
    Ok(ProcessStatus { uid, capabilities, no_new_privileges: field("NoNewPrivs")? == "1", ..ProcessStatus::default() })
}

/// Returns true if `/` is read-only. Fields of mountinfo: id, parent, device, root, mount point, options… The last mount
/// at `/` counts.
fn read_only_root(mountinfo: &str) -> Option<bool> {
    let mut mounts = mountinfo.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let root = mounts.rfind(|fields| fields.get(4) == Some(&"/"))?;
    Some(root.get(5)?.split(',').any(|option| option == "ro"))
}

/// Returns true if a service-account token is mounted: it is always a mount of its own.
fn has_token(mountinfo: &str) -> bool {
    mountinfo.lines().any(|line| line.split(' ').nth(4).is_some_and(|point| point.ends_with(TOKENS)))
}

async fn arguments(proc: &Path) -> Result<Vec<String>, String> {
    let mut entries = fs::read_dir(proc).await.map_err(|e| format!("failed to list {}: {e}", proc.display()))?;
    let mut lists = Vec::new();
    while let Some(entry) = entries.next_entry().await.map_err(|e| format!("failed to list {}: {e}", proc.display()))? {
        let is_process = entry.file_name().to_string_lossy().bytes().all(|b| b.is_ascii_digit());
        // A process that has ended meanwhile has no arguments.
        if is_process && let Ok(bytes) = fs::read(entry.path().join("cmdline")).await {
            let words: Vec<_> =
                bytes.split(|b| *b == 0).filter(|word| !word.is_empty()).map(String::from_utf8_lossy).collect();
            lists.push(words.join(" "));
        }
    }
    lists.retain(|list| !list.is_empty());
    Ok(lists)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tsh\nUid:\t1000\t999\t1000\t1000\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n";

    #[test]
    fn parses_user_capabilities_and_privileges() {
        let status = from_status(STATUS).unwrap();
        assert_eq!((status.uid, status.no_new_privileges), (999, true));
        assert_eq!(status.capabilities["CapBnd"], "00000000a80425fb");
        assert_eq!(from_status("Uid:\t0\t0\t0\t0\n").unwrap_err(), "no CapInh in /proc/1/status");
    }

    #[test]
    fn the_last_mount_at_the_root_counts() {
        let mounts = "1 0 8:1 / / rw,relatime - ext4 /dev/sda rw\n2 1 0:5 / /proc rw - proc proc rw\n3 1 0:9 / / ro,nosuid - overlay overlay rw\n";
        assert_eq!(read_only_root(mounts), Some(true));
        assert_eq!(read_only_root("1 0 8:1 / / rw,relatime - ext4 /dev/sda ro\n"), Some(false));
        assert_eq!(read_only_root(""), None);
    }

    #[test]
    fn a_mount_below_run_is_a_token() {
        for run in ["/run", "/var/run"] {
            let mounts = format!("1 0 8:1 / / ro - ext4 /dev/sda rw\n2 1 0:7 / {run}{TOKENS} ro - tmpfs tmpfs rw\n");
            assert!(has_token(&mounts), "{mounts}");
        }
        assert!(!has_token("1 0 8:1 / / ro - ext4 /dev/sda rw\n2 1 0:7 / /run/secrets ro - tmpfs tmpfs rw\n"));
    }

    #[tokio::test]
    async fn reads_all_files_and_fails_on_unreadable_data() {
        let proc = tempfile::tempdir().unwrap();
        let one = proc.path().join("1");
        std::fs::create_dir(&one).unwrap();
        assert!(read(proc.path()).await.unwrap_err().contains("1/status"));
        std::fs::write(one.join("status"), STATUS).unwrap();
        assert!(read(proc.path()).await.unwrap_err().contains("1/mountinfo"));
        let mounts = format!("1 0 8:1 / / ro - ext4 /dev/sda rw\n2 1 0:7 / /run{TOKENS} ro - tmpfs tmpfs rw\n");
        std::fs::write(one.join("mountinfo"), mounts).unwrap();
        std::fs::write(one.join("cmdline"), "app\0--flag\0x\0").unwrap();
        let status = read(proc.path()).await.unwrap();
        assert_eq!(
            (status.uid, status.service_account_token, status.read_only_root, status.arguments),
            (999, true, true, vec!["app --flag x".to_owned()])
        );
    }
}
