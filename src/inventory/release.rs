//! `os-release`: the distribution, and its ecosystem in advisories. Pure.

use crate::packages::Ecosystem;

/// The distribution of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Release {
    pub id: String,
    version: String,
    /// Name and release for people.
    pretty: String,
}

/// By which names advisories of an ecosystem know its packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// Those of source packages.
    Source,
    /// Those of packages, and of source packages.
    Both,
}

impl Release {
    /// Parses the file; what it lacks is empty.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut release = Self::default();
        for line in text.lines() {
            let Some((key, value)) = line.trim().split_once('=') else { continue };
            let value = value.trim().trim_matches(['"', '\'']).chars().take(60).collect::<String>();
            match key {
                "ID" => release.id = value,
                "VERSION_ID" => release.version = value,
                "PRETTY_NAME" => release.pretty = value,
                _ => {}
            }
        }
        release
    }

    /// The ecosystem of rpm's packages, as OSV names it. Red Hat's have a stream beside the release, which matching fills in.
    pub(super) fn of_rpm(&self) -> Result<(Ecosystem, Names), String> {
        let Self { id, version, pretty } = self;
        let major = version.split('.').next().filter(|m| !m.is_empty());
        let major = || major.ok_or_else(|| format!("the release of the distribution {id:?} is not known"));
        let (name, names) = match id.as_str() {
            "rocky" => (format!("Rocky Linux:{}", major()?), Names::Source),
            "almalinux" => (format!("AlmaLinux:{}", major()?), Names::Both),
            "rhel" => (format!("Red Hat:enterprise_linux:{}", major()?), Names::Both),
            "mageia" => (format!("Mageia:{}", major()?), Names::Source),
            "opensuse-leap" | "opensuse-tumbleweed" => {
                let marketed =
                    pretty.strip_prefix("openSUSE ").ok_or("os-release does not name the release of openSUSE")?;
                (format!("openSUSE:{marketed}"), Names::Source)
            }
            // Its advisories are sorted by modules, and no package says from which one it is.
            _ => return Err(format!("no advisories are known for the distribution {id:?}")),
        };
        Ok((name.parse()?, names))
    }

    /// The ecosystem of dpkg's packages, as OSV names it.
    pub(super) fn of_dpkg(&self) -> Result<Ecosystem, String> {
        let Self { id, version, .. } = self;
        if version.is_empty() {
            return Err(format!("the release of the distribution {id:?} is not known"));
        }
        match id.as_str() {
            // Advisories name only the major release.
            "debian" => Ecosystem::debian(version.split('.').next().unwrap_or(version)),
            "ubuntu" => {
                let is_long = matches!(version.split_once('.'), Some((year, "04"))
                    if year.parse::<u32>().is_ok_and(|y| y % 2 == 0));
                format!("Ubuntu:{version}{}", if is_long { ":LTS" } else { "" }).parse()
            }
            _ => Err(format!("no advisories are known for the distribution {id:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_of_rpm_have_the_names_of_osv() {
        let of = |text: &str| Release::parse(text.as_bytes()).of_rpm().map(|(e, names)| (e.to_string(), names));
        for (text, name, names) in [
            ("ID=\"rocky\"\nVERSION_ID=\"9.3\"", "Rocky Linux:9", Names::Source),
            ("ID=almalinux\nVERSION_ID=8.10", "AlmaLinux:8", Names::Both),
            ("ID=rhel\nVERSION_ID=9.4", "Red Hat:enterprise_linux:9", Names::Both),
            ("ID=opensuse-leap\nPRETTY_NAME=\"openSUSE Leap 15.6\"", "openSUSE:Leap 15.6", Names::Source),
        ] {
            assert_eq!(of(text), Ok((name.into(), names)));
        }
        for unknown in ["ID=rocky", "ID=fedora\nVERSION_ID=41", "ID=sles\nVERSION_ID=15.6", "ID=opensuse-leap", ""] {
            assert!(of(unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn releases_have_the_names_of_osv() {
        let of = |text: &str| Release::parse(text.as_bytes()).of_dpkg().map(|e| e.to_string());
        assert_eq!(of("NAME=\"x\"\nID=debian\nVERSION_ID=\"12\"\n"), Ok("Debian:12".into()));
        assert_eq!(of("ID=\"ubuntu\"\nVERSION_ID='22.04'"), Ok("Ubuntu:22.04:LTS".into()));
        assert_eq!(of("ID=ubuntu\nVERSION_ID=23.04"), Ok("Ubuntu:23.04".into()));
        assert_eq!(of("ID=ubuntu\nVERSION_ID=24.10"), Ok("Ubuntu:24.10".into()));
        // Testing has no number.
        assert!(of("ID=debian\nVERSION_CODENAME=sid").is_err());
        assert!(of("ID=kali\nID_LIKE=debian\nVERSION_ID=2026.1").is_err());
        assert!(of("").is_err());
        assert!(of("ID=debian\nVERSION_ID=\"1\u{1b}2\"").is_err());
    }
}
