//! Files and writable folders of a service, from the paths at which the input mounts them. Pure.

use super::draft::{File, FileSource, Service};

/// Most files and writable folders of a service.
const MAX_MOUNTS: usize = 200;
/// Longest name of a file, in characters.
const MAX_NAME: usize = 100;
/// Folder of files in a container.
const FILES: &str = "/etc/dayfly/";

/// A folder that a service may write to, if a description may name it.
pub(super) fn writable(target: &str, service: &mut Service) {
    let target = target.trim_end_matches('/');
    let taken = ["/run/secrets", "/etc/dayfly", "/proc", "/sys", "/dev", "/tmp", "/run", "/etc"];
    let plain =
        target.strip_prefix('/').is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")));
    let inside = |folder: &str| {
        target == folder || (target.starts_with(&format!("{folder}/")) && folder != "/run" && folder != "/etc")
    };
    let fits = plain && !target.contains("{{") && service.writable.len() < MAX_MOUNTS;
    if fits && !taken.iter().any(|folder| inside(folder)) && !service.writable.iter().any(|known| known == target) {
        service.writable.push(target.to_owned());
    }
}

/// A question in place of a file that is not copied.
pub(super) fn withheld(path: &str) -> String {
    format!("{path} holds what looks like a secret, and is not copied: write it anew, with `path`")
}

/// A file, which the service reads at another path.
pub(super) fn file(target: &str, source: FileSource, service: &mut Service) {
    if service.files.len() >= MAX_MOUNTS {
        return service.ask("files", format!("it reads more than {MAX_MOUNTS} files: build {target} into the image"));
    }
    let base = target.rsplit('/').next().unwrap_or_default();
    let clean: String = base
        .chars()
        .take(MAX_NAME)
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' })
        .collect();
    let clean = if clean.trim_matches('.').is_empty() { "file".to_owned() } else { clean };
    let mut own = format!("{FILES}{clean}");
    let mut number = 2;
    while service.files.iter().any(|file| file.target == own) {
        own = format!("{FILES}{number}-{clean}");
        number += 1;
    }
    let (FileSource::Text(text) | FileSource::Path(text)) = &source;
    if text.contains("{{") {
        return service.ask("files", format!("{target} contains `{{{{`: write it into a file, and give its `path`"));
    }
    if own != target {
        service.ask("files", format!("the image reads {target}: make it read {own}, or build the file into the image"));
    }
    service.files.push(File { target: own, source });
}
