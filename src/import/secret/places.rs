//! Places of secrets in a text: an address, a command line, a connection string. Pure.
//!
//! Each search goes through the text once, whatever it holds.

use std::ops::Range;

use super::name::{is_name, is_value};

/// Beginnings of what is a token wherever it stands, and the fewest bytes that follow.
const TOKENS: [(&str, usize); 12] = [
    ("ghp_", 16),
    ("gho_", 16),
    ("ghs_", 16),
    ("github_pat_", 16),
    ("glpat-", 16),
    ("xoxb-", 16),
    ("xoxp-", 16),
    ("sk_live_", 16),
    ("rk_live_", 16),
    ("hooks.slack.com/services/", 16),
    ("Bearer ", 8),
    ("Basic ", 8),
];
/// Longest name before a value.
const MAX_NAME: usize = 80;

/// The places of what looks like secrets in a text, in their order, none inside another.
pub fn secrets_in(text: &str) -> Vec<Range<usize>> {
    if text.contains("PRIVATE KEY-----") {
        return std::iter::once(0..text.len()).collect();
    }
    let mut found = passwords(text);
    found.extend(assigned(text));
    found.extend(options(text));
    found.extend(tokens(text));
    found.sort_by_key(|at| (at.start, std::cmp::Reverse(at.end)));
    joined(found)
}

/// Places in their order, with those that overlap as one.
pub fn joined(sorted: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = vec![];
    for at in sorted.into_iter().filter(|at| !at.is_empty()) {
        match out.last_mut() {
            Some(last) if at.start < last.end => last.end = last.end.max(at.end),
            _ => out.push(at),
        }
    }
    out
}

/// The passwords of addresses: `scheme://user:password@host`.
fn passwords(text: &str) -> Vec<Range<usize>> {
    let mut found = vec![];
    // The next blank, and the last `@` before it: they stay until the search has passed them.
    let (mut blank, mut last_at) = (0, None);
    let mut from = 0;
    while let Some(next) = text[from..].find("://") {
        let start = from + next + 3;
        from = start;
        if start >= blank {
            blank = text[start..].find([' ', ',', '\n']).map_or(text.len(), |end| start + end);
            last_at = text[start..blank].rfind('@').map(|at| start + at);
        }
        let authority = text[start..blank].find(['/', '?', '#']).map_or(blank, |end| start + end);
        // A password may hold the characters that end an authority: then the last `@` before the next blank counts, unless
        // a port comes before.
        let has_port =
            text[start..authority].rsplit_once(':').is_some_and(|(_, p)| p.bytes().all(|b| b.is_ascii_digit()));
        let beyond = || if has_port { None } else { last_at.filter(|at| *at >= start) };
        let end = text[start..authority].rfind('@').map(|at| start + at).or_else(beyond);
        if let Some((colon, at)) = end.and_then(|at| Some((start + text[start..at].find(':')? + 1, at)))
            && colon < at
        {
            found.push(colon..at);
            from = at;
        }
    }
    found
}

/// Values that are assigned to names of secrets: `name=value`, `name = value`, `"name": "value"`, and `name: value` at the beginning of a line.
fn assigned(text: &str) -> Vec<Range<usize>> {
    let mut found = vec![];
    let (mut double, mut single) = (Ends::new(&['"']), Ends::new(&['\'']));
    let mut bare = Ends::new(&[' ', '\t', '\n', '\r', ';', '&', ',', '"', '\'']);
    for (at, sign) in text.char_indices().filter(|(_, c)| matches!(c, '=' | ':')) {
        let before = text[..at].trim_end_matches(' ');
        let is_spaced = before.len() < at;
        let is_quoted = before.ends_with(['"', '\'']);
        let name_end = before.len() - usize::from(is_quoted);
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let length =
            before[..name_end].bytes().rev().take(MAX_NAME + 1).take_while(|b| is_part(char::from(*b))).count();
        if length == 0 || length > MAX_NAME {
            continue;
        }
        let name = &before[name_end - length..name_end];
        let begins_line =
            || before[..name_end - length].chars().rev().find(|c| !matches!(c, ' ' | '\t')).is_none_or(|c| c == '\n');
        let after = &text[at + 1..];
        if sign == ':' && !is_quoted && !(after.starts_with(' ') && is_name(name) && begins_line()) {
            continue;
        }
        if !is_name(name) {
            continue;
        }
        let value = if is_spaced || sign == ':' { after.trim_start_matches([' ', '\t']) } else { after };
        let start = text.len() - value.len();
        let (start, end) = match value.chars().next() {
            Some('"') => (start + 1, double.after(text, start + 1)),
            Some('\'') => (start + 1, single.after(text, start + 1)),
            _ => (start, bare.after(text, start)),
        };
        if is_value(&text[start..end]) {
            found.push(start..end);
        }
    }
    found
}

