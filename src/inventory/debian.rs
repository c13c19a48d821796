//! dpkg's database, and the packages of images without dpkg. Pure.

use super::program;
use super::role::{Role, is_npm_folder};
use super::walk::clean;
use crate::packages::SourcePackage;

/// Most packages of one file.
const MAX_PACKAGES: usize = 100_000;

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Control {
    pub name: String,
    pub version: String,
    /// The source package, where it differs in name or version.
    pub source: Option<SourcePackage>,
}

impl Control {
    pub(super) fn weight(&self) -> usize {
        let source = self.source.as_ref().map_or(0, |s| s.name.len() + s.version.len());
        96 + self.name.len() + self.version.len() + source
    }
}

/// Fields of one paragraph.
#[derive(Default)]
struct Paragraph<'a> {
    package: Option<&'a str>,
    version: Option<&'a str>,
    source: Option<&'a str>,
    status: Option<&'a str>,
}

/// Parses paragraphs: packages, and what cannot be read of them. With `has_status`, the third word of each `Status` says whether the package is installed.
pub(super) fn parse(bytes: &[u8], has_status: bool) -> Result<(Vec<Control>, Vec<String>), String> {
    let text = String::from_utf8_lossy(bytes);
    let (mut all, mut gaps) = (vec![], vec![]);
    let mut paragraph = Paragraph::default();
    for line in text.lines().chain([""]) {
        if line.trim().is_empty() {
            let ended = std::mem::take(&mut paragraph);
            match installed(&ended, has_status) {
                Ok(found) => all.extend(found),
                Err(why) => gaps.push(why),
            }
            if all.len() + gaps.len() > MAX_PACKAGES {
                return Err(format!("it has more than {MAX_PACKAGES} packages"));
            }
            continue;
        }
        // Lines of a longer field begin with white space.
        if line.starts_with([' ', '\t']) {
            continue;
        }
        let Some((field, value)) = line.split_once(':') else {
            return Err("it is not a database of dpkg's: a line has no field".into());
        };
        let slot = match field.to_ascii_lowercase().as_str() {
            "package" => &mut paragraph.package,
            "version" => &mut paragraph.version,
            "source" => &mut paragraph.source,
            "status" => &mut paragraph.status,
            _ => continue,
        };
        if slot.replace(value.trim()).is_some() {
            return Err(format!("a package has the field {} twice", field.to_ascii_lowercase()));
        }
    }
    Ok((all, gaps))
}

fn installed(found: &Paragraph<'_>, has_status: bool) -> Result<Option<Control>, String> {
    let Some(name) = found.package else {
        let is_empty = found.version.is_none() && found.source.is_none() && found.status.is_none();
        return if is_empty { Ok(None) } else { Err("a package has no name".into()) };
    };
    let begins = |text: &str| text.chars().take(60).collect::<String>();
    if has_status {
        match found.status.and_then(|s| s.split_whitespace().nth(2)) {
            Some("installed") => {}
            Some("not-installed" | "config-files") => return Ok(None),
            // Its files are there, in part or as a whole.
            Some(other) => return Err(format!("{:?} is in the state {:?}", begins(name), begins(other))),
            None => return Err(format!("{:?} has no status", begins(name))),
        }
    }
    let version = found.version.ok_or_else(|| format!("{:?} has no version", begins(name)))?;
    let source = found.source.map(|source| match source.split_once('(') {
        Some((name, version)) => {
            SourcePackage { name: name.trim().to_owned(), version: version.trim_end_matches(')').trim().to_owned() }
        }
        None => SourcePackage { name: source.to_owned(), version: version.to_owned() },
    });
    Ok(Some(Control { name: name.to_owned(), version: version.to_owned(), source }))
}

/// The files of a package, of those that have a role or may be programs. Lists have a path in each line, checksums a path after two spaces.
pub(super) fn files(list: &str, bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let has_sums = list.ends_with(".md5sums");
    let paths = text.lines().filter_map(|l| if has_sums { l.split_once("  ").map(|(_, path)| path) } else { Some(l) });
    paths.filter_map(|p| owned(p.as_bytes())).collect()
}

/// The path of a package's file, if it has a role or may be a program.
pub(super) fn owned(path: &[u8]) -> Option<String> {
    let has_role = |p: &str| matches!(Role::of(p), Some(Role::Python | Role::Npm | Role::Unread(_)));
    clean(path).ok().filter(|p| has_role(p) || is_npm_folder(p) || program::may_be(p))
}

/// The package of a list of files: `libc6:amd64.list` is of `libc6`.
pub(super) fn owner(list: &str) -> &str {
    let name = list.rsplit('/').next().unwrap_or(list);
    let name = name.strip_suffix(".list").or(name.strip_suffix(".md5sums")).unwrap_or(name);
    name.split(':').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shown(text: &str, has_status: bool) -> (Vec<String>, Vec<String>) {
        let (all, gaps) = parse(text.as_bytes(), has_status).unwrap();
        let one = |c: &Control| {
            let source = c.source.as_ref().map(|s| format!(" of {} {}", s.name, s.version)).unwrap_or_default();
            format!("{} {}{source}", c.name, c.version)
        };
        (all.iter().map(one).collect(), gaps)
    }

    #[test]
    fn the_third_word_of_the_status_counts() {
        let of = |status: &str| shown(&format!("Package: a\nStatus: {status}\nVersion: 1\n"), true);
        assert_eq!(of("install ok installed").0, ["a 1"]);
        assert_eq!(of("hold ok installed").0, ["a 1"]);
        assert_eq!(of("deinstall ok config-files"), (vec![], vec![]));
        assert_eq!(of("install ok half-configured").1, ["\"a\" is in the state \"half-configured\""]);
        assert_eq!(of("installed").1, ["\"a\" has no status"]);
        assert_eq!(shown("Package: a\nVersion: 1\n", true).1, ["\"a\" has no status"]);
        assert_eq!(shown("Package: a\nVersion: 1\n", false).0, ["a 1"]);
    }

    #[test]
    fn the_source_has_the_version_that_advisories_name() {
        let text = "Package: libssl3\nSource: openssl (3.0.11-1)\nVersion: 3.0.11-1+b1\nDescription: x\n Version: 9\n\n\
            Package: b\nSource: c\nVersion: 2\n\n\nPackage: d\n";
        let (all, gaps) = shown(text, false);
        assert_eq!(all, ["libssl3 3.0.11-1+b1 of openssl 3.0.11-1", "b 2 of c 2"]);
        assert_eq!(gaps, ["\"d\" has no version"]);
    }

    #[test]
    fn what_is_no_database_is_an_error() {
        assert!(parse(b"Package: a\nVersion: 1\n<html>\n", false).is_err());
        assert!(parse(b"Package: a\nVersion: 1\nVersion: 2\n", false).is_err());
    }

    #[test]
    fn lists_name_owners() {
        assert_eq!(owner("var/lib/dpkg/info/libc6:amd64.list"), "libc6");
        assert_eq!(owner("var/lib/dpkg/status.d/python3.md5sums"), "python3");
        let sums = b"d41d8cd9  usr/lib/python3/x.egg-info\nd41d8cd9  usr/share/doc/x\nd41d8cd9  usr/bin/x\n";
        assert_eq!(files("a.md5sums", sums), ["usr/lib/python3/x.egg-info", "usr/bin/x"]);
        let list = b"/.\n/usr/share/x\n/usr/share/x.egg-info\n/bin/x\n";
        assert_eq!(files("a.list", list), ["", "usr/share/x.egg-info", "bin/x"]);
    }
}
