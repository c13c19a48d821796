//! Resolves the user names of images to numbers, which folders and agents need.

use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use futures::TryStreamExt;

use super::client::LocalEngine;
use super::explain;
use crate::engine::{EngineError, Leftover};

/// User and group id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ids {
    pub uid: u32,
    pub gid: u32,
}

/// Resolves `user[:group]` in the image of a container; empty text is root.
pub async fn numeric(engine: &LocalEngine, container: &str, user: &str) -> Result<Ids, EngineError> {
    if let Some(ids) = plain(user) {
        return Ok(ids);
    }
    let what = format!("find user {user} in the image of {container}");
    let options = DownloadFromContainerOptionsBuilder::new().path("/etc/passwd").build();
    let chunks: Vec<_> = engine
        .docker
        .download_from_container(container, Some(options))
        .try_collect()
        .await
        .map_err(|e| explain::failed(&what, &explain::words(&e), Leftover::Removable))?;
    let passwd = single_file(&chunks.concat());
    named(user, &passwd).ok_or_else(|| {
        explain::failed(
            &what,
            "the image's /etc/passwd does not have it; set `security.user` to a number",
            Leftover::Removable,
        )
    })
}

fn plain(user: &str) -> Option<Ids> {
    let (user, group) = user.split_once(':').unwrap_or((user, ""));
    let number = |text: &str| if text.is_empty() || text == "root" { Some(0) } else { text.parse().ok() };
    Some(Ids { uid: number(user)?, gid: number(group).unwrap_or(0) })
}

fn named(user: &str, passwd: &str) -> Option<Ids> {
    let user = user.split(':').next()?;
    let line = passwd.lines().map(|l| l.split(':').collect::<Vec<_>>()).find(|f| f.first() == Some(&user))?;
    Some(Ids { uid: line.get(2)?.parse().ok()?, gid: line.get(3)?.parse().ok()? })
}

/// Returns the content of the first file of an archive.
fn single_file(archive: &[u8]) -> String {
    let mut tar = tar::Archive::new(archive);
    let first = tar.entries().ok().and_then(|mut e| e.next()).and_then(Result::ok);
    first.and_then(|e| std::io::read_to_string(e).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_need_no_passwd_and_empty_text_is_root() {
        assert_eq!(plain("1000:50"), Some(Ids { uid: 1000, gid: 50 }));
        assert_eq!(plain("999"), Some(Ids { uid: 999, gid: 0 }));
        assert_eq!(plain(""), Some(Ids { uid: 0, gid: 0 }));
        assert_eq!(plain("postgres"), None);
    }

    #[test]
    fn resolves_names_in_passwd() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\npostgres:x:999:998::/var/lib/postgresql:/bin/sh\n";
        assert_eq!(named("postgres", passwd), Some(Ids { uid: 999, gid: 998 }));
        assert_eq!(named("postgres:ssl", passwd), Some(Ids { uid: 999, gid: 998 }));
        assert_eq!(named("nobody", passwd), None);
    }
}
