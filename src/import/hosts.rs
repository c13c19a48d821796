//! Host names of units in foreign texts: in addresses, and in values whose key says that they name a host. Pure.

use std::ops::Range;

use super::names::Names;

/// Parts of a key that say that its value names a host.
const HOST_KEYS: [&str; 17] = [
    "host", "server", "addr", "url", "uri", "endpoint", "dsn", "broker", "upstream", "backend", "nodes", "peers",
    "proxy", "conn", "service", "cluster", "redis",
];
/// Most bytes that are searched in one text.
const MAX_SEARCHED: usize = 256 << 10;

/// A name of a unit in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mention {
    /// Bytes of the host name.
    pub(super) at: Range<usize>,
    /// The unit.
    pub(super) unit: String,
    /// The port that follows it.
    pub(super) port: Option<u16>,
}

/// Finds the units that a value names. `key` is the name of the variable or option, if there is one.
pub(super) fn mentions(value: &str, key: Option<&str>, names: &Names) -> Vec<Mention> {
    let key_says = key.is_some_and(|key| {
        let key = key.to_ascii_lowercase();
        HOST_KEYS.iter().any(|word| key.contains(word))
    });
    let mut found = vec![];
    for at in tokens(value) {
        let token = &value[at.clone()];
        let Some((unit, host_end, is_qualified)) = unit_of(token, names) else { continue };
        let before = value[..at.start].chars().next_back();
        let after = &value[at.end..];
        let has_port = after.strip_prefix(':').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let in_address = value[..at.start].ends_with("//") || before == Some('@');
        let is_path = before == Some('/') && !in_address || before == Some('.') || after.starts_with('(');
        let alone = !matches!(before, Some(c) if !is_separator(c))
            && !after.starts_with(|c: char| !is_separator(c) && c != ':');
        if !is_path && (in_address || has_port || is_qualified || (key_says && alone && !after.starts_with("://"))) {
            let digits = after.strip_prefix(':').unwrap_or_default();
            let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
            let port = digits.parse().ok().filter(|port| *port > 0);
            found.push(Mention { at: at.start..at.start + host_end, unit, port });
        }
    }
    found
}

/// Finds the units that a text of lines names: configuration, a script.
pub(super) fn mentions_in_lines(text: &str, names: &Names) -> Vec<String> {
    let mut units: Vec<String> = vec![];
    let end = (0..=MAX_SEARCHED.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    for line in text[..end].lines() {
        let pair = line.split_once(['=', ':']).map(|(key, value)| (key, value.trim().trim_matches(['"', '\''])));
        let mut found = mentions(line, None, names);
        if let Some((key, value)) = pair.filter(|(key, _)| key.len() <= 80) {
            found.extend(mentions(value, Some(key), names));
        }
        units.extend(found.into_iter().map(|m| m.unit));
    }
    units.sort();
    units.dedup();
    units
}

/// The value with the names of its units as the draft has them.
pub(super) fn renamed(value: &str, mentions: &[Mention]) -> String {
    let (mut out, mut from) = (String::new(), 0);
    for mention in mentions {
        out.push_str(&value[from..mention.at.start]);
        out.push_str(&mention.unit);
        from = mention.at.end;
    }
    out + &value[from..]
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, ',' | ';' | '"' | '\'' | '=' | '[' | ']' | '|')
}

fn tokens(value: &str) -> Vec<Range<usize>> {
    let (mut found, mut start) = (vec![], None);
    for (i, c) in value.char_indices().take_while(|(i, _)| *i < MAX_SEARCHED) {
        let is_part = c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        match (start, is_part) {
            (None, true) => start = Some(i),
            (Some(s), false) => {
                found.push(s..i);
                start = None;
            }
            _ => {}
        }
    }
    if let Some(s) = start
        && value.len() < MAX_SEARCHED
    {
        found.push(s..value.len());
    }
    found
}

/// The unit of a host name, the length of what stands for it, and whether the name is that of a Service in a cluster.
fn unit_of(token: &str, names: &Names) -> Option<(String, usize, bool)> {
    if let Some(unit) = names.unit(token) {
        return Some((unit.to_owned(), token.len(), false));
    }
    let (first, rest) = token.split_once('.')?;
    // The pod of a StatefulSet: `db-0.db.namespace.svc`.
    let pod = || {
        let of = rest.split('.').next()?;
        let (base, number) = first.rsplit_once('-')?;
        (names.unit(base).is_some() && number.bytes().all(|b| b.is_ascii_digit())).then(|| names.unit(of)).flatten()
    };
    let in_cluster = rest.ends_with(".svc.cluster.local") || rest.ends_with(".svc") || rest.ends_with(".svc.cluster");
    let unit = names.unit(first).filter(|_| in_cluster).or_else(pod)?;
    Some((unit.to_owned(), token.len(), true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(value: &str, key: Option<&str>) -> String {
        let mut names = Names::default();
        for name in ["db", "web", "my_cache"] {
            names.add(name);
        }
        let mentions = mentions(value, key, &names);
        assert!(mentions.iter().all(|m| value.get(m.at.clone()).is_some()));
        renamed(value, &mentions)
    }

    #[test]
    fn finds_names_in_addresses_and_in_values_of_host_keys_only() {
        for (value, key, expected) in [
            ("postgres://app@db:5432/web", None, "postgres://app@db:5432/web"),
            ("redis://my_cache:6379/0", None, "redis://my-cache:6379/0"),
            ("my_cache", Some("CACHE_HOST"), "my-cache"),
            ("my_cache", Some("CACHE_NAME"), "my_cache"),
            ("my_cache:6379,my_cache:6380", Some("x"), "my-cache:6379,my-cache:6380"),
            ("http://my_cache.shop.svc.cluster.local/", None, "http://my-cache/"),
            ("/srv/my_cache/my_cache.yaml", Some("URL"), "/srv/my_cache/my_cache.yaml"),
            ("my_cache://x", Some("URL"), "my_cache://x"),
        ] {
            assert_eq!(found(value, key), expected, "{value}");
        }
    }

    #[test]
    fn finds_names_in_configuration() {
        let mut names = Names::default();
        names.add("db");
        names.add("web");
        assert_eq!(mentions_in_lines("upstream x {\n  server web:80;\n}\nhost = db\n", &names), ["db", "web"]);
        assert!(mentions_in_lines("location /web {\n  name db\n}\n", &names).is_empty());
    }
}
