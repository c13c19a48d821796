//! The templates of an environment's objects: dayfly's own, or replacements.
//!
//! Values are written as JSON, which is also YAML, so that a value cannot change the structure around it. The text is
//! parsed into an `Object` before it is returned.

use std::collections::BTreeMap;

use handlebars::{Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason};
use serde_json::Value;

use super::object::{Kind, Object};

/// Suffix of a template's file name.
pub const SUFFIX: &str = ".yaml.hbs";

macro_rules! embedded {
    ($($name:literal),*) => { [$(($name, include_str!(concat!("../../../manifests/environment/", $name, ".yaml.hbs")))),*] };
}

/// Name and text of each template.
const EMBEDDED: [(&str, &str); 12] = embedded![
    "namespace",
    "quota",
    "limits",
    "account",
    "default-deny",
    "access",
    "secret",
    "files",
    "service",
    "unit",
    "agent",
    "suite"
];

/// Template syntax that does more than insert a quoted value.
const FORBIDDEN: [(&str, &str); 5] = [
    ("{{{", "a value without quotes"),
    ("{{&", "a value without quotes"),
    ("{{>", "another template"),
    ("{{#>", "another template"),
    ("{{#*", "an inline template"),
];

/// An unusable template; messages complete "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A replacement that matches no template.
    #[error("find the template {name}; the templates are: {}", EMBEDDED.map(|(n, _)| format!("{n}{SUFFIX}")).join(", "))]
    Unknown {
        /// File name.
        name: String,
    },
    /// A template that cannot be parsed.
    #[error("parse the template {name}{SUFFIX}: {why}")]
    Template {
        /// Name of the template.
        name: String,
        /// The reason.
        why: String,
    },
    /// A rendered object that must not be sent.
    #[error("render the template {template}{SUFFIX}: {why}")]
    Object {
        /// Name of the template.
        template: String,
        /// The reason.
        why: String,
    },
}

/// The parsed templates.
pub struct Templates {
    engine: Handlebars<'static>,
}

impl Templates {
    /// Parses dayfly's templates, some of them replaced (text by file name).
    pub fn new(replaced: &BTreeMap<String, String>) -> Result<Self, RenderError> {
        let mut engine = Handlebars::new();
        engine.set_strict_mode(true);
        engine.register_escape_fn(|text| Value::from(text).to_string());
        engine.register_helper("json", Box::new(json_helper));
        let known = |file: &str| file.strip_suffix(SUFFIX).is_some_and(|n| EMBEDDED.iter().any(|(e, _)| *e == n));
        if let Some(name) = replaced.keys().find(|file| !known(file)) {
            return Err(RenderError::Unknown { name: name.clone() });
        }
        for (name, text) in EMBEDDED {
            let text = replaced.get(&format!("{name}{SUFFIX}")).map_or(text, String::as_str);
            let failed = |why: String| RenderError::Template { name: name.to_owned(), why };
            if let Some((sign, what)) = FORBIDDEN.iter().find(|(sign, _)| text.contains(sign)) {
                return Err(failed(format!("`{sign}` would insert {what}; write {{{{json name}}}}")));
            }
            engine.register_template_string(name, text).map_err(|e| failed(e.to_string()))?;
        }
        Ok(Self { engine })
    }

    /// Renders an object.
    pub fn render(
        &self,
        template: &str,
        kind: Kind,
        context: &Value,
        environment: &str,
    ) -> Result<Object, RenderError> {
        let failed = |why: String| RenderError::Object { template: template.to_owned(), why };
        let text = self.engine.render(template, context).map_err(|e| failed(e.reason().to_string()))?;
        let value: Value = serde_yaml::from_str(&text).map_err(|e| failed(format!("the result is not YAML: {e}")))?;
        Object::checked(kind, value, environment).map_err(failed)
    }
}

/// Implements `{{json value}}`: writes the value as JSON, in one line.
fn json_helper(
    helper: &Helper<'_>,
    _: &Handlebars<'_>,
    _: &Context,
    _: &mut RenderContext<'_, '_>,
    out: &mut dyn Output,
) -> HelperResult {
    let missing = || RenderErrorReason::ParamNotFoundForIndex("json", 0);
    let value = helper.param(0).ok_or_else(missing)?;
    if value.is_value_missing() {
        let name = value.relative_path().cloned().unwrap_or_default();
        return Err(RenderErrorReason::Other(format!("the value `{name}` does not exist here")).into());
    }
    Ok(out.write(&value.value().to_string())?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn account(text: &str, namespace: &str) -> Result<Object, RenderError> {
        let templates = Templates::new(&[("account.yaml.hbs".to_owned(), text.to_owned())].into())?;
        let context =
            json!({"namespace": namespace, "labels": {"dayfly.dev/environment": "e-pr-1"}, "pullSecrets": []});
        templates.render("account", Kind::ServiceAccount, &context, "e-pr-1")
    }

    const ACCOUNT: &str = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: dayfly, namespace: {{json namespace}}, labels: {{json labels}}}\n";

    #[test]
    fn a_value_cannot_change_the_structure() {
        for nasty in
            ["a\nautomountServiceAccountToken: true", "a\", x: \"y", "{{json labels}}", "'&*!|>%@`", "\u{2028}: x"]
        {
            let text = ACCOUNT
                .replace("{name: dayfly,", "{name: dayfly, annotations: {a: {{namespace}}},")
                .replace("{{json namespace}}", "e-pr-1");
            let object = account(&text, nasty).unwrap();
            assert_eq!(object.value["metadata"]["annotations"]["a"], nasty);
            assert_eq!(object.value.as_object().unwrap().len(), 3);
        }
    }

    #[test]
    fn refuses_templates_that_insert_more_than_values() {
        for text in ["{{{namespace}}}", "{{&namespace}}", "{{> unit}}", "{{#*inline \"x\"}}{{/inline}}"] {
            assert!(matches!(account(text, "e-pr-1"), Err(RenderError::Template { .. })), "{text}");
        }
    }

    #[test]
    fn names_an_unknown_value_or_file() {
        let why =
            account(&ACCOUNT.replace("namespace}}", "namespcae}}"), "e-pr-1").map(|_| ()).unwrap_err().to_string();
        assert!(why.contains("namespcae"), "{why}");
        let why = Templates::new(&[("acount.yaml.hbs".to_owned(), String::new())].into()).map(|_| ()).unwrap_err();
        assert!(why.to_string().contains("account.yaml.hbs"), "{why}");
    }
}
