//! Files that say which packages are there, by their paths. Pure.

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// dpkg's database.
    DpkgStatus,
    /// One package of dpkg's, in an image without dpkg.
    DpkgPart,
    /// The files of a package of dpkg's.
    DpkgFiles,
    /// rpm's database, in SQLite.
    Rpm,
    /// Changes of rpm's database that are not in it yet.
    RpmLog,
    /// Name and release of the distribution.
    Release,
    /// Metadata of a Python package.
    Python,
    /// `package.json` of an installed package of Node.js.
    Npm,
    /// Packages of a kind that is not read.
    Unread(Unread),
}

/// Packages that are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unread {
    Rpm,
    Apk,
    Pacman,
    Opkg,
    Portage,
    Nix,
    Conda,
    Gem,
    Composer,
    Java,
    DotNet,
    PythonZip,
    YarnPnp,
    Go,
    Rust,
}

impl Unread {
    /// True if a distribution's own packages are of this kind.
    pub(super) fn is_system(self) -> bool {
        matches!(self, Self::Rpm | Self::Apk | Self::Pacman | Self::Opkg | Self::Portage | Self::Nix)
    }

    /// What they are.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Rpm => "an rpm database that is not in SQLite",
            Self::Apk => "packages of Alpine (apk)",
            Self::Pacman => "packages of pacman",
            Self::Opkg => "packages of opkg",
            Self::Portage => "packages of Portage",
            Self::Nix => "packages of Nix",
            Self::Conda => "packages of conda",
            Self::Gem => "Ruby gems",
            Self::Composer => "packages of PHP's Composer",
            Self::Java => "Java archives",
            Self::DotNet => "packages of .NET",
            Self::PythonZip => "zipped Python packages",
            Self::YarnPnp => "packages of Yarn's Plug'n'Play",
            Self::Go => "programs in Go without a list of their modules",
            Self::Rust => "programs in Rust without the list of `cargo auditable`",
        }
    }
}

impl Role {
    /// The role of a file; none for most.
    pub(super) fn of(path: &str) -> Option<Self> {
        let mut back = path.rsplit('/');
        let (name, folder, above) = (back.next()?, back.next().unwrap_or(""), back.next().unwrap_or(""));
        Some(match name {
            "status" if folder == "dpkg" => Self::DpkgStatus,
            _ if (folder, above) == ("status.d", "dpkg") && name.ends_with(".md5sums") => Self::DpkgFiles,
            _ if (folder, above) == ("status.d", "dpkg") => Self::DpkgPart,
            _ if (folder, above) == ("info", "dpkg") && name.ends_with(".list") => Self::DpkgFiles,
            "rpmdb.sqlite" if folder == "rpm" => Self::Rpm,
            "rpmdb.sqlite-wal" if folder == "rpm" => Self::RpmLog,
            "os-release" if matches!(folder, "etc" | "lib") => Self::Release,
            "METADATA" if folder.ends_with(".dist-info") => Self::Python,
            "PKG-INFO" if folder.ends_with(".egg-info") || folder == "EGG-INFO" => Self::Python,
            _ if name.ends_with(".egg-info") => Self::Python,
            "package.json" if npm_name(path).is_some() => Self::Npm,
            _ => Self::Unread(unread(name, folder, above)?),
        })
    }

    /// Most bytes of a file with this role.
    pub(super) fn most(self) -> u64 {
        match self {
            Self::Rpm => 192 << 20,
            Self::DpkgStatus => 64 << 20,
            Self::DpkgFiles => 32 << 20,
            Self::DpkgPart | Self::Python | Self::Npm => 8 << 20,
            Self::Release => 64 << 10,
            Self::RpmLog | Self::Unread(_) => 0,
        }
    }
}

