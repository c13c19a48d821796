//! Directives of a server's own configuration: which a description may set, and to what. Pure.

use super::diagnostic::DiagnosticSink;
use super::span::FieldPath;

/// Longest value, in bytes.
const LONGEST: usize = 500;

/// The directives of a kind of server.
pub struct Directives {
    /// Its name.
    pub server: &'static str,
    /// Characters of a directive beside digits and lower-case letters.
    pub marks: &'static [char],
    /// Those that dayfly sets itself, or that would reach beyond the server; `*` at the end stands for any rest.
    pub reserved: &'static [&'static str],
}

impl Directives {
    /// Checks one; `value` is none if it cannot be written as text.
    pub fn check(&self, at: &FieldPath, name: &str, value: Option<&str>, sink: &mut DiagnosticSink) {
        if let Some(message) = self.wrong(name) {
            sink.add_key(at, message, "remove it: dayfly sets what the server needs to run in an environment");
        } else if !value.is_some_and(is_line) {
            sink.add(at, format!("the value of `{name}` is not one line"), "write a text, a number, `yes` or `no`");
        }
    }

    /// Why one may not be set, if so.
    pub(super) fn wrong(&self, name: &str) -> Option<String> {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || self.marks.contains(&c);
        if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(legal) {
            return Some(format!("`{name}` is not a directive of {}", self.server));
        }
        let is =
            |reserved: &&str| reserved.strip_suffix('*').map_or(*reserved == name, |begin| name.starts_with(begin));
        self.reserved.iter().any(is).then(|| format!("the directive `{name}` cannot be set"))
    }
}

fn is_line(text: &str) -> bool {
    text.len() <= LONGEST && !text.chars().any(char::is_control)
}
