//! Names and contents of tiles and bundles of entries (c2sp.org/tlog-tiles). Pure.

use tlog_tiles::Tile;

use super::MAX_ENTRY;

/// Height of tiles: 256 hashes each.
pub const HEIGHT: u8 = 8;
/// Entries of a whole bundle.
pub const WIDTH: u64 = 1 << HEIGHT;

/// Path of a tile with hashes.
pub fn tile_path(tile: &Tile) -> String {
    without_height(&tile.path())
}

/// Path of the bundle with number `n`, which has `width` entries.
pub fn path(n: u64, width: u64) -> String {
    let mut tile = Tile::new(HEIGHT, 0, n, u32::try_from(width.clamp(1, WIDTH)).unwrap_or(1), false);
    tile.set_is_data();
    without_height(&tile.path()).replacen("tile/data/", "tile/entries/", 1)
}

/// The crate writes paths in the manner of Go's checksum database, where the height is a part of them.
fn without_height(path: &str) -> String {
    path.replacen(&format!("tile/{HEIGHT}/"), "tile/", 1)
}

/// Entries with their lengths before them. None if one is too long.
pub fn encode(entries: &[Vec<u8>]) -> Option<Vec<u8>> {
    let mut bytes = vec![];
    for entry in entries {
        bytes.extend(u16::try_from(entry.len()).ok()?.to_be_bytes());
        bytes.extend(entry);
    }
    Some(bytes)
}

/// The entries of a bundle; none if it is malformed.
pub fn decode(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut entries = vec![];
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        entries.push(rest.get(..length)?.to_vec());
        bytes = &rest[length..];
    }
    bytes.is_empty().then_some(entries)
}

/// Longest bundle in bytes.
pub const MAX_BYTES: u64 = WIDTH * (MAX_ENTRY as u64 + 2);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_files_as_the_specification_does() {
        assert_eq!(path(1_234_067, 256), "tile/entries/x001/x234/067");
        assert_eq!(path(0, 3), "tile/entries/000.p/3");
        assert_eq!(tile_path(&Tile::new(8, 1, 273, 17, false)), "tile/1/273.p/17");
        assert_eq!(tile_path(&Tile::new(8, 0, 8_008, 256, false)), "tile/0/x008/008");
    }

    #[test]
    fn reads_what_it_writes_and_nothing_malformed() {
        let entries = vec![b"one".to_vec(), vec![], vec![7; 65_535]];
        assert_eq!(decode(&encode(&entries).unwrap()), Some(entries));
        assert_eq!(encode(&[vec![7; 65_536]]), None);
        assert_eq!(decode(b"\0\x03ab"), None);
        assert_eq!(decode(b"\0"), None);
        assert_eq!(decode(b""), Some(vec![]));
    }
}
