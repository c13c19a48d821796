//! Checks a policy: quantities, capabilities, patterns and names. Pure. Each check reports what it finds and continues.

use super::CONFIGMAP_KEY;
use super::limits::{age, life};
use super::model::{Leeway, LimitSet, PolicyDocument, Rule, TrustedIssuer};
use super::patterns::normal;
use crate::model::Repository;
use crate::spec::check::capability;
use crate::spec::diagnostic::DiagnosticSink;
use crate::spec::quantity::{cpu_millis, memory_bytes};
use crate::spec::span::FieldPath;

/// Longest contact, in characters.
const MAX_CONTACT: usize = 200;
/// Longest name of a namespace.
const MAX_NAMESPACE: usize = 63;
/// Longest name of a file.
const MAX_FILE: usize = 100;

pub(super) fn check(policy: &PolicyDocument, diagnostics: &mut DiagnosticSink) {
    let root = FieldPath::root();
    if let Some(contact) = &policy.contact
        && (contact.trim().is_empty() || contact.chars().count() > MAX_CONTACT || contact.contains(char::is_control))
    {
        let help = format!("write one line of at most {MAX_CONTACT} characters, such as a mail address");
        diagnostics.add(&root.key("contact"), "the contact cannot be shown in a message", help);
    }
    limits(&root.key("default"), &policy.default, diagnostics);
    for (i, rule) in policy.rules.iter().enumerate() {
        self::rule(&root.key("rules").index(i), rule, diagnostics);
    }
    for (name, namespace) in &policy.namespaces {
        let at = root.key("namespaces").key(name);
        if !is_namespace(name) {
            diagnostics.add_key(&at, format!("`{name}` is not the name of a namespace"), "write one name, without `*`");
        }
        repositories(&at.key("repositories"), &namespace.repositories, diagnostics);
    }
    for (i, trusted) in policy.issuers.iter().enumerate() {
        issuer(&root.key("issuers").index(i), trusted, diagnostics);
    }
}

fn issuer(at: &FieldPath, trusted: &TrustedIssuer, diagnostics: &mut DiagnosticSink) {
    let is_url = |text: &str| {
        let host = text.strip_prefix("https://").unwrap_or_default();
        !host.is_empty()
            && !host.starts_with('/')
            && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '@')
    };
    for (field, text) in [("issuer", &trusted.issuer), ("server", &trusted.server)] {
        if !is_url(text) {
            let help = "write the whole URL, such as `https://git.example`";
            diagnostics.add(&at.key(field), format!("`{text}` is not an https URL"), help);
        }
    }
    // A file becomes a key of a ConfigMap.
    let is_file = |text: &str| {
        !text.starts_with('.')
            && text.len() <= MAX_FILE
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let keys = &trusted.keys;
    if !is_url(keys) && (keys.is_empty() || !is_file(keys) || keys == CONFIGMAP_KEY) {
        let help = "write an https URL, or the name of a file beside the policy, such as `jwks.json`";
        diagnostics.add(&at.key("keys"), format!("`{keys}` is neither an https URL nor the name of a file"), help);
    }
    if trusted
        .audience
        .as_ref()
        .is_some_and(|a| a.is_empty() || a.contains(|c: char| c.is_whitespace() || c.is_control()))
    {
        diagnostics.add(
            &at.key("audience"),
            "the audience is empty, or has spaces",
            "write one word, such as `dayfly`",
        );
    }
}

fn rule(at: &FieldPath, rule: &Rule, diagnostics: &mut DiagnosticSink) {
    if rule.namespaces.is_empty() && rule.repositories.is_empty() {
        let help = "add `namespaces` or `repositories`; limits for everybody belong under `default`";
        diagnostics.add(at, format!("{at} names nobody"), help);
    }
    for (i, pattern) in rule.namespaces.iter().enumerate() {
        let start = pattern.strip_suffix('*').map(|s| s.trim_end_matches('-'));
        if pattern != "*" && !is_namespace(start.unwrap_or(pattern)) {
            let help = "write a name such as `team-a`, or the beginning of names such as `team-b-*`";
            let at = at.key("namespaces").index(i);
            diagnostics.add(&at, format!("`{pattern}` is not the name of a namespace"), help);
        }
    }
    repositories(&at.key("repositories"), &rule.repositories, diagnostics);
    limits(&at.key("allow"), &rule.allow, diagnostics);
}

fn limits(at: &FieldPath, set: &LimitSet, diagnostics: &mut DiagnosticSink) {
    let mut quantity = |field: &str, text: &Option<String>, what: &str, read: fn(&str) -> Result<u64, String>| {
        if let Some((text, Err(help))) = text.as_ref().map(|t| (t, read(t))) {
            diagnostics.add(&at.key(field), format!("`{text}` is not a valid {what}"), help);
        }
    };
    quantity("memory", &set.memory, "amount of memory", memory_bytes);
    quantity("cpu", &set.cpu, "number of processors", cpu_millis);
    quantity("ttl", &set.ttl, "duration", life);
    if let Some(rules) = &set.dependencies {
        let at = at.key("dependencies");
        let mut duration = |at: FieldPath, text: &Option<String>| {
            if let Some((text, Err(help))) = text.as_ref().map(|t| (t, age(t))) {
                diagnostics.add(&at, format!("`{text}` is not a valid duration"), help);
            }
        };
        for (field, text) in [("maxAge", &rules.max_age), ("cooldown", &rules.cooldown), ("reassess", &rules.reassess)]
        {
            duration(at.key(field), text);
        }
        if let Some(Leeway { low, medium, high, critical }) = &rules.leeway {
            for (field, text) in [("low", low), ("medium", medium), ("high", high), ("critical", critical)] {
                duration(at.key("leeway").key(field), text);
            }
        }
    }
    for (i, name) in set.capabilities.iter().flatten().enumerate() {
        capability(&at.key("capabilities").index(i), name, diagnostics);
    }
    for (i, pattern) in set.registries.iter().flatten().enumerate() {
        if normal(pattern).is_none() {
            let help = "write registry and path, such as `registry.example/shop/api` or `registry.example/shop/*`";
            let at = at.key("registries").index(i);
            diagnostics.add(&at, format!("`{pattern}` is not a pattern of images"), help);
        }
    }
}

fn repositories(at: &FieldPath, names: &[String], diagnostics: &mut DiagnosticSink) {
    for (i, name) in names.iter().enumerate() {
        let hosted = Repository::parse(name).is_some_and(|r| r.has_host());
        let stars = name.strip_suffix("/*").unwrap_or(name).contains('*');
        if !hosted || stars {
            let help = "write the whole URL, such as `https://git.example/org/shop` or `https://git.example/org/*`";
            diagnostics.add(&at.index(i), format!("`{name}` is not the URL of a repository"), help);
        }
    }
}

fn is_namespace(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = [name.bytes().next(), name.bytes().next_back()];
    name.len() <= MAX_NAMESPACE
        && ends.iter().all(|b| b.is_some_and(letter))
        && name.bytes().all(|b| letter(b) || b == b'-')
}
