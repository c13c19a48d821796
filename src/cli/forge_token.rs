//! The token of a forge, and its usual address.

use std::path::Path;

use super::error::usage_error;
use super::process_env;
use crate::file::read_regular;

/// The API of GitHub.
pub const GITHUB: &str = "https://api.github.com";
/// Holds the forge's token.
const TOKEN: &str = "DAYFLY_FORGE_TOKEN";
/// Longest file in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// The first line of a file, or the variable `DAYFLY_FORGE_TOKEN`; none if there is neither.
pub fn forge_token(file: Option<&Path>) -> anyhow::Result<Option<String>> {
    let Some(file) = file else {
        return Ok(process_env::variables().remove(TOKEN).filter(|token| !token.is_empty()));
    };
    let refuse = |why: &str| usage_error(&format!("--token-file {}: {why}", file.display()));
    let bytes = read_regular(file, MAX_BYTES).map_err(|e| refuse(&e.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| refuse("it is not text"))?;
    let line = text.lines().next().map(str::trim).filter(|line| !line.is_empty());
    Ok(Some(line.ok_or_else(|| refuse("its first line is empty"))?.to_owned()))
}