/// The next of some characters in a text, asked for at places that only grow: each part is searched once.
struct Ends {
    signs: &'static [char],
    found: usize,
    is_begun: bool,
}

impl Ends {
    fn new(signs: &'static [char]) -> Self {
        Self { signs, found: 0, is_begun: false }
    }

    /// The place of the next, or the end of the text.
    fn after(&mut self, text: &str, start: usize) -> usize {
        if !self.is_begun || start > self.found {
            self.is_begun = true;
            self.found = text[start..].find(self.signs).map_or(text.len(), |end| start + end);
        }
        self.found
    }
}

/// Values of options in a command line: `--password value`.
fn options(text: &str) -> Vec<Range<usize>> {
    let mut found = vec![];
    let mut option = false;
    let mut from = 0;
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        if !word.is_empty() {
            let value = word.trim_matches(['"', '\'']);
            if option && !word.starts_with('-') && is_value(value) {
                let start = from + word.find(value).unwrap_or(0);
                found.push(start..start + value.len());
            }
            option = word.starts_with('-') && word.len() <= MAX_NAME && !word.contains('=') && is_name(word);
        }
        from += piece.len();
    }
    found
}

/// What has the form of a token.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let mut found = vec![];
    for (beginning, fewest) in TOKENS {
        let mut end = 0;
        for (at, _) in text.match_indices(beginning) {
            let begins = at >= end && text[..at].chars().next_back().is_none_or(|c| !c.is_ascii_alphanumeric());
            if !begins {
                continue;
            }
            let start = at + beginning.len();
            let is_part =
                |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'/' | b'+' | b'=' | b'~');
            let length = text[start..].bytes().take_while(|b| is_part(b)).count();
            end = start + length;
            if length >= fewest {
                found.push(start..end);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_secret_of_a_text() {
        for (text, expected) in [
            ("postgres://app:s3/cret@db:5432/app", "s3/cret"),
            ("redis://:pw@cache/0", "pw"),
            ("http://a:80/,amqp://u:p@mq", "p"),
            ("amqp://u:one@a,amqp://u:two@b", "one|two"),
            ("http://web:8080/a@b", ""),
            ("http://web:8080/", ""),
            ("Server=db;User Id=sa;Password=Hunter2!;Encrypt=true", "Hunter2!"),
            ("host=db password='hunter2 x' dbname=a", "hunter2 x"),
            ("http://db/?user=a&token=hunter2&x=1", "hunter2"),
            ("{\"user\": \"a\", \"password\": \"hunter2\"}", "hunter2"),
            ("PGPASSWORD=hunter2 psql -h db", "hunter2"),
            ("exec redis-server --requirepass hunter2 --port 1", "hunter2"),
            ("redis-server --requirepass $REDIS_PASSWORD", ""),
            ("curl -H 'Authorization: Bearer abcdefgh12345678' x", "abcdefgh12345678"),
            ("use ghp_0123456789abcdef0123 here", "0123456789abcdef0123"),
            ("registry/token:1.2 scope=token:read", ""),
            ("password=true token= secret=/run/secrets/x", ""),
        ] {
            let found: Vec<&str> = secrets_in(text).into_iter().map(|at| &text[at]).collect();
            assert_eq!(found.join("|"), expected, "{text}");
        }
        assert_eq!(secrets_in("-----BEGIN PRIVATE KEY-----\nMII").len(), 1);
    }

    #[test]
    fn takes_time_by_the_length_of_the_text_alone() {
        let begun = std::time::Instant::now();
        for piece in [
            "://",
            "=a",
            ":a",
            "a=",
            "://a:",
            "://@",
            "x:// @",
            "--token ",
            "Bearer ",
            "password=",
            "password=${",
            "\"password\": '",
            "ghp_",
        ] {
            secrets_in(&piece.repeat((1 << 18) / piece.len()));
        }
        assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    }
}
