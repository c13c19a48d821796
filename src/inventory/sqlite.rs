//! Rows of a table of an SQLite file, as rpm's database needs it: nothing is written, and no page is read twice. Pure.

use std::collections::HashSet;

const MAGIC: &[u8] = b"SQLite format 3\0";
/// Pages of a table's tree: those with rows, and those with other pages.
const LEAF: u8 = 13;
const INNER: u8 = 5;
/// The only encoding that is read: UTF-8.
const UTF8: usize = 1;
/// Most columns of a row.
const MAX_COLUMNS: usize = 100;

/// A value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Number(i64),
    /// A text, or bytes.
    Bytes(&'a [u8]),
    /// NULL, or a floating-point number.
    Other,
}

/// A file.
struct File<'a> {
    bytes: &'a [u8],
    page: usize,
    /// Bytes of a page without those that extensions reserve.
    usable: usize,
}

/// Passes each row of a table to `each`.
pub(super) fn rows(
    bytes: &[u8],
    table: &str,
    each: &mut dyn FnMut(&[Value<'_>]) -> Result<(), String>,
) -> Result<(), String> {
    let file = File::open(bytes).ok_or("it is not an SQLite database that dayfly reads")?;
    let mut root = None;
    file.walk(1, &mut |row| {
        if let [Value::Bytes(b"table"), Value::Bytes(name), _, Value::Number(page), ..] = row
            && *name == table.as_bytes()
        {
            root = usize::try_from(*page).ok();
        }
        Ok(())
    })?;
    file.walk(root.ok_or_else(|| format!("it has no table {table}"))?, each)
}

impl<'a> File<'a> {
    fn open(bytes: &'a [u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let page = match number(rest, 0, 2)? {
            1 => 65536,
            size if size >= 512 && size.is_power_of_two() => size,
            _ => return None,
        };
        let usable = page.checked_sub(usize::from(*bytes.get(20)?)).filter(|u| *u >= 480)?;
        (number(bytes, 56, 4)? == UTF8).then_some(Self { bytes, page, usable })
    }

    /// Visits the tree of a table, each page once.
    fn walk(&self, root: usize, each: &mut dyn FnMut(&[Value<'_>]) -> Result<(), String>) -> Result<(), String> {
        let damaged = || "the database is damaged".to_owned();
        let mut seen = HashSet::new();
        let mut todo = vec![root];
        // Rows that lie in each other must not be copied for ever: each byte of a sound file belongs to one row.
        let mut left = self.bytes.len();
        while let Some(number_of_page) = todo.pop() {
            let page = self.page(number_of_page, &mut seen).ok_or_else(damaged)?;
            // The first page begins with the header of the file.
            let at = if number_of_page == 1 { 100 } else { 0 };
            let kind = *page.get(at).ok_or_else(damaged)?;
            let count = number(page, at + 3, 2).ok_or_else(damaged)?;
            let cells = at + if kind == INNER { 12 } else { 8 };
            let cell = |n: usize| number(page, cells + 2 * n, 2).and_then(|at| page.get(at..));
            match kind {
                INNER => {
                    todo.push(number(page, at + 8, 4).ok_or_else(damaged)?);
                    for n in (0..count).rev() {
                        todo.push(cell(n).and_then(|c| number(c, 0, 4)).ok_or_else(damaged)?);
                    }
                }
                LEAF => {
                    for n in 0..count {
                        let payload = cell(n).and_then(|c| self.payload(c, &mut seen)).ok_or_else(damaged)?;
                        left = left.checked_sub(payload.len()).ok_or_else(damaged)?;
                        each(&record(&payload).ok_or_else(damaged)?)?;
                    }
                }
                _ => return Err(damaged()),
            }
            // Pages that are named more than once are refused when they are read, but must not fill the memory before.
            if todo.len() > self.bytes.len() / self.page {
                return Err(damaged());
            }
        }
        Ok(())
    }

    fn page(&self, number: usize, seen: &mut HashSet<usize>) -> Option<&'a [u8]> {
        let begin = number.checked_sub(1)?.checked_mul(self.page)?;
        let page = self.bytes.get(begin..begin.checked_add(self.page)?)?;
        seen.insert(number).then_some(&page[..self.usable])
    }

    /// The content of a row, which goes on in other pages if it is long.
    fn payload(&self, cell: &[u8], seen: &mut HashSet<usize>) -> Option<Vec<u8>> {
        let mut rest = cell;
        let length = usize::try_from(varint(&mut rest)?).ok().filter(|l| *l <= self.bytes.len())?;
        varint(&mut rest)?;
        let (most, least) = (self.usable - 35, (self.usable - 12) * 32 / 255 - 23);
        let local = match length {
            _ if length <= most => length,
            _ => Some(least + (length - least) % (self.usable - 4)).filter(|l| *l <= most).unwrap_or(least),
        };
        let mut all = rest.get(..local)?.to_vec();
        let mut next = if local < length { number(rest, local, 4)? } else { 0 };
        while all.len() < length {
            let page = self.page(next, seen)?;
            next = number(page, 0, 4)?;
            let part = (length - all.len()).min(self.usable - 4);
            all.extend_from_slice(&page[4..4 + part]);
        }
        Some(all)
    }
}

/// The values of a row.
fn record(payload: &[u8]) -> Option<Vec<Value<'_>>> {
    let mut kinds = payload;
    let size = usize::try_from(varint(&mut kinds)?).ok()?;
    let mut content = payload.get(size..)?;
    let mut kinds = kinds.get(..size.checked_sub(payload.len() - kinds.len())?)?;
    let mut values = vec![];
    while !kinds.is_empty() && values.len() < MAX_COLUMNS {
        let kind = varint(&mut kinds)?;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => usize::try_from((kind - 12) / 2).ok()?,
        };
        let bytes = content.split_off(..length)?;
        values.push(match kind {
            1..=6 => Value::Number(bytes.iter().fold(0, |sum, b| sum << 8 | i64::from(*b))),
            8 | 9 => Value::Number(i64::try_from(kind - 8).ok()?),
            0 | 7 => Value::Other,
            _ => Value::Bytes(bytes),
        });
    }
    Some(values)
}

/// A number of up to 8 bytes, the highest first.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().fold(0, |sum, b| sum << 8 | usize::from(*b)))
}

/// A number of up to 9 bytes, each with 7 bits and whether more follow.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let (all, mut value) = (*rest, 0);
    for (count, byte) in all.iter().take(9).enumerate() {
        if count == 8 {
            *rest = &all[9..];
            return Some(value << 8 | u64::from(*byte));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            *rest = &all[count + 1..];
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_that_lie_in_each_other_are_damage() {
        let page = |cells: u16| {
            let mut bytes = vec![0; 4096];
            bytes[..16].copy_from_slice(MAGIC);
            bytes[16..18].copy_from_slice(&4096u16.to_be_bytes());
            bytes[59] = 1;
            bytes[100] = LEAF;
            bytes[103..105].copy_from_slice(&cells.to_be_bytes());
            for n in 0..usize::from(cells) {
                bytes[108 + 2 * n..110 + 2 * n].copy_from_slice(&2048u16.to_be_bytes());
            }
            // A row of 1,000 bytes, without columns.
            bytes[2048..2052].copy_from_slice(&[0x87, 0x68, 1, 1]);
            bytes
        };
        let read = |cells| rows(&page(cells), "Packages", &mut |_| Ok(())).unwrap_err();
        assert_eq!(read(4), "it has no table Packages");
        assert_eq!(read(500), "the database is damaged");
    }
}
