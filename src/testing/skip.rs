//! Skipped tests: counted, or failures where nothing may be skipped.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// Something that a test needs and a machine may lack.
#[derive(Debug, Clone, Copy)]
pub enum Requirement {
    /// A container engine, with the example images.
    Engine,
    /// A Kubernetes cluster.
    Cluster,
    /// A cluster on this machine, whose API server the tests may restart.
    OwnCluster,
    /// Independent verifiers of evidence.
    Verifiers,
    /// The browser.
    Chromium,
    /// The terminal.
    Tmux,
}

impl Requirement {
    /// The variable that forbids to skip tests for lack of this.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Engine => "DAYFLY_REQUIRE_ENGINE",
            Self::Cluster => "DAYFLY_REQUIRE_CLUSTER",
            Self::OwnCluster => "DAYFLY_REQUIRE_OWN_CLUSTER",
            Self::Verifiers => "DAYFLY_REQUIRE_VERIFIERS",
            Self::Chromium => "DAYFLY_REQUIRE_CHROMIUM",
            Self::Tmux => "DAYFLY_REQUIRE_TMUX",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Engine => "container engine",
            Self::Cluster => "cluster",
            Self::OwnCluster => "own cluster",
            Self::Verifiers => "verifiers",
            Self::Chromium => "Chromium",
            Self::Tmux => "tmux",
        }
    }
}

/// Skips the current test, which lacks `requirement`: says so, and counts it in the file that `DAYFLY_TEST_SKIPS` names.
///
/// # Panics
/// If the requirement's variable is set to anything but `0`.
pub fn skip(requirement: Requirement, why: &str) {
    let variable = requirement.variable();
    assert!(
        !is_set(std::env::var_os(variable).as_deref()),
        "{variable} is set, but there is no {}: {why}",
        requirement.name()
    );
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not through `eprintln!`, whose output the test harness hides for tests that pass.
    writeln!(std::io::stderr(), "SKIPPED {test}: no {} ({why})", requirement.name()).ok();
    if let Some(file) = std::env::var_os("DAYFLY_TEST_SKIPS") {
        count(Path::new(&file), requirement.name(), &test).unwrap();
    }
}

fn is_set(value: Option<&OsStr>) -> bool {
    value.is_some_and(|v| !v.is_empty() && v != "0")
}

/// One line a skip: what is missing, a tab, the test.
fn count(file: &Path, what: &str, test: &str) -> std::io::Result<()> {
    OpenOptions::new().create(true).append(true).open(file)?.write_all(format!("{what}\t{test}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_skip_in_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("skips");
        count(&file, "cluster", "a").unwrap();
        count(&file, "Chromium", "b").unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), "cluster\ta\nChromium\tb\n");
    }

    #[test]
    fn a_variable_forbids_skips_unless_it_is_empty_or_0() {
        assert!(is_set(Some(OsStr::new("1"))) && is_set(Some(OsStr::new("yes"))));
        assert!(!is_set(None) && !is_set(Some(OsStr::new(""))) && !is_set(Some(OsStr::new("0"))));
    }
}
