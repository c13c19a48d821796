//! Packs a local file or folder for a service. Links are not followed: they may lead to what nobody means to share.

use std::fs;
use std::io::{Seek, Write};
use std::path::Path;

use super::copied::{Copied, MAX_BYTES, MAX_ENTRIES};
use crate::file::read_regular;

/// Packs a file or folder under this name. The error says why not.
pub fn pack(source: &Path, name: &Path) -> Result<(fs::File, Copied), String> {
    let found = fs::symlink_metadata(source).map_err(|e| e.to_string())?;
    if !found.is_file() && !found.is_dir() {
        return Err("it is neither a regular file nor a folder; name what a link leads to".into());
    }
    let archive = tempfile::tempfile().map_err(|e| e.to_string())?;
    let mut builder = tar::Builder::new(archive);
    let (mut copied, mut entries) = (Copied::default(), 0);
    add(&mut builder, source, name, &mut copied, &mut entries)?;
    let mut archive = builder.into_inner().map_err(|e| e.to_string())?;
    archive.rewind().map_err(|e| e.to_string())?;
    Ok((archive, copied))
}

fn add(
    builder: &mut tar::Builder<impl Write>,
    source: &Path,
    name: &Path,
    copied: &mut Copied,
    entries: &mut usize,
) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("{}: {e}", source.display());
    *entries += 1;
    if *entries > MAX_ENTRIES {
        return Err(format!("it has more than {MAX_ENTRIES} files and folders"));
    }
    let found = fs::symlink_metadata(source).map_err(failed)?;
    let executable = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o100 != 0;
    let mut header = tar::Header::new_gnu();
    header.set_mtime(std::os::unix::fs::MetadataExt::mtime(&found).try_into().unwrap_or_default());
    if found.is_dir() {
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        builder.append_data(&mut header, name, std::io::empty()).map_err(failed)?;
        let mut names = vec![];
        for entry in fs::read_dir(source).map_err(failed)? {
            names.push(entry.map_err(failed)?.file_name());
        }
        names.sort_unstable();
        names.iter().try_for_each(|child| add(builder, &source.join(child), &name.join(child), copied, entries))
    } else if found.is_file() {
        let bytes = read_regular(source, MAX_BYTES - copied.bytes).map_err(failed)?;
        header.set_mode(if executable { 0o755 } else { 0o644 });
        header.set_size(bytes.len() as u64);
        copied.files += 1;
        copied.bytes += bytes.len() as u64;
        builder.append_data(&mut header, name, bytes.as_slice()).map_err(failed)
    } else {
        copied.skipped += 1;
        Ok(())
    }
}
