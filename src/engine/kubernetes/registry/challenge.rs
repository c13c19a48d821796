//! Reads how a registry wants to be asked (`WWW-Authenticate`), and writes the request for a token.
//!
//! Pure: no requests. The crate `http-auth` stops at the first syntax error, such as a URL without quotes or a token of
//! `Negotiate`; this parser reads what follows.

/// The authentication that a registry demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// With user and password.
    Basic,
    /// With a token that another server grants.
    Bearer {
        /// URL of that server.
        realm: String,
        /// Purpose of the token, in that server's words.
        service: Option<String>,
    },
}

impl Challenge {
    /// Reads the values of all `WWW-Authenticate` headers; a token goes before a password. None when neither is asked.
    pub fn parse<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let schemes: Vec<Scheme> = values.into_iter().flat_map(schemes).collect();
        let bearer = schemes
            .iter()
            .filter(|s| s.name == "bearer")
            .find_map(|s| Some(Self::Bearer { realm: s.value("realm")?, service: s.value("service") }));
        bearer.or_else(|| schemes.iter().any(|s| s.name == "basic").then_some(Self::Basic))
    }
}

/// The URL that grants a token for reading a repository.
pub fn token_url(realm: &str, service: Option<&str>, repository: &str) -> String {
    let joint = if realm.contains('?') { '&' } else { '?' };
    let service = service.map(|s| format!("service={}&", encoded(s))).unwrap_or_default();
    format!("{realm}{joint}{service}scope={}", encoded(&format!("repository:{repository}:pull")))
}

struct Scheme {
    name: String,
    values: Vec<(String, String)>,
}

impl Scheme {
    fn value(&self, name: &str) -> Option<String> {
        self.values.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.clone())
    }
}

/// A word before `=` belongs to the scheme before it; any other word begins a scheme.
fn schemes(text: &str) -> Vec<Scheme> {
    let mut found: Vec<Scheme> = vec![];
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',', '=']);
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        if end == 0 {
            return found;
        }
        let name = rest[..end].to_ascii_lowercase();
        rest = rest[end..].trim_start();
        match rest.strip_prefix('=') {
            Some(after) => {
                let (value, left) = value(after.trim_start());
                rest = left;
                found.last_mut().into_iter().for_each(|s| s.values.push((name.clone(), value.clone())));
            }
            None => found.push(Scheme { name, values: vec![] }),
        }
    }
}

/// A value, quoted or not, and what follows it.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(letters.next().map(|(_, escaped)| escaped)),
            _ => value.push(letter),
        }
    }
    (value, "")
}

fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn bearer(realm: &str, service: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer { realm: realm.into(), service: service.map(str::to_owned) })
    }

    #[test]
    fn docker_hubs_challenge_is_read() {
        let text =
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a:pull""#;
        assert_eq!(Challenge::parse([text]), bearer("https://auth.docker.io/token", Some("registry.docker.io")));
    }

    #[test]
    fn case_spaces_escapes_and_missing_quotes_do_not_matter() {
        assert_eq!(
            Challenge::parse([r#"bearer  Realm = "https://a.test/\"t", service=x"#]),
            bearer("https://a.test/\"t", Some("x"))
        );
        assert_eq!(Challenge::parse(["BEARER realm=https://a.test/t?a=b"]), bearer("https://a.test/t?a=b", None));
        assert_eq!(Challenge::parse([r#"Basic realm="Registry, or so""#]), Some(Challenge::Basic));
    }

    #[test]
    fn a_token_goes_before_a_password() {
        let expected = bearer("https://a.test/t", None);
        assert_eq!(Challenge::parse([r#"Basic realm="x", Bearer realm="https://a.test/t""#]), expected);
        assert_eq!(Challenge::parse(["Basic realm=x", "Bearer realm=https://a.test/t"]), expected);
    }

    #[test]
    fn what_is_not_understood_is_no_challenge() {
        for text in
            ["", ",", "=", "Negotiate YII=", "Bearer", r#"Bearer realm="""#, "realm=x", "Bearer service=x", "\""]
        {
            assert_eq!(Challenge::parse([text]), None, "{text}");
        }
        assert_eq!(Challenge::parse([r#"Bearer realm="https://a.test"#]), bearer("https://a.test", None));
    }

    #[test]
    fn a_token_is_asked_for_reading_one_repository() {
        let asked = token_url("https://a.test/t", Some("my registry"), "a/b");
        assert_eq!(asked, "https://a.test/t?service=my%20registry&scope=repository%3Aa%2Fb%3Apull");
        assert_eq!(token_url("https://a.test/t?x=1", None, "a"), "https://a.test/t?x=1&scope=repository%3Aa%3Apull");
    }
}
