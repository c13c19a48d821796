//! Redaction of secrets and of their encoded forms: the one mark and the one length rule. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, BuildError};

use super::encodings;

/// Shortest secret in bytes that is redacted and searched for; generated secrets have at least 32. Shorter text occurs by
/// chance, and replacing it would destroy ordinary words. Encoded forms are longer than what they encode.
pub const MIN_SECRET_LENGTH: usize = 8;

/// The mark of an excerpt that was cut off.
const ELLIPSIS: &[u8] = "…".as_bytes();

/// Finds the secrets of a run in texts and files, as they are and encoded, and replaces them by their names. Clones share
/// what was built.
#[derive(Clone, Default)]
pub struct Redactor(Option<Arc<Forms>>);

struct Forms {
    names: Vec<String>,
    /// Finds the beginnings of all forms, each `MIN_SECRET_LENGTH` bytes long, so that one pass finds forms and excerpts.
    beginnings: AhoCorasick,
    /// For each beginning the forms that have it, each with the index of its name.
    forms: Vec<Vec<(Vec<u8>, usize)>>,
}

struct Found {
    place: Range<usize>,
    name: usize,
    /// The whole form, not an excerpt that an ellipsis ends.
    whole: bool,
}

impl Redactor {
    /// A redactor of these secrets. A name may have several values.
    pub fn new(secrets: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self, BuildError> {
        let mut names: Vec<String> = vec![];
        let mut by_beginning: BTreeMap<Vec<u8>, Vec<(Vec<u8>, usize)>> = BTreeMap::new();
        for (name, value) in secrets.into_iter().filter(|(_, value)| value.len() >= MIN_SECRET_LENGTH) {
            let index = names.iter().position(|known| *known == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            for form in encodings::forms(&value) {
                by_beginning.entry(form[..MIN_SECRET_LENGTH].to_vec()).or_default().push((form, index));
            }
        }
        if names.is_empty() {
            return Ok(Self(None));
        }
        let beginnings = AhoCorasick::new(by_beginning.keys())?;
        Ok(Self(Some(Arc::new(Forms { names, beginnings, forms: by_beginning.into_values().collect() }))))
    }

    /// The number of secrets that are searched for.
    pub fn count(&self) -> usize {
        self.0.as_ref().map_or(0, |forms| forms.names.len())
    }

    /// The names of the secrets that the bytes hold.
    pub fn find(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let Some(forms) = &self.0 else { return BTreeSet::new() };
        forms.found(bytes).into_iter().filter(|f| f.whole).map(|f| forms.names[f.name].as_str()).collect()
    }

    /// Replaces every secret in a text by `[secret NAME]`, also one that an excerpt cuts off (`abcdefgh…`).
    ///
    /// Characters of base64 that also hold bits of a neighbouring byte stay.
    pub fn redact(&self, text: &str) -> String {
        let Some(forms) = &self.0 else { return text.to_owned() };
        let mut found = forms.found(text.as_bytes());
        if found.is_empty() {
            return text.to_owned();
        }
        found.sort_by_key(|f| f.place.start);
        let (mut clean, mut copied, mut found) = (vec![], 0, found.into_iter().peekable());
        while let Some(mut longest) = found.next() {
            // Of secrets that overlap, no rest may stay.
            let Range { start, mut end } = longest.place;
            while let Some(next) = found.next_if(|next| next.place.start < end) {
                end = end.max(next.place.end);
                if next.place.len() > longest.place.len() {
                    longest = next;
                }
            }
            clean.extend_from_slice(&text.as_bytes()[copied..start]);
            clean.extend_from_slice(format!("[secret {}]", forms.names[longest.name]).as_bytes());
            copied = end;
        }
        clean.extend_from_slice(&text.as_bytes()[copied..]);
        String::from_utf8_lossy(&clean).into_owned()
    }
}

impl Forms {
    fn found(&self, bytes: &[u8]) -> Vec<Found> {
        let mut found = vec![];
        for beginning in self.beginnings.find_overlapping_iter(bytes) {
            let (start, rest) = (beginning.start(), &bytes[beginning.start()..]);
            for (form, name) in &self.forms[beginning.pattern().as_usize()] {
                let same = form.iter().zip(rest).take_while(|(a, b)| a == b).count();
                let whole = same == form.len();
                if whole || rest[same..].starts_with(ELLIPSIS) {
                    found.push(Found { place: start..start + same, name: *name, whole });
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;

    fn redactor(all: &[(&str, &str)]) -> Redactor {
        Redactor::new(all.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))).unwrap()
    }

    #[test]
    fn replaces_secrets_by_their_names() {
        let redactor = redactor(&[("mq.api", "abc12345"), ("empty", ""), ("short", "login")]);
        assert_eq!(
            redactor.redact("login with abc12345 and abc12345"),
            "login with [secret mq.api] and [secret mq.api]"
        );
        assert_eq!(redactor.count(), 1);
    }

    #[test]
    fn replaces_a_secret_that_an_excerpt_cuts_off() {
        let redactor = redactor(&[("k", "abc1234567")]);
        assert_eq!(redactor.redact("it was abc12345… (400 bytes)"), "it was [secret k]… (400 bytes)");
        assert!(redactor.find("abc12345…".as_bytes()).is_empty());
    }

    #[test]
    fn leaves_no_rest_of_secrets_that_overlap() {
        let inside = redactor(&[("a", "abc12345"), ("b", "abc1234567890")]);
        assert_eq!(inside.redact("abc1234567890"), "[secret b]");
        let behind = redactor(&[("a", "abcdefgh"), ("b", "efghijklmnop")]);
        assert_eq!(behind.redact("(abcdefghijklmnop)"), "([secret b])");
        assert_eq!(behind.find(b"abcdefghijklmnop"), BTreeSet::from(["a", "b"]));
        let adjacent = redactor(&[("a", "abcdefgh")]);
        assert_eq!(adjacent.redact("abcdefghabcdefgh"), "[secret a][secret a]");
    }

    /// Encodes a text as programs do, by libraries and not by the rules of this module.
    fn encoders() -> Vec<fn(&str) -> String> {
        vec![
            str::to_owned,
            |text| STANDARD.encode(text),
            |text| URL_SAFE.encode(text),
            |text| crate::model::hex(text.as_bytes()),
            |text| crate::model::hex(text.as_bytes()).to_uppercase(),
            |text| serde_json::to_string(text).unwrap(),
            |text| quick_xml::escape::escape(text).into_owned(),
            |text| quick_xml::escape::partial_escape(text).into_owned(),
            handlebars::html_escape,
            |text| url_encoded(text),
        ]
    }

    fn url_encoded(text: &str) -> String {
        text.bytes()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect()
    }

    proptest! {
        #[test]
        fn finds_and_replaces_any_encoded_form_in_any_text(
            secret in "[a-zA-Z0-9/+=<>&\"' \n]{12,64}",
            neighbours in ("[a-z ]{0,7}", "[a-z ]{0,7}"),
            around in (".{0,40}", ".{0,40}"),
        ) {
            let redactor = redactor(&[("k", &secret)]);
            for encode in encoders() {
                let encoded = encode(&format!("{}{secret}{}", neighbours.0, neighbours.1));
                let text = format!("{}{encoded}{}", around.0, around.1);
                prop_assert_eq!(redactor.find(text.as_bytes()), BTreeSet::from(["k"]), "{}", text);
                let clean = redactor.redact(&text);
                prop_assert!(clean.contains("[secret k]"), "{}", clean);
                prop_assert!(redactor.find(clean.as_bytes()).is_empty(), "{}", clean);
                prop_assert!(clean.starts_with(&around.0) && clean.ends_with(&around.1), "{}", clean);
            }
        }

        #[test]
        fn leaves_text_without_a_secret_unchanged(text in ".{0,400}", secret in "[0-9a-f]{32,64}") {
            let redactor = redactor(&[("k", &secret)]);
            prop_assume!(!text.contains(&secret[..MIN_SECRET_LENGTH]));
            prop_assert_eq!(redactor.redact(&text), text);
        }
    }
}
