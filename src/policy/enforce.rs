//! Checks a valid description against a policy. Pure. Reports every refusal at once.

use super::containers::{self, Container};
use super::limits::{Ceiling, Limits, life};
use super::model::Departure;
use super::patterns::{image_matches, image_name, is_public};
use super::valid::{Policy, Subject};
use super::words::{Asking, cpu, duration, list, memory};
use crate::spec::diagnostic::{Diagnostic, DiagnosticSink, Diagnostics};
use crate::spec::quantity::{cpu_millis, memory_bytes};
use crate::spec::span::FieldPath;
use crate::spec::{Overrides, ValidDescription};

/// Checks a description, with what the command line overrode in it. An error holds every refusal.
///
/// It must pass before anything contacts a registry or an engine.
pub fn check(
    policy: &Policy,
    subject: &Subject,
    valid: &ValidDescription,
    overrides: &Overrides,
) -> Result<(), Diagnostics> {
    let containers = containers::all(&valid.environment);
    let mut check = Enforcement {
        limits: policy.limits(subject),
        asking: Asking::new(policy, subject),
        diagnostics: DiagnosticSink::new(valid.source.spans.clone(), "description"),
        overrides,
    };
    for container in &containers {
        check.image(container);
        check.departures(container);
        check.replicas(container);
    }
    check.sums(&containers);
    check.ttl(&valid.environment.ttl);
    let found = check.diagnostics;
    if found.list.is_empty() {
        return Ok(());
    }
    Err(Diagnostics::new(&valid.path, &valid.source.text, found.list, found.omitted))
}

/// Checks that the policy lists every image whose registry is read with somebody else's credentials: without a list, whoever
/// names an image would read what these credentials may.
pub fn check_credentials(
    policy: &Policy,
    subject: &Subject,
    valid: &ValidDescription,
    has_credentials: impl Fn(&str) -> bool,
) -> Result<(), Diagnostics> {
    // `check` compared every image with the list.
    let Ceiling { value: None, line } = policy.limits(subject).registries else { return Ok(()) };
    let mut diagnostics = DiagnosticSink::new(valid.source.spans.clone(), "description");
    for container in containers::all(&valid.environment).iter().filter(|c| has_credentials(c.image)) {
        let message = format!(
            "the image `{}` is not allowed: its registry is read with the installation's credentials",
            container.image
        );
        let help = Asking::new(policy, subject).help("registries", line, "registries without credentials only");
        diagnostics.add(&container.at.key("image"), message, help);
    }
    if diagnostics.list.is_empty() {
        return Ok(());
    }
    Err(Diagnostics::new(&valid.path, &valid.source.text, diagnostics.list, diagnostics.omitted))
}

/// Checks whether one more environment may exist beside those that the subject has. The error is one line.
pub fn check_number(policy: &Policy, subject: &Subject, existing: &[String]) -> Result<(), String> {
    let Ceiling { value: most, line } = policy.limits(subject).environments;
    if existing.len() < usize::from(most) {
        return Ok(());
    }
    let help = Asking::new(policy, subject).help("environments", line, &most.to_string());
    Err(format!("{} environments exist already, kept ones included: {}; {help}", existing.len(), existing.join(", ")))
}

struct Enforcement<'a> {
    limits: Limits,
    asking: Asking<'a>,
    diagnostics: DiagnosticSink,
    overrides: &'a Overrides,
}

