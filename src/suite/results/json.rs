//! Reads JSON into types with limits: bounded lists, no key twice.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::limits::MAX_CASES;
use super::result_file::Problem;
use super::text::decode;

/// Most keys of the outermost object.
const MAX_KEYS: usize = 1000;

/// Most values of a file, counted by what separates them.
const MAX_VALUES: usize = 2_000_000;

/// Parses a file whose outermost object has all these keys with values of these kinds. Any other JSON is foreign.
pub(super) fn parse<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    format: &str,
    keys: &[(&str, Kind)],
) -> Result<T, Problem> {
    let text = decode(bytes).map_err(Problem::Unreadable)?;
    // Lists nest, so that the limit of each list is none of their number.
    if text.bytes().filter(|b| *b == b',').count() > MAX_VALUES {
        return Err(Problem::Unreadable(format!("it has more than {MAX_VALUES} values")));
    }
    let found = serde_json::from_str::<Outermost>(text).map_err(unreadable)?;
    if keys.iter().any(|(key, kind)| found.0.get(*key) != Some(kind)) {
        return Err(Problem::Foreign(format!("it is not a {format} file")));
    }
    serde_json::from_str(text).map_err(unreadable)
}

fn unreadable(e: serde_json::Error) -> Problem {
    Problem::Unreadable(format!("it is not what it should be ({e})"))
}

/// The kind of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    Other,
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KindVisitor;
        impl<'de> Visitor<'de> for KindVisitor {
            type Value = Kind;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Kind::Object)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kind, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Kind::Array)
            }
            fn visit_unit<E: Error>(self) -> Result<Kind, E> {
                Ok(Kind::Other)
            }
            fn visit_bool<E: Error>(self, _: bool) -> Result<Kind, E> {
                Ok(Kind::Other)
            }
            fn visit_u64<E: Error>(self, _: u64) -> Result<Kind, E> {
                Ok(Kind::Other)
            }
            fn visit_i64<E: Error>(self, _: i64) -> Result<Kind, E> {
                Ok(Kind::Other)
            }
            fn visit_f64<E: Error>(self, _: f64) -> Result<Kind, E> {
                Ok(Kind::Other)
            }
            fn visit_str<E: Error>(self, _: &str) -> Result<Kind, E> {
                Ok(Kind::Other)
            }
        }
        deserializer.deserialize_any(KindVisitor)
    }
}

/// The keys of the outermost value with the kinds of their values; none if it is not an object.
struct Outermost(BTreeMap<String, Kind>);

impl<'de> Deserialize<'de> for Outermost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OutermostVisitor;
        impl<'de> Visitor<'de> for OutermostVisitor {
            type Value = Outermost;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Outermost, A::Error> {
                let mut keys = BTreeMap::new();
                while let Some((key, kind)) = map.next_entry::<String, Kind>()? {
                    if keys.len() >= MAX_KEYS {
                        return Err(A::Error::custom(format!("more than {MAX_KEYS} keys")));
                    }
                    keys.insert(key, kind);
                }
                Ok(Outermost(keys))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Outermost, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Outermost(BTreeMap::new()))
            }
        }
        deserializer.deserialize_any(OutermostVisitor)
    }
}

/// A list of at most as many entries as a suite has cases.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor { most: MAX_CASES, refuse: true, of: PhantomData }).map(Self)
    }
}

/// The first entries of a list that may be longer.
#[derive(Debug)]
pub(super) struct First<T, const MOST: usize>(pub(super) Vec<T>);

impl<T, const MOST: usize> Default for First<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for First<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor { most: MOST, refuse: false, of: PhantomData }).map(Self)
    }
}

struct ListVisitor<T> {
    most: usize,
    /// More entries are an error, and not left out.
    refuse: bool,
    of: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut entries = Vec::new();
        while entries.len() < self.most {
            match seq.next_element()? {
                Some(entry) => entries.push(entry),
                None => return Ok(entries),
            }
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {
            if self.refuse {
                return Err(A::Error::custom(format!("a list of more than {} entries", self.most)));
            }
        }
        Ok(entries)
    }
}

/// Text that some tools write as a number.
#[derive(Debug, Default)]
pub(super) struct Text(pub(super) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl Visitor<'_> for TextVisitor {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a number")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Text, E> {
                Ok(Text(number.to_string()))
            }
        }
        deserializer.deserialize_any(TextVisitor)
    }
}
