//! Versions of RPM: epoch, version, release, in the order of `rpmvercmp`. Pure.

use std::cmp::Ordering;
use std::str::FromStr;

use super::dpkg::{digits, number};

/// Epoch, version and release; an absent epoch is 0.
#[derive(Debug, Clone)]
pub(super) struct RpmVersion {
    epoch: u32,
    version: String,
    release: Option<String>,
}

impl FromStr for RpmVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (epoch, rest) = match text.split_once(':') {
            Some(("(none)", rest)) => (0, rest),
            Some((epoch, rest)) => (number(epoch).ok_or("its epoch is not a number")?, rest),
            None => (0, text),
        };
        let (version, release) = match rest.rsplit_once('-') {
            Some((version, release)) => (version, Some(release.to_owned())),
            None => (rest, None),
        };
        let is_valid =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._+~^-".contains(&b));
        if !is_valid(version) || release.as_deref().is_some_and(|r| !is_valid(r)) {
            return Err("it is not a version of RPM".into());
        }
        Ok(Self { epoch, version: version.to_owned(), release })
    }
}

impl RpmVersion {
    /// A release counts only if both have one, as in rpm's own dependencies.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let release = || match (&self.release, &other.release) {
            (Some(a), Some(b)) => compare(a.as_bytes(), b.as_bytes()),
            _ => Ordering::Equal,
        };
        let version = || compare(self.version.as_bytes(), other.version.as_bytes());
        self.epoch.cmp(&other.epoch).then_with(version).then_with(release)
    }
}

/// Compares runs of digits and of letters; `~` is before everything, `^` after the end and before everything else.
fn compare(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        (a, b) = (without_separators(a), without_separators(b));
        match (a.first(), b.first()) {
            (Some(b'~'), Some(b'~')) | (Some(b'^'), Some(b'^')) => {
                (a, b) = (&a[1..], &b[1..]);
                continue;
            }
            (Some(b'~'), _) => return Ordering::Less,
            (_, Some(b'~')) => return Ordering::Greater,
            (Some(b'^'), None) => return Ordering::Greater,
            (None, Some(b'^')) => return Ordering::Less,
            (Some(b'^'), Some(_)) => return Ordering::Less,
            (Some(_), Some(b'^')) => return Ordering::Greater,
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) => {
                let order = match (x.is_ascii_digit(), y.is_ascii_digit()) {
                    // A number is newer than letters.
                    (true, false) => return Ordering::Greater,
                    (false, true) => return Ordering::Less,
                    (true, true) => {
                        let ((of_a, rest_a), (of_b, rest_b)) = (digits(a), digits(b));
                        (a, b) = (rest_a, rest_b);
                        of_a.len().cmp(&of_b.len()).then_with(|| of_a.cmp(of_b))
                    }
                    (false, false) => {
                        let ((of_a, rest_a), (of_b, rest_b)) = (letters(a), letters(b));
                        (a, b) = (rest_a, rest_b);
                        of_a.cmp(of_b)
                    }
                };
                if order != Ordering::Equal {
                    return order;
                }
            }
        }
    }
}

fn without_separators(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|b| b.is_ascii_alphanumeric() || b"~^".contains(b)).unwrap_or(text.len());
    &text[start..]
}

fn letters(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|b| !b.is_ascii_alphabetic()).unwrap_or(text.len()))
}
