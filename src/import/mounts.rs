//! Files and writable folders of a service, from the paths at which the input mounts them. Pure.

use super::draft::{File, FileSource, Service};
use super::secret;

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
    if plain && !taken.iter().any(|folder| inside(folder)) && !service.writable.iter().any(|known| known == target) {
        service.writable.push(target.to_owned());
    }
}

/// A file, which the service reads at another path.
pub(super) fn file(target: &str, source: FileSource, service: &mut Service) {
    let base = target.rsplit('/').next().unwrap_or_default();
    let clean: String =
        base.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '-' }).collect();
    let clean = if clean.trim_matches('.').is_empty() { "file".to_owned() } else { clean };
    let mut own = format!("{FILES}{clean}");
    let mut number = 2;
    while service.files.iter().any(|file| file.target == own) {
        own = format!("{FILES}{number}-{clean}");
        number += 1;
    }
    let is_template = matches!(&source, FileSource::Text(text) if text.contains("{{"));
    if is_template {
        return service.ask("files", format!("{target} contains `{{{{`: write it into a file, and give its `path`"));
    }
    if own != target {
        service.ask("files", format!("the image reads {target}: make it read {own}, or build the file into the image"));
    }
    service.files.push(File { target: own, source });
}

/// Returns true if a line of a text sets what looks like a secret.
pub(super) fn holds_secret(text: &str) -> bool {
    text.lines().any(|line| {
        let pair =
            line.split_once(['=', ':']).map(|(key, value)| (key.trim(), value.trim().trim_matches(['"', '\'', ','])));
        let set = pair.is_some_and(|(key, value)| {
            let is_reference = value.starts_with(['$', '<', '{', '(', '/', '|', '>']) || value.is_empty();
            key.len() < 80 && secret::is_name(key) && !is_reference && !secret::is_harmless(value)
        });
        set || secret::password_in(line).is_some() || line.contains("PRIVATE KEY-----")
    })
}
