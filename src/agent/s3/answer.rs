//! Reads the XML of S3: lists of buckets and keys, and errors. Pure.

use std::collections::BTreeSet;

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::agent::http::Incoming;

/// Keys of one list.
pub(super) const MAX_KEYS: usize = 1000;
/// Most texts of one answer that are read; a key has about ten.
const MAX_TEXTS: usize = 50_000;

/// Keys of a list.
pub(super) struct Listing {
    pub keys: BTreeSet<String>,
    /// There are no others.
    pub is_whole: bool,
}

/// The names of buckets.
pub(super) fn buckets(body: &[u8]) -> Result<BTreeSet<String>, String> {
    let texts = texts(body, "ListAllMyBucketsResult")?;
    Ok(texts.into_iter().filter(|(at, _)| at.ends_with("/Bucket/Name")).map(|(_, text)| text).collect())
}

/// The keys of objects.
pub(super) fn keys(body: &[u8]) -> Result<Listing, String> {
    let texts = texts(body, "ListBucketResult")?;
    let is_whole = !texts.iter().any(|(at, text)| at.ends_with("/IsTruncated") && text == "true");
    let keys = texts.into_iter().filter(|(at, _)| at.ends_with("/Contents/Key")).map(|(_, text)| text).collect();
    Ok(Listing { keys, is_whole })
}

/// The code of an error, if the answer is one and has a body.
pub(super) fn error(answer: &Incoming) -> Option<String> {
    if answer.status.is_success() {
        return None;
    }
    let texts = texts(&answer.body, "Error").ok()?;
    texts.into_iter().find(|(at, _)| at == "/Error/Code").map(|(_, text)| text)
}

/// Every text of a document with the path of its element. The document must begin with `root`.
fn texts(body: &[u8], root: &str) -> Result<Vec<(String, String)>, String> {
    let mut reader = Reader::from_reader(body);
    let (mut path, mut found) = (String::new(), vec![]);
    let mut text = String::new();
    loop {
        let event = reader.read_event().map_err(|e| format!("the answer is no XML: {e}"))?;
        match event {
            Event::Start(element) => {
                path.push('/');
                path.push_str(&String::from_utf8_lossy(element.local_name().as_ref()));
                text.clear();
                if path.len() > 500 {
                    return Err("the answer is nested too deeply".to_owned());
                }
            }
            Event::Text(part) => text.push_str(&part.decode().map_err(|e| format!("the answer is no text: {e}"))?),
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(|e| format!("the answer is no text: {e}"))?;
                let character = match reference.resolve_char_ref() {
                    Ok(Some(character)) => Some(character.to_string()),
                    _ => quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned),
                };
                text.push_str(&character.ok_or_else(|| format!("the answer has the unknown entity {name}"))?);
            }
            Event::End(_) => {
                if found.len() >= MAX_TEXTS {
                    return Err("the answer is too long".to_owned());
                }
                found.push((path.clone(), std::mem::take(&mut text)));
                path.truncate(path.rfind('/').unwrap_or(0));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    match found.last() {
        Some((last, _)) if *last == format!("/{root}") => Ok(found),
        _ => Err(format!("the answer is no {root}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use hyper::StatusCode;
    use hyper::header::HeaderMap;

    #[test]
    fn reads_buckets_keys_and_errors() {
        let list = br#"<?xml version="1.0"?><ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>x</ID></Owner><Buckets><Bucket><Name>a</Name><CreationDate/></Bucket><Bucket><Name>b</Name></Bucket></Buckets></ListAllMyBucketsResult>"#;
        assert_eq!(buckets(list).unwrap(), ["a", "b"].map(str::to_owned).into());
        let list = b"<ListBucketResult><Name>a</Name><IsTruncated>false</IsTruncated><Contents><Key>x &amp; y&#33;</Key></Contents></ListBucketResult>";
        let listing = keys(list).unwrap();
        assert_eq!((listing.keys, listing.is_whole), (["x & y!".to_owned()].into(), true));
        assert!(!keys(b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>").unwrap().is_whole);
        let answer = |body: &'static str| Incoming {
            status: StatusCode::NOT_FOUND,
            headers: HeaderMap::new(),
            body: body.into(),
        };
        assert_eq!(error(&answer("<Error><Code>NoSuchKey</Code></Error>")).as_deref(), Some("NoSuchKey"));
        assert_eq!(error(&answer("not found")), None);
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        for body in [
            "",
            "<html/>",
            "<ListBucketResult>",
            "<Error><Code>x</Code></Error>",
            "<ListBucketResult><Key>&none;</Key></ListBucketResult>",
        ] {
            assert!(keys(body.as_bytes()).is_err(), "{body}");
        }
        assert!(keys("<a>".repeat(1000).as_bytes()).is_err());
    }
}
