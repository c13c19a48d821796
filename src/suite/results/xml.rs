//! A strict parser of small XML documents: names, attributes and text, with limits on everything.
//!
//! Refuses document types (and so every entity except XML's five), encodings other than UTF-8, deep nesting and truncated
//! documents. Never resolves anything outside the document. A document with another root element is told apart first,
//! whatever else is wrong with it: it is not for the reader.

use std::borrow::Cow;
use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::limits::MAX_DEPTH;
use super::result_file::Problem;
use super::text::{cut, decode, sized};

/// Most attributes of one element.
const MAX_ATTRIBUTES: usize = 64;

/// A part of the document.
#[derive(Debug, PartialEq)]
pub(super) enum XmlEvent {
    /// An element starts.
    Open(String, BTreeMap<String, String>),
    /// Text with entities resolved, possibly in several pieces.
    Text(String),
    /// The innermost element ends.
    Close,
}

/// Parses a document with one of these root elements and calls `on` for each part; fails at the first error.
pub(super) fn parse(
    bytes: &[u8],
    roots: &[&str],
    on: impl FnMut(XmlEvent) -> Result<(), String>,
) -> Result<(), Problem> {
    let bytes = sized(bytes).map_err(Problem::Unreadable)?;
    // Names with these characters come from another encoding.
    let is_name = |root: &String| !root.contains(['\0', '\u{fffd}']);
    let found = root(&String::from_utf8_lossy(bytes)).filter(is_name);
    if let Some(root) = found.filter(|root| !roots.contains(&root.as_str())) {
        let root = cut(&root, 60);
        return Err(Problem::Foreign(format!("its root element is <{root}>, not <{}>", roots.join("> or <"))));
    }
    document(bytes, on).map_err(Problem::Unreadable)
}

/// The name of the root element, if the document is well-formed up to there.
fn root(text: &str) -> Option<String> {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().ok()? {
            Event::Start(e) | Event::Empty(e) => return name(&e).ok(),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
            Event::Text(t) if t.iter().all(u8::is_ascii_whitespace) => {}
            _ => return None,
        }
    }
}

fn document(bytes: &[u8], mut on: impl FnMut(XmlEvent) -> Result<(), String>) -> Result<(), String> {
    let mut reader = Reader::from_str(decode(bytes)?);
    let (mut depth, mut roots) = (0_usize, 0_usize);
    loop {
        let event = reader.read_event().map_err(|e| at(&reader, &format!("it is not well-formed XML ({e})")))?;
        match event {
            Event::Start(e) | Event::Empty(e) if depth == 0 && roots > 0 => {
                return Err(at(&reader, &format!("a second root element <{}>", name(&e)?)));
            }
            Event::Start(e) => {
                (depth, roots) = (depth + 1, 1);
                if depth > MAX_DEPTH {
                    return Err(at(&reader, &format!("elements are nested deeper than {MAX_DEPTH} levels")));
                }
                on(open(&e)?)?;
            }
            Event::Empty(e) => {
                roots = 1;
                on(open(&e)?)?;
                on(XmlEvent::Close)?;
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                on(XmlEvent::Close)?;
            }
            Event::Text(t) => piece(depth, t.xml10_content().map_err(|e| e.to_string())?, &mut on)?,
            Event::CData(t) => piece(depth, t.xml10_content().map_err(|e| e.to_string())?, &mut on)?,
            Event::GeneralRef(r) => piece(depth, reference(&r)?.into(), &mut on)?,
            Event::DocType(_) => return Err("it declares a document type, which is not allowed".into()),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof if depth > 0 => return Err("it is truncated: not all elements are closed".into()),
            Event::Eof if roots == 0 => return Err("it has no element".into()),
            Event::Eof => return Ok(()),
        }
    }
}

fn piece(depth: usize, text: Cow<'_, str>, on: &mut impl FnMut(XmlEvent) -> Result<(), String>) -> Result<(), String> {
    match depth {
        0 if text.trim().is_empty() => Ok(()),
        0 => Err("it has text outside the root element".into()),
        _ => on(XmlEvent::Text(text.into_owned())),
    }
}

fn reference(r: &quick_xml::events::BytesRef<'_>) -> Result<String, String> {
    if let Some(c) = r.resolve_char_ref().map_err(|e| format!("it has an invalid character reference ({e})"))? {
        return Ok(c.to_string());
    }
    let name = r.decode().map_err(|e| e.to_string())?;
    quick_xml::escape::resolve_xml_entity(&name)
        .map(str::to_owned)
        .ok_or_else(|| format!("it uses the undeclared entity &{name};"))
}

fn name(e: &BytesStart<'_>) -> Result<String, String> {
    std::str::from_utf8(e.local_name().as_ref()).map(str::to_owned).map_err(|e| e.to_string())
}

fn open(e: &BytesStart<'_>) -> Result<XmlEvent, String> {
    let name = name(e)?;
    let mut attributes = BTreeMap::new();
    for attribute in e.attributes().take(MAX_ATTRIBUTES + 1) {
        let attribute = attribute.map_err(|why| format!("<{name}> has an invalid attribute ({why})"))?;
        let key = String::from_utf8_lossy(attribute.key.local_name().as_ref()).into_owned();
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Explicit1_0)
            .map_err(|why| format!("<{name}> has an invalid value for {key} ({why})"))?;
        attributes.insert(key, value.into_owned());
    }
    if attributes.len() > MAX_ATTRIBUTES {
        return Err(format!("<{name}> has more than {MAX_ATTRIBUTES} attributes"));
    }
    Ok(XmlEvent::Open(name, attributes))
}

fn at(reader: &Reader<&[u8]>, what: &str) -> String {
    format!("{what}, at byte {}", reader.buffer_position())
}
