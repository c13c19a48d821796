//! The templates of an environment's objects: those that dayfly brings, or a folder's in their place.
//!
//! Every value is written as JSON, which YAML reads as one scalar, list or mapping: a value cannot change the structure
//! around it. The text is parsed and becomes an `Object` before anybody sees it.

use std::collections::BTreeMap;

use handlebars::{Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason};
use serde_json::Value;

use super::object::{Kind, Object};

/// What ends a template's file name.
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

/// What a template could do besides inserting values: insert them unquoted, or other templates.
const FORBIDDEN: [(&str, &str); 5] = [
    ("{{{", "a value without quotes"),
    ("{{&", "a value without quotes"),
    ("{{>", "another template"),
    ("{{#>", "another template"),
    ("{{#*", "an inline template"),
];

/// A template that gives no usable object; messages complete "failed to …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// A file that is no template of an environment.
    #[error("use the template {name}: there is none of that name; there are: {}", EMBEDDED.map(|(n, _)| format!("{n}{SUFFIX}")).join(", "))]
    Unknown {
        /// File name.
        name: String,
    },
    /// A template that cannot be read.
    #[error("read the template {name}{SUFFIX}: {why}")]
    Template {
        /// Which.
        name: String,
        /// Why.
        why: String,
    },
    /// A rendered object that must not be sent.
    #[error("accept what the template {template}{SUFFIX} makes: {why}")]
    Object {
        /// Which template.
        template: String,
        /// Why.
        why: String,
    },
}

/// All templates, parsed.
pub struct Templates {
    engine: Handlebars<'static>,
}

impl Templates {
    /// dayfly's own, some of them replaced: file name → text.
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

    /// One object from a template.
    pub fn render(
        &self,
        template: &str,
        kind: Kind,
        context: &Value,
        environment: &str,
    ) -> Result<Object, RenderError> {
        let failed = |why: String| RenderError::Object { template: template.to_owned(), why };
        let text = self.engine.render(template, context).map_err(|e| failed(e.reason().to_string()))?;
        let value: Value = serde_yaml::from_str(&text).map_err(|e| failed(format!("it is no YAML: {e}")))?;
        Object::checked(kind, value, environment).map_err(failed)
    }
}

/// `{{json value}}`: the value as JSON, in one line.
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
        return Err(RenderErrorReason::Other(format!("there is no value `{name}` here")).into());
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
    fn a_value_stays_one_value_whatever_is_in_it() {
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
    fn templates_that_insert_more_than_values_are_refused() {
        for text in ["{{{namespace}}}", "{{&namespace}}", "{{> unit}}", "{{#*inline \"x\"}}{{/inline}}"] {
            assert!(matches!(account(text, "e-pr-1"), Err(RenderError::Template { .. })), "{text}");
        }
    }

    #[test]
    fn a_misspelt_value_or_file_is_named() {
        let why =
            account(&ACCOUNT.replace("namespace}}", "namespcae}}"), "e-pr-1").map(|_| ()).unwrap_err().to_string();
        assert!(why.contains("namespcae"), "{why}");
        let why = Templates::new(&[("acount.yaml.hbs".to_owned(), String::new())].into()).map(|_| ()).unwrap_err();
        assert!(why.to_string().contains("account.yaml.hbs"), "{why}");
    }
}
