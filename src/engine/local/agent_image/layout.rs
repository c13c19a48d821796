//! Writes a one-layer image as an archive for `docker load` and `podman load`.
//!
//! The archive is written to files and not held in memory, because the program is large.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::model::Digest;

/// Some programs look up root; 65532 is the user of agents.
const PASSWD: &str = "root:x:0:0:root:/:/sbin/nologin\nagent:x:65532:65532:agent:/:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nagent:x:65532:\n";
const NSSWITCH: &str = "passwd: files\nhosts: files dns\n";
/// Resolves a name to all its addresses in the hosts file, not only the first.
const HOST_CONF: &str = "multi on\n";

/// Writes an image named `reference` with the program as `/dayfly` and objects under their absolute paths. The returned
/// temporary file is rewound.
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
    append_text(&mut builder, &config_name, &config)?;
    append_file(&mut builder, "layer.tar", layer, 0o644)?;
    append_text(&mut builder, "manifest.json", &manifest)?;
    let mut archive = builder.into_inner()?;
    archive.rewind()?;
    Ok(archive)
}

fn layer(program: &Path, objects: &BTreeSet<PathBuf>) -> io::Result<File> {
    let mut builder = tar::Builder::new(tempfile::tempfile()?);
    append_folder(&mut builder, "tmp", 0o1777)?;
    append_folder(&mut builder, "proc", 0o555)?;
    for (path, content) in
        [("etc/passwd", PASSWD), ("etc/group", GROUP), ("etc/nsswitch.conf", NSSWITCH), ("etc/host.conf", HOST_CONF)]
    {
        append_text(&mut builder, path, content)?;
    }
    append_file(&mut builder, "dayfly", File::open(program)?, 0o755)?;
    for path in objects {
        append_file(&mut builder, path.to_string_lossy().trim_start_matches('/'), File::open(path)?, 0o755)?;
    }
    let mut layer = builder.into_inner()?;
    layer.rewind()?;
    Ok(layer)
}

fn append_text(builder: &mut tar::Builder<File>, path: &str, content: &str) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    builder.append_data(&mut header, path, content.as_bytes())
}

fn append_file(builder: &mut tar::Builder<File>, path: &str, content: File, mode: u32) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(content.metadata()?.len());
    builder.append_data(&mut header, path, content)
}

fn append_folder(builder: &mut tar::Builder<File>, path: &str, mode: u32) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(mode);
    header.set_size(0);
    builder.append_data(&mut header, path, io::empty())
}
