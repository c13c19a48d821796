//! Lines of a text, and TOML that knows them. Pure.

use serde::de::DeserializeOwned;

use super::error::Fault;

/// The offsets at which lines begin.
pub(super) struct LineIndex(Vec<usize>);

impl LineIndex {
    pub(super) fn new(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// The line, from 1, of an offset.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.0.partition_point(|begin| *begin <= offset)
    }
}

/// Parses TOML.
pub(super) fn toml<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    toml::from_str(text).map_err(|e| Fault {
        line: e.span().map(|span| LineIndex::new(text).line(span.start)),
        why: format!("this is not such a lock file: {}", e.message().chars().take(200).collect::<String>()),
    })
}

/// Parses JSON.
pub(super) fn json<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|e| Fault {
        line: Some(e.line()),
        why: format!("this is not such a lock file: {}", e.to_string().chars().take(200).collect::<String>()),
    })
}