/// The name of an installed package of Node.js by the path of its `package.json`.
pub(super) fn npm_name(path: &str) -> Option<&str> {
    let inside = match path.rsplit_once("/node_modules/") {
        Some((_, inside)) => inside,
        None => path.strip_prefix("node_modules/")?,
    };
    let name = inside.strip_suffix("/package.json")?;
    let parts = name.split('/').count();
    // `node_modules/.bin` and the like are no packages.
    let is_name = !name.starts_with('.') && parts == if name.starts_with('@') { 2 } else { 1 };
    is_name.then_some(name)
}

/// Returns true for the folder of an installed package of Node.js.
pub(super) fn is_npm_folder(path: &str) -> bool {
    npm_name(&format!("{path}/package.json")).is_some()
}

/// Returns true for the folder of a scope, such as `node_modules/@scope`.
pub(super) fn is_npm_scope(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with('@')) && is_npm_folder(&format!("{path}/x"))
}

fn unread(name: &str, folder: &str, above: &str) -> Option<Unread> {
    let ends = |end: &str| name.len() > end.len() && name.ends_with(end);
    Some(match name {
        "Packages" | "Packages.db" if folder == "rpm" => Unread::Rpm,
        "container-manifest-1" | "container-manifest-2" if folder == "rpmmanifest" => Unread::Rpm,
        "installed" if (folder, above) == ("db", "apk") => Unread::Apk,
        "status" if folder == "opkg" => Unread::Opkg,
        "desc" if above == "local" => Unread::Pacman,
        "PF" => Unread::Portage,
        "db.sqlite" if (folder, above) == ("db", "nix") => Unread::Nix,
        "installed.json" if (folder, above) == ("composer", "vendor") => Unread::Composer,
        ".pnp.cjs" | ".pnp.js" => Unread::YarnPnp,
        _ if folder == "conda-meta" && ends(".json") => Unread::Conda,
        _ if ends(".gemspec") && (folder == "specifications" || above == "specifications") => Unread::Gem,
        _ if [".jar", ".war", ".ear"].iter().any(|e| ends(e)) => Unread::Java,
        _ if ends(".deps.json") => Unread::DotNet,
        _ if ends(".egg") => Unread::PythonZip,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_files_by_their_paths() {
        for (path, role) in [
            ("var/lib/dpkg/status", Some(Role::DpkgStatus)),
            ("var/lib/dpkg/status-old", None),
            ("var/lib/dpkg/status.d/libc6", Some(Role::DpkgPart)),
            ("var/lib/dpkg/status.d/libc6.md5sums", Some(Role::DpkgFiles)),
            ("var/lib/dpkg/info/libc6:amd64.list", Some(Role::DpkgFiles)),
            ("etc/os-release", Some(Role::Release)),
            ("usr/lib/os-release", Some(Role::Release)),
            ("a/x-1.0.dist-info/METADATA", Some(Role::Python)),
            ("a/x-1.0.dist-info/RECORD", None),
            ("a/x-1.0.egg-info", Some(Role::Python)),
            ("a/x.egg-info/PKG-INFO", Some(Role::Python)),
            ("a/x.egg/EGG-INFO/PKG-INFO", Some(Role::Python)),
            ("a/x.egg", Some(Role::Unread(Unread::PythonZip))),
            ("app/node_modules/x/package.json", Some(Role::Npm)),
            ("node_modules/@s/x/package.json", Some(Role::Npm)),
            ("app/node_modules/x/dist/package.json", None),
            ("app/node_modules/.bin/package.json", None),
            ("app/package.json", None),
            ("var/lib/rpm/Packages", Some(Role::Unread(Unread::Rpm))),
            ("usr/lib/sysimage/rpm/Packages.db", Some(Role::Unread(Unread::Rpm))),
            ("usr/lib/sysimage/rpm/rpmdb.sqlite", Some(Role::Rpm)),
            ("var/lib/rpm/rpmdb.sqlite-wal", Some(Role::RpmLog)),
            ("lib/apk/db/installed", Some(Role::Unread(Unread::Apk))),
            ("opt/app/app.jar", Some(Role::Unread(Unread::Java))),
        ] {
            assert_eq!(Role::of(path), role, "{path}");
        }
    }
}
