//! `os-release`: the distribution, and its ecosystem in advisories. Pure.

use crate::packages::Ecosystem;

/// The distribution of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Release {
    pub id: String,
    version: String,
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
                _ => {}
            }
        }
        release
    }

    /// The ecosystem of dpkg's packages, as OSV names it.
    pub(super) fn of_dpkg(&self) -> Result<Ecosystem, String> {
        let Self { id, version } = self;
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
