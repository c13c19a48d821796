//! Finds the interpreter of a program and the shared objects of a process. Pure.

use std::path::PathBuf;

/// Returns the interpreter of a 64-bit ELF file; none if it is static or not ELF.
pub fn interpreter(program: &[u8]) -> Option<String> {
    if program.get(..5)? != b"\x7fELF\x02" || program.get(5)? != &1 {
        return None;
    }
    let number = |at: usize, len: usize| -> Option<usize> {
        let mut bytes = [0; 8];
        bytes[..len].copy_from_slice(program.get(at..at.checked_add(len)?)?);
        usize::try_from(u64::from_le_bytes(bytes)).ok()
    };
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    // 3 is PT_INTERP.
    let header = (0..count).map(|n| table.saturating_add(n * size)).find(|at| number(*at, 4) == Some(3))?;
    let (offset, length) = (number(header + 8, 8)?, number(header + 32, 8)?);
    let text = program.get(offset..offset.checked_add(length)?)?;
    String::from_utf8(text.strip_suffix(b"\0").unwrap_or(text).to_vec()).ok()
}

/// Returns the distinct shared objects in the text of `/proc/<pid>/maps`.
pub fn mapped(maps: &str) -> Vec<PathBuf> {
    let paths = maps.lines().filter_map(|line| line.find('/').map(|at| &line[at..]));
    let mut objects: Vec<&str> =
        paths.filter(|p| p.rsplit('/').next().is_some_and(|name| name.contains(".so"))).collect();
    objects.sort_unstable();
    objects.dedup();
    objects.into_iter().map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn finds_the_interpreter_of_the_test_program() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        match interpreter(&own) {
            Some(path) => assert!(
                std::path::Path::new(&path).exists()
                    && mapped(&maps).iter().any(|p| p.to_string_lossy().contains("libc")),
                "{path}"
            ),
            None => assert!(mapped(&maps).is_empty()),
        }
    }

    #[test]
    fn a_file_that_is_not_elf_has_no_interpreter() {
        assert_eq!(interpreter(b"#!/bin/sh"), None);
        assert_eq!(interpreter(b"\x7fELF\x02\x01"), None);
    }

    #[test]
    fn lists_each_shared_object_once() {
        let maps = "7f00-7f01 r--p 00000000 fe:00 12   /usr/lib/libm.so.6\n7f01-7f02 r-xp 00001000 fe:00 12   /usr/lib/libm.so.6\n5500-5501 r-xp 0 fe:00 9 /opt/dayfly\n7ffe-7fff rw-p 0 00:00 0 [stack]\n";
        assert_eq!(mapped(maps), [PathBuf::from("/usr/lib/libm.so.6")]);
    }
}
