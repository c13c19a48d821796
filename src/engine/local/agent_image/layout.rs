//! The archive of an image of one layer, in the form that `docker load` and `podman load` read. Pure.

use std::collections::BTreeSet;
use std::io;

use serde_json::json;
use sha2::{Digest, Sha256};

/// Root comes first because some programs look it up; 65532 is the user that agents run as.
const PASSWD: &str = "root:x:0:0:root:/:/sbin/nologin\nagent:x:65532:65532:agent:/:/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nagent:x:65532:\n";
const NSSWITCH: &str = "passwd: files\nhosts: files dns\n";
/// All addresses of a name count, not only the first line of the hosts file.
const HOST_CONF: &str = "multi on\n";

/// An image named `reference` with the program as `/dayfly`, and objects (absolute path and content).
pub fn archive(
    reference: &str,
    program: &[u8],
    objects: &[(String, Vec<u8>)],
    folders: &BTreeSet<String>,
) -> io::Result<Vec<u8>> {
    let layer = layer(program, objects)?;
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
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", hex(&layer))]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "dayfly"}],
    })
    .to_string();
    let config_name = format!("{}.json", hex(config.as_bytes()));
    let manifest = json!([{"Config": config_name, "RepoTags": [reference], "Layers": ["layer.tar"]}]).to_string();
    let mut builder = tar::Builder::new(Vec::with_capacity(layer.len() + 65536));
    file(&mut builder, &config_name, config.as_bytes(), 0o644)?;
    file(&mut builder, "layer.tar", &layer, 0o644)?;
    file(&mut builder, "manifest.json", manifest.as_bytes(), 0o644)?;
    builder.into_inner()
}

fn layer(program: &[u8], objects: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::with_capacity(program.len() + 65536));
    folder(&mut builder, "tmp", 0o1777)?;
    folder(&mut builder, "proc", 0o555)?;
    for (path, content) in
        [("etc/passwd", PASSWD), ("etc/group", GROUP), ("etc/nsswitch.conf", NSSWITCH), ("etc/host.conf", HOST_CONF)]
    {
        file(&mut builder, path, content.as_bytes(), 0o644)?;
    }
    file(&mut builder, "dayfly", program, 0o755)?;
    for (path, content) in objects {
        file(&mut builder, path.trim_start_matches('/'), content, 0o755)?;
    }
    builder.into_inner()
}

fn file(builder: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8], mode: u32) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(mode);
    header.set_size(content.len() as u64);
    builder.append_data(&mut header, path, content)
}

fn folder(builder: &mut tar::Builder<Vec<u8>>, path: &str, mode: u32) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(mode);
    header.set_size(0);
    builder.append_data(&mut header, path, io::empty())
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
