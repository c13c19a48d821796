//! What a manifest says besides its dependencies: scripts and settings are code. Pure.

use serde_json::Value;

/// Most names of keys that are shown.
const MAX_NAMED: usize = 5;
/// Keys of `package.json` that declare dependencies.
const PACKAGE_JSON: [&str; 9] = [
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bundledDependencies",
    "bundleDependencies",
    "overrides",
    "resolutions",
];
/// Keys of `Cargo.toml`, with `*` for any name.
const CARGO: [&str; 10] = [
    "dependencies",
    "dev-dependencies",
    "build-dependencies",
    "target.*.dependencies",
    "target.*.dev-dependencies",
    "target.*.build-dependencies",
    "workspace.dependencies",
    "patch",
    "replace",
    "package.version",
];
/// Keys of `pyproject.toml`.
const PYPROJECT: [&str; 11] = [
    "project.dependencies",
    "project.optional-dependencies",
    "dependency-groups",
    "build-system.requires",
    "tool.poetry.dependencies",
    "tool.poetry.dev-dependencies",
    "tool.poetry.group.*.dependencies",
    "tool.uv.dev-dependencies",
    "tool.uv.constraint-dependencies",
    "tool.uv.override-dependencies",
    "tool.uv.sources",
];
/// Keys of `Pipfile`.
const PIPFILE: [&str; 2] = ["packages", "dev-packages"];

/// The keys that differ between two versions of a manifest and declare no dependencies, the first of them; empty if there are none.
/// A version that cannot be read counts as one with other keys.
pub fn other_changes(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> Vec<String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let keys: &[&str] = match name {
        "package.json" => &PACKAGE_JSON,
        "Cargo.toml" => &CARGO,
        "pyproject.toml" => &PYPROJECT,
        "Pipfile" => &PIPFILE,
        // Lists of requirements.
        _ => return vec![],
    };
    let rest = |bytes: Option<&[u8]>| {
        let Some(bytes) = bytes else { return Some(Value::Object(Default::default())) };
        let text = std::str::from_utf8(bytes).ok()?;
        let mut value: Value =
            if name.ends_with(".json") { serde_json::from_str(text).ok()? } else { toml::from_str(text).ok()? };
        for key in keys {
            remove(&mut value, &key.split('.').collect::<Vec<_>>());
        }
        value.is_object().then_some(value)
    };
    let (Some(before), Some(after)) = (rest(before), rest(after)) else {
        return vec!["it cannot be read".to_owned()];
    };
    let all = before.as_object().into_iter().chain(after.as_object()).flatten().map(|(key, _)| key);
    let mut differing: Vec<String> = all.filter(|key| before.get(key) != after.get(key)).cloned().collect();
    differing.sort();
    differing.dedup();
    differing.truncate(MAX_NAMED);
    differing
}

/// Removes what is at a path, and the tables that are empty after that.
fn remove(value: &mut Value, path: &[&str]) {
    let (Some(table), [first, rest @ ..]) = (value.as_object_mut(), path) else { return };
    if rest.is_empty() {
        table.remove(*first);
        return;
    }
    let is_meant = |key: &str| *first == "*" || key == *first;
    table.iter_mut().filter(|(key, _)| is_meant(key)).for_each(|(_, inner)| remove(inner, rest));
    table.retain(|key, inner| !is_meant(key) || inner.as_object().is_none_or(|t| !t.is_empty()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(path: &str, before: &str, after: &str) -> Vec<String> {
        other_changes(path, Some(before.as_bytes()), Some(after.as_bytes()))
    }

    #[test]
    fn scripts_and_settings_of_a_manifest_are_code() {
        let json = r#"{"name":"a","dependencies":{"b":"1"}}"#;
        assert_eq!(changes("package.json", json, &json.replace("\"1\"", "\"2\"")), Vec::<String>::new());
        let script = r#"{"name":"a","dependencies":{"b":"1"},"scripts":{"postinstall":"x"}}"#;
        assert_eq!(changes("web/package.json", json, script), ["scripts"]);
        let cargo = "[package]\nname = \"a\"\nversion = \"0.1.0\"\n[dependencies]\nb = \"1\"\n";
        let more = "[target.'cfg(unix)'.dependencies]\nc = \"1\"\n";
        assert_eq!(changes("Cargo.toml", cargo, &format!("{cargo}{more}")), Vec::<String>::new());
        assert_eq!(changes("Cargo.toml", cargo, &format!("{cargo}[features]\nx = []\n")), ["features"]);
        let python = "[project]\nname = \"a\"\ndependencies = [\"b\"]\n";
        let grouped =
            format!("{python}[dependency-groups]\ndev = [\"c\"]\n[tool.poetry.group.x.dependencies]\nd = \"1\"\n");
        assert_eq!(changes("pyproject.toml", python, &grouped), Vec::<String>::new());
        let backend = format!("{python}[build-system]\nrequires = [\"d\"]\nbuild-backend = \"own\"\n");
        assert_eq!(changes("pyproject.toml", python, &backend), ["build-system"]);
        assert_eq!(changes("pyproject.toml", python, "= broken"), ["it cannot be read"]);
        assert_eq!(other_changes("package.json", None, Some(json.as_bytes())), ["name"]);
        assert_eq!(changes("requirements.in", "a", "b"), Vec::<String>::new());
    }
}
