//! The images of rendered manifests. Pure.
//!
//! Every text under a key `image` is an image, wherever it stands: pods are written in more kinds of objects than any list has. What
//! names an image in another way is a reason to deny, never left out.

use std::collections::BTreeMap;

use serde_json::Value;

use super::subject::Subject;

/// Longest manifests in bytes.
pub const MAX_BYTES: u64 = 32 << 20;
/// Keys of lists of containers.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// The images of a stream of YAML documents, each once, by their names. Fails if something in it cannot be judged.
pub fn images(text: &str) -> Result<Vec<Subject>, String> {
    let documents: Vec<Value> =
        serde_yaml::from_multiple(text).map_err(|e| format!("the manifests cannot be read: {e}"))?;
    let mut found = BTreeMap::<String, Subject>::new();
    for document in documents.iter().filter(|d| !d.is_null()) {
        if document.get("kind").and_then(Value::as_str).is_none() {
            return Err("a document of the manifests has no `kind`".to_owned());
        }
        walk(document, "", &mut found)?;
    }
    Ok(found.into_values().collect())
}

fn walk(value: &Value, within: &str, found: &mut BTreeMap<String, Subject>) -> Result<(), String> {
    match value {
        Value::Object(map) => {
            let text = |path: &str| value.pointer(path).and_then(Value::as_str);
            let named = text("/kind").zip(text("/metadata/name").or_else(|| text("/metadata/generateName")));
            let within = named.map_or_else(|| within.to_owned(), |(kind, name)| format!("{kind}/{name}"));
            for (key, value) in map {
                match value {
                    Value::String(image) if key == "image" => {
                        let container = text("/name").map(|name| format!(" container {name}")).unwrap_or_default();
                        let subject = found.entry(image.clone()).or_insert_with(|| Subject::parse(image));
                        subject.used_by.push(format!("{within}{container}"));
                    }
                    // A volume that is an image.
                    Value::Object(parts) if key == "image" && parts.get("reference").is_some_and(Value::is_string) => {
                        let image = parts.get("reference").and_then(Value::as_str).unwrap_or_default();
                        let subject = found.entry(image.to_owned()).or_insert_with(|| Subject::parse(image));
                        subject.used_by.push(format!("{within} volume {}", text("/name").unwrap_or("without a name")));
                    }
                    Value::Object(parts) if key == "image" && is_image_in_parts(parts) => {
                        return Err(format!("{within} names an image in parts; name it as NAME@sha256:…"));
                    }
                    Value::Array(containers) if CONTAINERS.contains(&key.as_str()) => {
                        let without =
                            containers.iter().find(|c| c.is_object() && c.get("image").is_none_or(|i| !i.is_string()));
                        if let Some(container) = without {
                            let name = container.get("name").and_then(Value::as_str).unwrap_or("without a name");
                            return Err(format!("container {name} of {within} has no image"));
                        }
                        walk(value, &within, found)?;
                    }
                    _ => walk(value, &within, found)?,
                }
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, within, found)),
        _ => Ok(()),
    }
}

/// As charts write them into resources of their own; not the schema of a resource.
fn is_image_in_parts(parts: &serde_json::Map<String, Value>) -> bool {
    ["repository", "tag", "digest", "registry"].iter().any(|key| parts.get(*key).is_some_and(Value::is_string))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    #[test]
    fn finds_images_in_every_kind_of_object() {
        let text = format!(
            "kind: Deployment\nmetadata: {{ name: api }}\nspec: {{ template: {{ spec: {{ initContainers: [{{ name: a, image: x@{DIGEST} }}], containers: [{{ name: b, image: web:1 }}] }} }} }}\n\
             ---\n# nothing\n---\nkind: List\nitems:\n- kind: CronJob\n  metadata: {{ name: night }}\n  spec: {{ jobTemplate: {{ spec: {{ template: {{ spec: {{ containers: [{{ name: c, image: web:1 }}] }} }} }} }} }}\n\
             ---\nkind: Kafka\nmetadata: {{ name: k }}\nspec: {{ kafka: {{ image: broker:1 }} }}\n"
        );
        let found = images(&text).unwrap();
        let named: Vec<(&str, String)> = found.iter().map(|s| (s.name.as_str(), s.used_by.join(", "))).collect();
        let x = format!("x@{DIGEST}");
        let expected = [
            ("broker:1", "Kafka/k".to_owned()),
            ("web:1", "Deployment/api container b, CronJob/night container c".to_owned()),
            (x.as_str(), "Deployment/api container a".to_owned()),
        ];
        assert_eq!(named, expected);
        assert!(found[0].sha256.is_none() && found[2].sha256.is_some());
    }

    #[test]
    fn refuses_what_it_cannot_judge() {
        let refused = |text: &str| images(text).unwrap_err();
        assert!(
            refused("kind: Pod\nmetadata: { name: a }\nspec: { containers: [{ name: b }] }")
                .contains("container b of Pod/a")
        );
        assert!(
            refused("kind: App\nmetadata: { name: a }\nspec: { image: { repository: x, tag: y } }").contains("App/a")
        );
        assert!(refused("a: 1").contains("no `kind`"));
        assert!(refused("kind: Pod\nkind: Job").contains("cannot be read"));
        assert!(refused("kind: [").contains("cannot be read"));
        // The schema of a resource names no image.
        assert_eq!(
            images("kind: CustomResourceDefinition\nspec: { properties: { image: { type: string } } }"),
            Ok(vec![])
        );
    }
}
