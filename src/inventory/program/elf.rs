//! Sections of ELF files. Pure.

/// The content of a section; none if the file has none of this name, or a table that cannot be read.
pub(super) fn section<'a>(file: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let elf = Elf { file, is_wide: *file.get(4)? == 2, is_big: *file.get(5)? == 2 };
    let (table, size, count, names) = if elf.is_wide {
        (elf.word(40)?, 64, elf.half(60)?, elf.half(62)?)
    } else {
        (elf.word(32)?, 40, elf.half(48)?, elf.half(50)?)
    };
    let header = |number: usize| table.checked_add(number * size);
    let names = elf.content(header(names)?)?;
    let is_it = |at: usize| {
        let begin = names.get(elf.number(at, 4)?..)?;
        Some(begin.strip_prefix(name.as_bytes())?.first() == Some(&0))
    };
    (0..count).find_map(|number| elf.content(header(number).filter(|at| is_it(*at) == Some(true))?))
}

struct Elf<'a> {
    file: &'a [u8],
    is_wide: bool,
    is_big: bool,
}

impl<'a> Elf<'a> {
    /// The content of the section whose header is here.
    fn content(&self, header: usize) -> Option<&'a [u8]> {
        let (offset, size) = if self.is_wide { (24, 32) } else { (16, 20) };
        let begin = self.word(header.checked_add(offset)?)?;
        self.file.get(begin..begin.checked_add(self.word(header.checked_add(size)?)?)?)
    }

    fn half(&self, at: usize) -> Option<usize> {
        self.number(at, 2)
    }

    /// An address, or a length.
    fn word(&self, at: usize) -> Option<usize> {
        self.number(at, if self.is_wide { 8 } else { 4 })
    }

    fn number(&self, at: usize, length: usize) -> Option<usize> {
        let bytes = self.file.get(at..at.checked_add(length)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        let sum = if self.is_big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) };
        usize::try_from(sum).ok()
    }
}
