//! The dependencies that a manifest declares. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::packages::Ecosystem;

/// Most names of a manifest.
const MAX_NAMES: usize = 10_000;

/// Names that a manifest declares, normalised; none if the file is no manifest. An error says why it cannot be read.
pub fn declared(file: &str, bytes: &[u8]) -> Option<Result<(Ecosystem, BTreeSet<String>), String>> {
    let (ecosystem, read): (Ecosystem, fn(&Value) -> Vec<String>) = match file {
        "pyproject.toml" => (Ecosystem::pypi(), pyproject),
        "Pipfile" => (Ecosystem::pypi(), pipfile),
        "Cargo.toml" => (Ecosystem::crates_io(), cargo),
        "package.json" => (Ecosystem::npm(), package_json),
        _ => return None,
    };
    let parsed = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned()).and_then(|text| {
        let first = |e: String| e.lines().next().unwrap_or_default().chars().take(200).collect::<String>();
        match file {
            "package.json" => serde_json::from_str(text).map_err(|e| first(e.to_string())),
            _ => toml::from_str(text).map_err(|e| first(e.message().to_owned())),
        }
    });
    let parsed = parsed.and_then(|value: Value| match value.is_object() {
        true => Ok(value),
        false => Err("it is not an object".to_owned()),
    });
    Some(parsed.map(|value| {
        let names = read(&value).into_iter().take(MAX_NAMES).filter(|n| !n.is_empty());
        let names = names.map(|n| ecosystem.normalise(&n)).collect();
        (ecosystem, names)
    }))
}

fn pyproject(value: &Value) -> Vec<String> {
    let mut names = vec![];
    let list =
        |of: &Value| of.as_array().into_iter().flatten().filter_map(Value::as_str).map(python_name).collect::<Vec<_>>();
    let lists = |of: &Value| of.as_object().into_iter().flatten().flat_map(|(_, l)| list(l)).collect::<Vec<_>>();
    names.extend(list(&value["project"]["dependencies"]));
    names.extend(lists(&value["project"]["optional-dependencies"]));
    names.extend(lists(&value["dependency-groups"]));
    names.extend(list(&value["build-system"]["requires"]));
    names.extend(list(&value["tool"]["uv"]["dev-dependencies"]));
    let poetry = &value["tool"]["poetry"];
    let groups = poetry["group"].as_object().into_iter().flatten().map(|(_, g)| &g["dependencies"]);
    for table in [&poetry["dependencies"], &poetry["dev-dependencies"]].into_iter().chain(groups) {
        let keys = table.as_object().into_iter().flatten();
        names.extend(keys.filter(|(name, of)| *name != "python" && !is_folder(of)).map(|(name, _)| name.clone()));
    }
    names
}

/// The name at the beginning of a requirement (PEP 508).
fn python_name(requirement: &str) -> String {
    requirement.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect()
}

fn pipfile(value: &Value) -> Vec<String> {
    let sections = ["packages", "dev-packages"].map(|s| value[s].as_object()).into_iter().flatten().flatten();
    sections.filter(|(_, of)| !is_folder(of)).map(|(name, _)| name.clone()).collect()
}

fn cargo(value: &Value) -> Vec<String> {
    let mut names = vec![];
    let targets = value["target"].as_object().into_iter().flatten().map(|(_, t)| t);
    for table in std::iter::once(value).chain(targets) {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let entries = table[section].as_object().into_iter().flatten();
            // What a member takes from the workspace stands there.
            let own = entries.filter(|(_, of)| !is_folder(of) && of["workspace"] != Value::Bool(true));
            names.extend(own.map(|(name, of)| of["package"].as_str().unwrap_or(name).to_owned()));
        }
    }
    let shared = value["workspace"]["dependencies"].as_object().into_iter().flatten();
    names.extend(
        shared.filter(|(_, of)| !is_folder(of)).map(|(name, of)| of["package"].as_str().unwrap_or(name).to_owned()),
    );
    names
}

fn package_json(value: &Value) -> Vec<String> {
    let mut names = vec![];
    for section in ["dependencies", "devDependencies", "optionalDependencies"] {
        for (name, of) in value[section].as_object().into_iter().flatten() {
            let of = of.as_str().unwrap_or_default();
            let is_own = ["file:", "link:", "workspace:"].iter().any(|start| of.starts_with(start));
            // `npm:real@1.2.3` is an alias.
            let real = of
                .strip_prefix("npm:")
                .map(|a| a.rsplit_once('@').filter(|(n, _)| !n.is_empty()).map_or(a, |(n, _)| n));
            if !is_own {
                names.push(real.unwrap_or(name).to_owned());
            }
        }
    }
    names
}

/// A folder of the project itself.
fn is_folder(of: &Value) -> bool {
    of.get("path").is_some() && of.get("version").is_none() && of.get("git").is_none()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(file: &str, text: &str) -> Vec<String> {
        declared(file, text.as_bytes()).unwrap().unwrap().1.into_iter().collect()
    }

    #[test]
    fn a_manifest_declares_names() {
        let python = "[project]\ndependencies = [\"Demo_Web[x]>=1; python_version > '3'\", \"demo.app @ git+https://x\"]\n\
            [project.optional-dependencies]\nx = [\"extra\"]\n[dependency-groups]\ndev = [\"group\", { include-group = \"x\" }]\n\
            [build-system]\nrequires = [\"builder>=1\"]\n[tool.poetry.dependencies]\npython = \"^3\"\npo = \"*\"\nown = { path = \"x\" }\n";
        assert_eq!(names("pyproject.toml", python), ["builder", "demo-app", "demo-web", "extra", "group", "po"]);
        assert_eq!(
            names("Pipfile", "[packages]\nA_b = \"*\"\nown = { path = \".\" }\n[dev-packages]\nc = \"*\"\n"),
            ["a-b", "c"]
        );
        let cargo = "[dependencies]\na = \"1\"\nb = { package = \"real\", version = \"1\" }\nown = { path = \"x\" }\nw = { workspace = true }\n\
            [target.'cfg(unix)'.dev-dependencies]\nc = \"1\"\n[workspace.dependencies]\nw = \"1\"\n";
        assert_eq!(names("Cargo.toml", cargo), ["a", "c", "real", "w"]);
        let npm = r#"{"dependencies":{"a":"1","own":"file:x","b":"npm:@s/real@1.0.0"},"devDependencies":{"c":"1"}}"#;
        assert_eq!(names("package.json", npm), ["@s/real", "a", "c"]);
        assert!(declared("pyproject.toml", b"= x").unwrap().is_err());
        assert!(declared("package.json", b"5").unwrap().is_err(), "npm takes it for no manifest, either");
        assert!(declared("setup.py", b"").is_none());
    }
}
