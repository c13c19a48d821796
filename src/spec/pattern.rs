//! Permission patterns of the broker: regular expressions, found anywhere in a name unless anchored. Pure.

use regex::bytes::{Regex, RegexBuilder};

/// Compiled patterns may take this many bytes; more would let a description take seconds to check.
const MAX_COMPILED: usize = 128 << 10;

/// Compiles a pattern, over bytes as RabbitMQ does (`\w` is ASCII); the error says in a few words what is wrong with it.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    let compiled = RegexBuilder::new(pattern).unicode(false).size_limit(MAX_COMPILED).build();
    compiled.map_err(|e| e.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned())
}

/// Returns true if a pattern grants a name; RabbitMQ takes the empty pattern to match nothing.
pub fn grants(pattern: &str, name: &str) -> bool {
    !pattern.is_empty() && compile(pattern).is_ok_and(|r| r.is_match(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_patterns_grant_nothing_and_unanchored_ones_match_anywhere() {
        assert!(!grants("", "q.orders"));
        assert!(grants("orders", "q.orders"));
        assert!(!grants("^orders", "q.orders"));
        assert!(compile("(").is_err_and(|why| why.contains("unclosed group")));
        assert!(compile("(\\w{900}){900}").is_err());
        assert!(grants("^\\w+\\.\\w+\\.\\w*$", "k.v1.x"));
    }
}
