//! Names of repositories: a URL or OWNER/NAME. Pure.

/// The name of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Host with its port, if given.
    host: Option<String>,
    /// `owner/name`, lower case.
    path: String,
}

impl Repository {
    /// Parses `owner/name`, `https://host/owner/name`, `git@host:owner/name.git` and similar forms.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let (rest, has_scheme) = text.split_once("://").map_or((text.as_str(), false), |(_, rest)| (rest, true));
        let after_user = rest.split_once('@').filter(|(user, _)| !user.contains('/')).map(|(_, rest)| rest);
        let scp = after_user.filter(|_| !has_scheme).and_then(|r| r.split_once(':'));
        let rest = after_user.unwrap_or(rest);
        let (host, path) = match (scp, rest.split_once('/')) {
            (Some((host, path)), _) => (Some(host), path),
            (None, Some((host, path))) if has_scheme || (host.contains('.') && path.contains('/')) => {
                (Some(host), path)
            }
            _ => (None, rest),
        };
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let whole = path.contains('/') && path.split('/').all(|part| !part.is_empty());
        let clean = !path.contains(|c: char| c.is_whitespace() || c.is_control());
        let hosted = host.is_none_or(|h| !h.is_empty());
        (whole && clean && hosted).then(|| Self { host: host.map(str::to_owned), path: path.to_owned() })
    }

    /// Returns true if both name the same repository; a missing host matches any.
    pub fn is(&self, other: &Self) -> bool {
        let hosts = self.host.as_ref().zip(other.host.as_ref());
        self.path == other.path && hosts.is_none_or(|(a, b)| a == b)
    }

    /// Returns true if the name says on which host the repository is.
    pub fn has_host(&self) -> bool {
        self.host.is_some()
    }

    /// Returns true if this name, or this pattern that ends in `/*`, allows `other`. Unlike [`Repository::is`], a missing
    /// host matches no host: what is allowed to one forge's repository is not allowed to all of that name.
    pub fn allows(&self, other: &Self) -> bool {
        let below = |folder: &str| {
            let rest = other.path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
            let plain = |part: &str| {
                !matches!(part, "." | "..") && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
            };
            rest.is_some() && other.path.split('/').all(plain)
        };
        self.host == other.host && (self.path == other.path || self.path.strip_suffix("/*").is_some_and(below))
    }
}

/// The address of a repository without user and password, which must not reach evidence or logs.
pub fn without_credentials(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            format!("{scheme}://{host}{path}")
        }
        None => match address.split_once('@') {
            Some((user, rest)) if user.contains(':') && !user.contains('/') => rest.to_owned(),
            _ => address.to_owned(),
        },
    }
}

/// The one form of all names of a repository with the same host, for comparisons: `host/owner/name` in lower case. A text
/// that names no repository stands for itself.
pub fn repository_key(address: &str) -> String {
    let text = || without_credentials(address.trim()).to_ascii_lowercase();
    Repository::parse(address).map_or_else(text, |repository| repository.to_string())
}

impl std::fmt::Display for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.host {
            Some(host) => write!(f, "{host}/{}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        Repository::parse(a).unwrap().is(&Repository::parse(b).unwrap())
    }

    #[test]
    fn matches_all_names_of_one_repository() {
        let names = [
            "tsd/file-api",
            "https://git.test/TSD/file-api",
            "git@git.test:tsd/file-api.git",
            "git.test/tsd/file-api/",
        ];
        for a in names {
            for b in names {
                assert!(same(a, b), "{a} {b}");
            }
        }
        assert!(same("https://u:p@git.test:3000/a/b", "git.test:3000/a/b"));
    }

    #[test]
    fn a_pattern_allows_what_lies_below_it_on_the_same_host() {
        let allows =
            |pattern: &str, other: &str| Repository::parse(pattern).unwrap().allows(&Repository::parse(other).unwrap());
        assert!(allows("https://git.test/org/*", "https://git.test/org/shop"));
        assert!(allows("https://git.test/org/*", "git@git.test:Org/group/shop.git"));
        assert!(allows("https://git.test/org/shop", "https://git.test/org/shop.git"));
        for other in [
            "https://git.test/organ/shop",
            "https://git.test/org/../evil/shop",
            "https://other.test/org/shop",
            "org/shop",
            "https://git.test/org/%2e%2e/x",
        ] {
            assert!(!allows("https://git.test/org/*", other), "{other}");
        }
        assert!(!allows("https://git.test/org/shop", "https://git.test/org/shop2"));
    }

    #[test]
    fn a_different_host_port_owner_or_group_does_not_match() {
        for (a, b) in [
            ("https://git.test/a/b", "https://other.test/a/b"),
            ("https://git.test/a/b", "https://git.test:3000/a/b"),
            ("a/b", "a/c"),
            ("a/b", "https://git.test/group/a/b"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }

    #[test]
    fn names_of_one_repository_have_the_same_key() {
        for address in
            ["https://git.test/TSD/file-api", "https://u:p@git.test/tsd/file-api.git", "git@git.test:tsd/file-api"]
        {
            assert_eq!(repository_key(address), "git.test/tsd/file-api");
        }
        assert_eq!(repository_key("TSD/file-api"), "tsd/file-api");
        assert_eq!(repository_key(" https://u:p@Git.test "), "https://git.test");
    }

    #[test]
    fn removes_user_and_password_from_an_address() {
        for (address, clean) in [
            ("https://user:token@git.test/a/b", "https://git.test/a/b"),
            ("https://token@git.test:3000/a/b@c", "https://git.test:3000/a/b@c"),
            ("https://a@b@git.test", "https://git.test"),
            ("git@git.test:a/b.git", "git@git.test:a/b.git"),
            ("a/b", "a/b"),
        ] {
            assert_eq!(without_credentials(address), clean);
        }
    }

    #[test]
    fn refuses_names_without_owner_and_repository() {
        for text in ["", "a", "a//b", "https://git.test/a", "https://", "a b/c", "/a"] {
            assert_eq!(Repository::parse(text), None, "{text}");
        }
    }
}
