//! The archive of an image of one layer, in the form that `docker load` and `podman load` read.
//!
//! It is written to files and never held in memory: the program is larger than all else that dayfly needs.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::model::Digest;

/// Root comes first because some programs look it up; 65532 is the user that agents run as.
const PASSWD: &str = "root:x:0:0:root:/:/sbin/nologin\nagent:x:65532:65532:agent:/:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nagent:x:65532:\n";
const NSSWITCH: &str = "passwd: files\nhosts: files dns\n";
/// All addresses of a name count, not only the first line of the hosts file.
const HOST_CONF: &str = "multi on\n";

/// An image named `reference` with the program as `/dayfly`, and objects under their own absolute paths. The file is
/// at its beginning, and goes away when it is closed.
pub fn archive(
    reference: &str,
    program: &Path,
    objects: &BTreeSet<PathBuf>,
    folders: &BTreeSet<String>,
) -> io::Result<File> {
    let mut layer = layer(program, objects)?;
    let layer_digest = Digest::compute_from_reader(&mut layer)?;
    layer.rewind()?;
    let libraries = folders.iter().cloned().collect::<Vec<_>>().join(":");
    let config = json!({
        "architecture": match std::env::consts::ARCH { "x86_64" => "amd64", "aarch64" => "arm64", other => other },
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "User": "65532:65532",
            "Entrypoint": ["/dayfly", "agent"],
            "Env": if libraries.is_empty() { vec![] } else { vec![format!("LD_LIBRARY_PATH={libraries}")] },
            "Labels": {"dayfly.dev/role": "agent-image"},
        },
        "rootfs": {"type": "layers", "diff_ids": [layer_digest.to_string()]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "dayfly"}],
    })
    .to_string();
    let config_name = format!("{}.json", Digest::compute(&config).hex());
    let manifest = json!([{"Config": config_name, "RepoTags": [reference], "Layers": ["layer.tar"]}]).to_string();
    let mut builder = tar::Builder::new(tempfile::tempfile()?);
    text(&mut builder, &config_name, &config)?;
    whole(&mut builder, "layer.tar", layer, 0o644)?;
    text(&mut builder, "manifest.json", &manifest)?;
    let mut archive = builder.into_inner()?;
    archive.rewind()?;
    Ok(archive)
}

fn layer(program: &Path, objects: &BTreeSet<PathBuf>) -> io::Result<File> {
    let mut builder = tar::Builder::new(tempfile::tempfile()?);
    folder(&mut builder, "tmp", 0o1777)?;
    folder(&mut builder, "proc", 0o555)?;
    for (path, content) in
        [("etc/passwd", PASSWD), ("etc/group", GROUP), ("etc/nsswitch.conf", NSSWITCH), ("etc/host.conf", HOST_CONF)]
    {
        text(&mut builder, path, content)?;
    }
    whole(&mut builder, "dayfly", File::open(program)?, 0o755)?;
    for path in objects {
        whole(&mut builder, path.to_string_lossy().trim_start_matches('/'), File::open(path)?, 0o755)?;
    }
    let mut layer = builder.into_inner()?;
    layer.rewind()?;
    Ok(layer)
}

fn text(builder: &mut tar::Builder<File>, path: &str, content: &str) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    builder.append_data(&mut header, path, content.as_bytes())
}

fn whole(builder: &mut tar::Builder<File>, path: &str, content: File, mode: u32) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(content.metadata()?.len());
    builder.append_data(&mut header, path, content)
}

fn folder(builder: &mut tar::Builder<File>, path: &str, mode: u32) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(mode);
    header.set_size(0);
    builder.append_data(&mut header, path, io::empty())
}
