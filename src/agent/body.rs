//! Bodies of requests: text, JSON, a file, or the parts of a form (RFC 7578).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::model::hex;
use crate::spec::model::{Http, Part};

/// The body of a request, and its content type if the step does not decide about that.
pub(super) struct Body {
    pub bytes: Bytes,
    pub content_type: Option<String>,
}

/// The body of a step's request. An error means that dayfly did not send a file with the step.
pub(super) fn of(step: &Http) -> Result<Body, String> {
    let plain = |bytes: Bytes| Body { bytes, content_type: None };
    if let Some(json) = &step.json {
        return Ok(Body { bytes: json.to_string().into(), content_type: Some("application/json".into()) });
    }
    if let Some(path) = &step.file {
        return Ok(plain(content(&step.contents, path)?.into()));
    }
    if !step.multipart.is_empty() {
        return form(&step.multipart, &step.contents);
    }
    Ok(plain(step.body.clone().unwrap_or_default().into()))
}

fn content(contents: &BTreeMap<String, String>, path: &str) -> Result<Vec<u8>, String> {
    let coded = contents.get(path).ok_or_else(|| format!("the file `{path}` did not come with the step"))?;
    STANDARD.decode(coded).map_err(|e| format!("the file `{path}` did not arrive as it was sent: {e}"))
}

fn form(parts: &[Part], contents: &BTreeMap<String, String>) -> Result<Body, String> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|e| format!("no random bytes for the boundary of the parts: {e}"))?;
    let boundary = format!("dayfly-{}", hex(&random));
    let mut bytes = vec![];
    for part in parts {
        let file_name = part.file_name.as_deref().or_else(|| part.file.as_deref()?.rsplit('/').next());
        let file_name = file_name.map(|name| format!("; filename=\"{}\"", quoted(name))).unwrap_or_default();
        let standard = part.file.as_ref().map(|_| "application/octet-stream");
        let content_type = part.content_type.as_deref().or(standard).map(|t| format!("Content-Type: {t}\r\n"));
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"{file_name}\r\n{}\r\n",
            quoted(&part.name),
            content_type.unwrap_or_default()
        );
        bytes.extend(head.into_bytes());
        match &part.file {
            Some(path) => bytes.extend(content(contents, path)?),
            None => bytes.extend(part.text.clone().unwrap_or_default().into_bytes()),
        }
        bytes.extend(b"\r\n");
    }
    bytes.extend(format!("--{boundary}--\r\n").into_bytes());
    Ok(Body { bytes: bytes.into(), content_type: Some(format!("multipart/form-data; boundary={boundary}")) })
}

/// As browsers write names (RFC 7578, WHATWG).
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn body(step: serde_json::Value) -> Body {
        let mut whole =
            serde_json::json!({ "url": "http://web/", "contents": { "a/logo.png": STANDARD.encode(b"\x89\0\xff") } });
        whole.as_object_mut().unwrap().extend(step.as_object().unwrap().clone());
        of(&serde_json::from_value(whole).unwrap()).unwrap()
    }

    #[test]
    fn a_file_is_sent_byte_for_byte() {
        assert_eq!(body(serde_json::json!({ "file": "a/logo.png" })).bytes.as_ref(), b"\x89\0\xff");
        let missing = serde_json::from_value(serde_json::json!({ "url": "http://web/", "file": "b" })).unwrap();
        assert!(of(&missing).is_err_and(|why| why.contains("`b` did not come")));
    }

    #[test]
    fn parts_have_names_types_and_a_boundary_that_none_contains() {
        let step = serde_json::json!({ "multipart": [
            { "name": "ti\"tle\r\nX: y", "text": "a tree" },
            { "name": "picture", "file": "a/logo.png", "contentType": "image/png" },
            { "name": "raw", "file": "a/logo.png", "fileName": "b.bin" },
        ] });
        let Body { bytes, content_type } = body(step);
        let content_type = content_type.unwrap();
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").unwrap();
        let text = String::from_utf8_lossy(&bytes).replace(boundary, "B");
        assert_eq!(
            text,
            "--B\r\nContent-Disposition: form-data; name=\"ti%22tle%0D%0AX: y\"\r\n\r\na tree\r\n\
             --B\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"logo.png\"\r\nContent-Type: image/png\r\n\r\n\u{fffd}\0\u{fffd}\r\n\
             --B\r\nContent-Disposition: form-data; name=\"raw\"; filename=\"b.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n\u{fffd}\0\u{fffd}\r\n--B--\r\n"
        );
    }
}
