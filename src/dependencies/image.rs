//! Images that descriptions and container files name. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::spec::kind::ENVIRONMENT;
use crate::spec::{document, yaml};

/// What a file says, without the images that it names.
#[derive(Debug, Default, PartialEq)]
pub struct Named {
    /// Images by where they stand: `services.web`, or `FROM` with its number.
    pub images: BTreeMap<String, String>,
    /// Everything else.
    pub rest: Value,
}

/// Returns true if a path could be that of a description or a container file.
pub fn could_name(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".yaml") || name.ends_with(".yml") || is_container_file(name)
}

/// The images of a description or of a container file; none if it is something else, or cannot be read.
pub fn named(path: &str, bytes: &[u8]) -> Option<Named> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if is_container_file(name) {
        return container_file(std::str::from_utf8(bytes).ok()?);
    }
    if !document::is(&ENVIRONMENT, bytes) {
        return None;
    }
    let mut rest = yaml::parse(bytes, &ENVIRONMENT).ok()?.0.to_json();
    let mut images = BTreeMap::new();
    for (section, entries) in rest.as_object_mut()? {
        let Some(entries) = entries.as_object_mut() else { continue };
        // The broker is one, the others have names.
        if section == "broker" {
            take(section, entries, &mut images);
        }
        for (name, entry) in entries.iter_mut() {
            if let Some(entry) = entry.as_object_mut() {
                take(&format!("{section}.{name}"), entry, &mut images);
            }
        }
    }
    Some(Named { images, rest })
}

fn take(at: &str, entry: &mut serde_json::Map<String, Value>, images: &mut BTreeMap<String, String>) {
    if let Some(Value::String(image)) = entry.remove("image") {
        images.insert(at.to_owned(), image);
    }
}

fn is_container_file(name: &str) -> bool {
    ["Dockerfile", "Containerfile"].iter().any(|n| name == *n || name.starts_with(&format!("{n}.")))
        || name.ends_with(".Dockerfile")
        || name.ends_with(".Containerfile")
}

/// The first word of a `FROM`, without its options.
fn container_file(text: &str) -> Option<Named> {
    let (mut images, mut rest, mut continues) = (BTreeMap::new(), vec![], false);
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let image = words.iter().skip(1).find(|w| !w.starts_with("--"));
        match (words.first(), image) {
            (Some(first), Some(image)) if !continues && first.eq_ignore_ascii_case("FROM") => {
                images.insert(format!("FROM {}", images.len() + 1), (*image).to_owned());
                rest.push(words.iter().filter(|w| *w != image).copied().collect::<Vec<_>>().join(" "));
            }
            _ => rest.push(line.to_owned()),
        }
        continues = line.trim_end().ends_with('\\');
    }
    Some(Named { images, rest: rest.into() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TEXT: &str = "apiVersion: dayfly.dev/v1alpha1\nkind: Environment\nname: shop\nbroker: { image: 'q:1' }\nservices:\n  web: { image: 'r.example/web:1', port: 80, env: { image: x } }\n";

    #[test]
    fn a_description_names_images_and_the_rest_is_told_apart() {
        let of = |text: &str| named("environment.yaml", text.as_bytes());
        let before = of(TEXT).unwrap();
        let images: Vec<_> = before.images.iter().map(|(at, image)| format!("{at} {image}")).collect();
        assert_eq!(images, ["broker q:1", "services.web r.example/web:1"]);
        assert_eq!(of(&TEXT.replace("web:1", "web:2")).unwrap().rest, before.rest);
        assert_ne!(of(&TEXT.replace("port: 80", "port: 81")).unwrap().rest, before.rest);
        assert_ne!(of(&TEXT.replace("image: x", "image: y")).unwrap().rest, before.rest, "a variable is no image");
        assert_eq!(of("kind: Deployment\n"), None);
    }

    #[test]
    fn a_container_file_names_images_after_from() {
        let of = |text: &str| named("app/Dockerfile", text.as_bytes()).unwrap();
        let before = of("FROM --platform=linux/amd64 a:1 AS build\nRUN echo \\\n FROM b:1\nfrom c@sha256:00\n");
        assert_eq!(before.images.values().collect::<Vec<_>>(), ["a:1", "c@sha256:00"]);
        let after = of("FROM --platform=linux/amd64 a:2 AS build\nRUN echo \\\n FROM b:1\nfrom c@sha256:11\n");
        assert_eq!(after.rest, before.rest);
        assert_ne!(of("FROM a:1 AS build\nRUN echo 2\n").rest, before.rest);
    }
}
