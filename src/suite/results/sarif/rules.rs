//! The rules of a SARIF run, by index and by id.

use serde::Deserialize;

use std::collections::HashMap;

use crate::suite::results::json::List;

/// The driver or an extension.
#[derive(Deserialize)]
pub(super) struct Component {
    #[serde(default)]
    name: String,
    #[serde(default)]
    rules: Option<List<Rule>>,
}

impl Component {
    pub(super) fn name(&self) -> &str {
        if self.name.is_empty() { "scanner" } else { &self.name }
    }
}

/// One rule.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    short_description: Option<Description>,
    #[serde(default)]
    default_configuration: Option<Configuration>,
}

#[derive(Deserialize)]
struct Description {
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    level: Option<String>,
}

impl Rule {
    pub(super) fn title(&self) -> Option<&str> {
        self.short_description.as_ref()?.text.as_deref().filter(|t| !t.is_empty())
    }

    pub(super) fn level(&self) -> Option<&str> {
        self.default_configuration.as_ref()?.level.as_deref()
    }
}

/// A reference from a result to a rule.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuleReference {
    #[serde(default)]
    pub(super) id: Option<String>,
    #[serde(default)]
    index: Option<i64>,
    #[serde(default)]
    tool_component: Option<ComponentReference>,
}

#[derive(Deserialize)]
struct ComponentReference {
    #[serde(default)]
    index: Option<i64>,
}

/// All rules: of the driver first, then of each extension.
pub(super) struct Rules {
    components: Vec<Vec<Rule>>,
    by_id: HashMap<String, (usize, usize)>,
}

impl Rules {
    pub(super) fn new(driver: Component, extensions: Vec<Component>) -> Self {
        let rules = |c: Component| c.rules.unwrap_or_default().0;
        let components: Vec<_> = std::iter::once(driver).chain(extensions).map(rules).collect();
        let mut by_id = HashMap::new();
        for (c, rules) in components.iter().enumerate() {
            for (r, rule) in rules.iter().enumerate() {
                by_id.entry(rule.id.clone()).or_insert((c, r));
            }
        }
        Self { components, by_id }
    }

    /// The rule of a result, by index, or else by id; `a/b/c` is also found as `a/b` and `a`.
    pub(super) fn find(&self, id: Option<&str>, index: Option<i64>, rule: Option<&RuleReference>) -> Option<&Rule> {
        let at = |index: i64| usize::try_from(index).ok();
        let extension = rule.and_then(|r| r.tool_component.as_ref());
        // A reference to a component by its name says nothing about the place of the rule in another one.
        let is_placed = extension.is_none_or(|c| c.index.is_some());
        let component = match rule.and_then(|r| r.tool_component.as_ref()).and_then(|c| c.index).and_then(at) {
            Some(extension) => extension + 1,
            None => 0,
        };
        let index = rule.and_then(|r| r.index).or(index).and_then(at);
        let id = id.or(rule.and_then(|r| r.id.as_deref()));
        let fits = |rule: &&Rule| {
            id.is_none_or(|id| {
                id.strip_prefix(rule.id.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        };
        let placed = index.filter(|_| is_placed).and_then(|i| self.components.get(component)?.get(i));
        if let Some(rule) = placed.filter(fits) {
            return Some(rule);
        }
        let mut id = id?;
        loop {
            if let Some((c, r)) = self.by_id.get(id) {
                return self.components.get(*c)?.get(*r);
            }
            id = id.rsplit_once('/')?.0;
        }
    }
}
