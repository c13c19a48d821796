//! Authenticates the lines between dayfly and its agent, and bounds their length. Pure, except `read_line`.
//!
//! An agent may run in the process namespace of a hostile unit. Each line carries a code over its direction, its number
//! and its text, so a forged, repeated, missing or reordered line does not fit.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// Longest line in bytes, in both directions.
pub(super) const LONGEST_LINE: usize = 8 * 1024 * 1024;
/// Length of a code in hexadecimal digits.
const CODE: usize = 64;

/// The direction of a line.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    /// From dayfly to the agent.
    Request,
    /// From the agent to dayfly.
    Answer,
}

/// The key of one connection.
#[derive(Clone)]
pub(super) struct Key([u8; 32]);

impl Key {
    /// Generates a key.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Writes the key in hexadecimal.
    pub fn to_hex(&self) -> String {
        hex(&self.0)
    }

    /// Parses a key; none if it is not one.
    pub fn from_hex(text: &str) -> Option<Self> {
        Some(Self(bytes(text)?.try_into().ok()?))
    }

    /// Starts to count the lines of a direction.
    pub fn seal(&self, direction: Direction) -> Seal {
        Seal { key: self.clone(), direction, number: 0 }
    }
}

/// Writes or checks the lines of one direction.
pub(super) struct Seal {
    key: Key,
    direction: Direction,
    number: u64,
}

impl Seal {
    /// Returns the next line, with its code and its end; none if it is too long.
    pub fn write(&mut self, text: &str) -> Option<String> {
        if text.len() > LONGEST_LINE - CODE - 1 {
            return None;
        }
        let code = hex(&self.code(text)?.finalize().into_bytes());
        self.number += 1;
        Some(format!("{code} {text}\n"))
    }

    /// Checks the next line and returns its text; none if it does not fit.
    pub fn check<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        let (code, text) = line.split_once(' ')?;
        self.code(text)?.verify_slice(&bytes(code)?).ok()?;
        self.number += 1;
        Some(text)
    }

    fn code(&self, text: &str) -> Option<Hmac<Sha256>> {
        let mut code = Hmac::<Sha256>::new_from_slice(&self.key.0).ok()?;
        code.update(&[match self.direction {
            Direction::Request => b'>',
            Direction::Answer => b'<',
        }]);
        code.update(&self.number.to_be_bytes());
        code.update(text.as_bytes());
        Some(code)
    }
}

/// For tests: these lines as the other end of the connection with this key writes them. None if the key is not one.
#[cfg(any(test, feature = "testing"))]
pub fn sealed(key: &str, requests: bool, text: &str) -> Option<Vec<u8>> {
    let direction = if requests { Direction::Request } else { Direction::Answer };
    let mut seal = Key::from_hex(key)?.seal(direction);
    Some(text.lines().filter_map(|line| seal.write(line)).collect::<String>().into_bytes())
}

/// Reads a line of at most `LONGEST_LINE` bytes, without its end. None at the end of the stream, also if it cuts a line off.
pub(super) async fn read_line(from: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<String>> {
    let mut line = vec![];
    from.take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line).await?;
    if line.pop_if(|last| *last == b'\n').is_some() {
        let invalid = |_| std::io::Error::new(std::io::ErrorKind::InvalidData, "a line is not UTF-8");
        return String::from_utf8(line).map(Some).map_err(invalid);
    }
    if line.len() > LONGEST_LINE {
        let words = format!("a line is longer than {LONGEST_LINE} bytes");
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, words));
    }
    Ok(None)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.is_ascii() || hex.len() != CODE {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::generate().unwrap()
    }

    #[test]
    fn a_line_fits_only_once_in_its_place_direction_and_connection() {
        let key = key();
        let mut writer = key.seal(Direction::Answer);
        let lines = ["one", "two", "three"].map(|text| writer.write(text).unwrap());
        let [one, two, three] = lines.each_ref().map(|line| line.trim_end());
        let mut reader = Key::from_hex(&key.to_hex()).unwrap().seal(Direction::Answer);
        assert_eq!(reader.check(one), Some("one"));
        assert_eq!(reader.check(one), None, "repeated");
        assert_eq!(reader.check(three), None, "out of order");
        assert_eq!(reader.check(two), Some("two"));
        assert_eq!(key.seal(Direction::Request).check(one), None, "wrong direction");
        assert_eq!(self::key().seal(Direction::Answer).check(one), None, "wrong connection");
    }

    #[test]
    fn a_changed_or_bare_line_does_not_fit() {
        let key = key();
        let line = key.seal(Direction::Answer).write("{\"id\":1}").unwrap();
        let mut reader = key.seal(Direction::Answer);
        for forged in [line.trim_end().replace("1}", "2}").as_str(), "{\"id\":1}", "", "é {}", " {}"] {
            assert_eq!(reader.check(forged), None, "{forged}");
        }
        assert_eq!(reader.check(line.trim_end()), Some("{\"id\":1}"));
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_refused_at_the_limit() {
        let mut endless = tokio::io::BufReader::new(tokio::io::repeat(b'x'));
        assert_eq!(read_line(&mut endless).await.unwrap_err().kind(), std::io::ErrorKind::InvalidData);
        assert_eq!(key().seal(Direction::Answer).write(&"x".repeat(LONGEST_LINE)), None);
    }

    #[tokio::test]
    async fn a_cut_off_line_is_not_read() {
        let mut cut = &b"whole\ncut"[..];
        assert_eq!(read_line(&mut cut).await.unwrap().as_deref(), Some("whole"));
        assert_eq!(read_line(&mut cut).await.unwrap(), None);
    }
}