impl Enforcement<'_> {
    fn image(&mut self, container: &Container<'_>) {
        let Ceiling { value: patterns, line } = &self.limits.registries;
        let (refusal, allowed) = match (image_name(container.image), patterns) {
            // A name that no registry has matches no pattern.
            (Err(why), _) => (Some(why), "registries that can be told from the name of the image".to_owned()),
            (Ok(name), Some(patterns)) if patterns.iter().any(|p| image_matches(p, &name)) => return,
            (Ok(_), Some(patterns)) => (None, if patterns.is_empty() { "no images".into() } else { list(patterns) }),
            (Ok(name), None) if is_public(&name) => return,
            (Ok(_), None) => (None, "registries with public names only".to_owned()),
        };
        let reason = refusal.map_or(String::new(), |why| format!(": {why}"));
        let message = format!("the image `{}` is not allowed{reason}", container.image);
        let help = self.asking.help("registries", *line, &allowed);
        match self.overrides.images.iter().any(|(name, _)| name == container.name) {
            true => self.push(&format!("--image {}", container.name), message, help),
            false => self.diagnostics.add(&container.at.key("image"), message, help),
        }
    }

    fn departures(&mut self, container: &Container<'_>) {
        let (at, security) = (container.at.key("security"), container.security);
        let Ceiling { value: allowed, line } = self.limits.departures.clone();
        let allows = match allowed.as_slice() {
            [] => "no departures".to_owned(),
            some => list(&some.iter().map(|d| d.field().to_owned()).collect::<Vec<_>>()),
        };
        for (departure, asked) in [(Departure::Root, security.root), (Departure::WritableRoot, security.writable_root)]
        {
            if asked && !allowed.contains(&departure) {
                let at = at.key(departure.field());
                let help = self.asking.help("departures", line, &allows);
                self.diagnostics.add(&at, format!("{at} is not allowed"), help);
            }
        }
        let Ceiling { value: allowed, line } = self.limits.capabilities.clone();
        for (i, capability) in security.capabilities.iter().enumerate().filter(|(_, c)| !allowed.contains(c)) {
            let allows = if allowed.is_empty() { "no capabilities".to_owned() } else { list(&allowed) };
            let help = self.asking.help("capabilities", line, &allows);
            let at = at.key("capabilities").index(i);
            self.diagnostics.add(&at, format!("the capability `{capability}` is not allowed"), help);
        }
    }

    fn replicas(&mut self, container: &Container<'_>) {
        let Ceiling { value: most, line } = self.limits.replicas;
        if let Some(asked) = container.replicas.filter(|n| *n > most) {
            let help = self.asking.help("replicas", line, &most.to_string());
            let message = format!("{asked} copies of `{}` are more than allowed", container.name);
            self.diagnostics.add(&container.at.key("replicas"), message, help);
        }
    }

    fn sums(&mut self, containers: &[Container<'_>]) {
        // A valid description has only quantities that can be read.
        self.sum(containers, "memory", |c| memory_bytes(&c.resources.memory).unwrap_or(u64::MAX), memory);
        self.sum(containers, "cpu", |c| cpu_millis(&c.resources.cpu).unwrap_or(u64::MAX), cpu);
    }

    /// Points at the container that asks for most: with it, the others would perhaps be allowed.
    fn sum(
        &mut self,
        containers: &[Container<'_>],
        field: &str,
        of: fn(&Container<'_>) -> u64,
        text: fn(u64) -> String,
    ) {
        let limit = if field == "memory" { &self.limits.memory } else { &self.limits.cpu_millis };
        let (most, line) = (limit.value, limit.line);
        let all = |c: &Container<'_>| of(c).saturating_mul(c.copies());
        let sum = containers.iter().map(all).fold(0, u64::saturating_add);
        let Some(largest) = containers.iter().max_by_key(|c| all(c)).filter(|_| sum > most) else { return };
        let what = if field == "memory" { "of memory" } else { "processors" };
        let message = format!(
            "the containers of the environment ask for {} {what} together, {} of it for {}",
            text(sum),
            text(all(largest)),
            largest.at,
        );
        let help = self.asking.help(field, line, &format!("{} for all containers together", text(most)));
        self.diagnostics.add(&largest.at.key("resources").key(field), message, help);
    }

    fn ttl(&mut self, ttl: &str) {
        let Ceiling { value: most, line } = self.limits.ttl_ms;
        if life(ttl).is_ok_and(|ms| ms <= most) {
            return;
        }
        let message = format!("a lifetime of {ttl} is longer than allowed");
        let help = self.asking.help("ttl", line, &duration(most));
        match self.overrides.ttl {
            Some(_) => self.push("--ttl", message, help),
            None => self.diagnostics.add(&FieldPath::root().key("ttl"), message, help),
        }
    }

    fn push(&mut self, option: &str, message: String, help: String) {
        self.diagnostics.push(Diagnostic::without_span(option, message, help));
    }
}
