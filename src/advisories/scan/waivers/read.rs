//! The format of a file of waivers, by its name and content. Pure.

use std::path::Path;

use super::waiver::Waiver;
use super::{document, openvex, osv_scanner};
use crate::spec::diagnostic::Diagnostics;

/// Most waivers of a file.
const MAX_WAIVERS: usize = 10_000;

/// Why a file of waivers cannot be read.
#[derive(Debug)]
pub enum WaiverError {
    /// Errors of dayfly's own format.
    Diagnostics(Diagnostics),
    /// Anything else: one line.
    Other(String),
}

/// Reads the bytes of a file: `.toml` of osv-scanner, `.json` of OpenVEX, and otherwise dayfly's own format.
pub fn read(path: &Path, bytes: &[u8]) -> Result<Vec<Waiver>, WaiverError> {
    let shown = path.display().to_string();
    let other = |why: String| WaiverError::Other(format!("failed to read {shown}: {why}"));
    let waivers = match path.extension().and_then(|e| e.to_str()) {
        Some("toml") => {
            let text = std::str::from_utf8(bytes).map_err(|_| other("it is not UTF-8 text".into()))?;
            osv_scanner::parse(&shown, text).map_err(|(line, why)| {
                let line = line.map(|l| format!(":{l}")).unwrap_or_default();
                WaiverError::Other(format!("failed to read {shown}{line}: {why}"))
            })?
        }
        Some("json") => openvex::parse(&shown, bytes).map_err(other)?,
        _ => document::parse(path, bytes).map_err(WaiverError::Diagnostics)?,
    };
    match waivers.len() {
        n if n > MAX_WAIVERS => Err(other(format!("it has more than {MAX_WAIVERS} waivers"))),
        _ => Ok(waivers),
    }
}
