//! What a changed file is to a reviewer of dependencies, by its path. Pure.

use std::path::Path;

use serde::Serialize;

use crate::lockfiles;

/// The file with the risk register.
pub const REGISTER: &str = "dependencies.yaml";

/// What a changed file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PathKind {
    /// It declares dependencies: `pyproject.toml`, `package.json`.
    Manifest,
    /// It locks dependencies.
    Lock,
    /// Only images changed in it.
    Image,
    /// The risk register of dependencies.
    Register,
    /// A description of an environment.
    Description,
    /// A test.
    Test,
    /// A text for people, which counts for neither.
    Documentation,
    /// Everything else.
    Code,
}

impl PathKind {
    /// The kind of a path, as far as its name says it.
    pub fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        if lockfiles::candidate(Path::new(path)).is_some() {
            return Self::Lock;
        }
        if path == REGISTER {
            return Self::Register;
        }
        if is_manifest(path, name) {
            return Self::Manifest;
        }
        if is_documentation(name) {
            return Self::Documentation;
        }
        if is_test(path, name) { Self::Test } else { Self::Code }
    }

    /// It belongs to a dependency change.
    pub fn is_dependency(self) -> bool {
        matches!(self, Self::Manifest | Self::Lock | Self::Image | Self::Register)
    }

    /// It belongs to a code change.
    pub fn is_code(self) -> bool {
        matches!(self, Self::Description | Self::Test | Self::Code)
    }

    /// The word of the views.
    pub fn word(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Lock => "lock file",
            Self::Image => "image",
            Self::Register => "register",
            Self::Description => "description",
            Self::Test => "test",
            Self::Documentation => "documentation",
            Self::Code => "code",
        }
    }
}

fn is_manifest(path: &str, name: &str) -> bool {
    let is_input = name.ends_with(".in") && (name.contains("requirements") || path.contains("requirements/"));
    let is_constraints = name.starts_with("constraints") && name.ends_with(".txt");
    matches!(name, "package.json" | "pyproject.toml" | "Cargo.toml" | "Pipfile") || is_input || is_constraints
}

fn is_documentation(name: &str) -> bool {
    let ends = [".md", ".rst", ".adoc"].iter().any(|end| name.ends_with(end));
    ends || matches!(name, "LICENSE" | "NOTICE" | "CHANGELOG" | "CODEOWNERS" | "AUTHORS")
}

fn is_test(path: &str, name: &str) -> bool {
    let is_folder = |part: &str| matches!(part, "test" | "tests" | "__tests__" | "spec" | "testdata");
    let stem = name.split('.').next().unwrap_or(name);
    path.rsplit_once('/').is_some_and(|(folders, _)| folders.split('/').any(is_folder))
        || name == "conftest.py"
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || name.contains(".test.")
        || name.contains(".spec.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_manifests_locks_tests_texts_and_code_apart() {
        for (path, kind) in [
            ("web/package.json", PathKind::Manifest),
            ("requirements/base.in", PathKind::Manifest),
            ("requirements/base.txt", PathKind::Lock),
            ("Cargo.lock", PathKind::Lock),
            ("pnpm-lock.yaml", PathKind::Lock),
            ("dependencies.yaml", PathKind::Register),
            ("web/dependencies.yaml", PathKind::Code),
            ("web/node_modules/a/package-lock.json", PathKind::Code),
            ("tests/run.py", PathKind::Test),
            ("src/app.test.ts", PathKind::Test),
            ("README.md", PathKind::Documentation),
            ("docs/conf.py", PathKind::Code),
            ("setup.py", PathKind::Code),
            (".github/workflows/ci.yml", PathKind::Code),
        ] {
            assert_eq!(PathKind::of(path), kind, "{path}");
        }
    }
}
