//! Versions of Debian, in the order of dpkg (`deb-version(7)`). Pure.

use std::cmp::Ordering;
use std::str::FromStr;

/// Epoch, upstream version and revision.
#[derive(Debug, Clone)]
pub(super) struct DpkgVersion {
    epoch: u32,
    upstream: String,
    revision: String,
}

impl FromStr for DpkgVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => (number(epoch).ok_or("its epoch is not a number")?, rest),
            None => (0, text),
        };
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        let is_of = |text: &str, more: &[u8]| text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b));
        if upstream.is_empty() || !is_of(upstream, b".+-~:") || !is_of(revision, b".+~") {
            return Err("it is not a version of Debian".into());
        }
        Ok(Self { epoch, upstream: upstream.to_owned(), revision: revision.to_owned() })
    }
}

/// A number of digits alone.
pub(super) fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

impl PartialEq for DpkgVersion {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for DpkgVersion {}

impl PartialOrd for DpkgVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DpkgVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = |v: &Self| (v.upstream.clone().into_bytes(), v.revision.clone().into_bytes());
        let ((upstream, revision), (upstream_b, revision_b)) = (parts(self), parts(other));
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare(&upstream, &upstream_b))
            .then_with(|| compare(&revision, &revision_b))
    }
}

/// Compares alternating runs of other characters and of digits.
fn compare(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while !a.is_empty() || !b.is_empty() {
        let is_digit = |text: &[u8]| text.first().is_some_and(u8::is_ascii_digit);
        while (!a.is_empty() && !is_digit(a)) || (!b.is_empty() && !is_digit(b)) {
            match weight(a.first()).cmp(&weight(b.first())) {
                Ordering::Equal => (a, b) = (a.get(1..).unwrap_or(&[]), b.get(1..).unwrap_or(&[])),
                other => return other,
            }
        }
        let ((of_a, rest_a), (of_b, rest_b)) = (digits(a), digits(b));
        match of_a.len().cmp(&of_b.len()).then_with(|| of_a.cmp(of_b)) {
            Ordering::Equal => (a, b) = (rest_a, rest_b),
            other => return other,
        }
    }
    Ordering::Equal
}

/// The digits at the beginning without leading zeros, and the rest.
pub(super) fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let zeros = number.iter().position(|b| *b != b'0').unwrap_or(number.len());
    (&number[zeros..], rest)
}

/// `~` before the end, letters before all others; a digit counts as the end.
fn weight(b: Option<&u8>) -> i32 {
    match b {
        None => 0,
        Some(b'~') => -1,
        Some(b) if b.is_ascii_digit() => 0,
        Some(b) if b.is_ascii_alphabetic() => i32::from(*b),
        Some(b) => i32::from(*b) + 256,
    }
}
