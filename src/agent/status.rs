//! Reads the kernel's status of process 1 and the arguments of all processes from `/proc`.
//!
//! Unreadable data is an error, so that no check passes because it saw nothing.

use std::collections::BTreeMap;
use std::path::Path;

use tokio::fs;

use super::protocol::{AgentResponse, ProcessStatus};

const TOKENS: &str = "kubernetes.io/serviceaccount";
/// Folders of tokens. `/var/run` is usually a link to `/run`, which would lead to this process's own `/run`.
const FOLDERS: [&str; 2] = ["1/root/run/secrets", "1/root/var/run/secrets"];

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
    status.service_account_token = mounts.lines().any(|line| line.contains(TOKENS));
    for folder in FOLDERS {
        let token = proc.join(folder).join(TOKENS).join("token");
        match fs::try_exists(&token).await {
            Ok(found) => status.service_account_token |= found,
            Err(e) => status.unseen.push(format!("{}: {e}", token.display())),
        }
    }
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

    #[tokio::test]
    async fn finds_a_token_and_fails_on_unreadable_data() {
        let proc = tempfile::tempdir().unwrap();
        let one = proc.path().join("1");
        let tokens = one.join("root/run/secrets").join(TOKENS);
        std::fs::create_dir_all(&tokens).unwrap();
        std::fs::create_dir_all(one.join("root/var")).unwrap();
        // Absolute, as in images: it leads out of the other process's files.
        std::os::unix::fs::symlink("/run", one.join("root/var/run")).unwrap();
        assert!(read(proc.path()).await.unwrap_err().contains("1/status"));
        std::fs::write(one.join("status"), STATUS).unwrap();
        std::fs::write(one.join("mountinfo"), "1 0 8:1 / / ro - ext4 /dev/sda rw\n").unwrap();
        std::fs::write(one.join("cmdline"), "app\0--flag\0x\0").unwrap();
        let status = read(proc.path()).await.unwrap();
        assert_eq!(
            (status.service_account_token, status.read_only_root, status.arguments),
            (false, true, vec!["app --flag x".to_owned()])
        );
        std::fs::write(tokens.join("token"), "t").unwrap();
        assert!(read(proc.path()).await.unwrap().service_account_token);
    }

    #[tokio::test]
    async fn reports_places_that_cannot_be_searched_for_a_token() {
        let proc = tempfile::tempdir().unwrap();
        let one = proc.path().join("1");
        std::fs::create_dir(&one).unwrap();
        std::fs::write(one.join("status"), STATUS).unwrap();
        std::fs::write(one.join("mountinfo"), "1 0 8:1 / / ro - ext4 /dev/sda rw\n").unwrap();
        // A file in place of a folder: looking behind it is an error, whoever looks.
        std::fs::create_dir(one.join("root")).unwrap();
        std::os::unix::fs::symlink("run", one.join("root/run")).unwrap();
        let status = read(proc.path()).await.unwrap();
        assert_eq!((status.uid, status.unseen.len()), (999, 1), "{status:?}");
    }
}
